"""Where each record lies in a shard, also in one that is damaged.

Around each record's bytes a shard keeps their length (8 bytes), a checksum of that and one of the
record (4 bytes each). Where a record is damaged but its length is not, the next one is found
behind it; where the length is, everything up to the shard's end is lost.
"""

import os
import struct
from typing import NamedTuple, Optional

from alexnet_flowers import regular_file

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_GZIP = b"\x1f\x8b"
# The problem of a last record that is not whole, as while it is being written.
CUT_OFF = "cut off"


class Frame(NamedTuple):
    """The place of a record.

    Attributes:
      start: int, its first byte in the shard.
      end: int, the byte behind its last one; None where that cannot be told.
      record: its bytes, None where they are damaged.
      problem: str, what is damaged; None where nothing is.
    """

    start: int
    end: Optional[int]
    record: Optional[bytes]
    problem: Optional[str]


def read(path):
    """Yields the ``Frame`` of each record; the last one's end is None if it cannot be told.

    Raises:
      DataError: it is no file.
      OSError: it cannot be read.
    """
    regular_file.check(path, "move it away and convert again")
    size = os.path.getsize(path)
    start = 0
    with open(path, "rb") as file:
        while start < size:
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                yield Frame(start, None, None, CUT_OFF)
                return
            length, checksum = _HEADER.unpack(header)
            if _masked_crc32c(header[:8]) != checksum:
                problem = "its length is damaged, so that nothing behind it can be read"
                if start == 0 and header.startswith(_GZIP):
                    problem = "it is packed by gzip and has to be unpacked first"
                yield Frame(start, None, None, problem)
                return
            end = start + _HEADER.size + length + _FOOTER.size
            if end > size:
                yield Frame(start, None, None, CUT_OFF)
                return
            record = file.read(length)
            (checksum,) = _FOOTER.unpack(file.read(_FOOTER.size))
            if _masked_crc32c(record) == checksum:
                yield Frame(start, end, record, None)
            else:
                yield Frame(start, end, None, "its checksum does not fit its bytes")
            start = end


def _masked_crc32c(data):
    """Returns the checksum of some bytes as records have it: turned, and a constant added."""
    import google_crc32c  # Here: on Python 3.7 it takes a tenth of a second, even for --help.

    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
