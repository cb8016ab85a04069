"""The tensors in a file of PyTorch's, read without PyTorch and without executing anything.

``torch.save`` writes a pickle, which may call whatever it names, and the tensors' numbers beside
it: since PyTorch 1.6 as members of a zip archive, before that behind one another. Here a pickle
may name the few things that a dictionary of tensors consists of; they are taken as plain data.
"""

import collections
import io
import pickle
import pickletools
import struct
import typing
import zipfile

import numpy as np

from alexnet_flowers.errors import DataError

_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
# torch.serialization's own numbers.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
# Of a pickle: a tensor takes some 200 bytes of it, and four tuples.
_MOST_BYTES = 2**20
_MOST_TUPLES = 20000
_ADVICE = "save the network's state_dict(), in float32, with torch.save"


class _Storage(typing.NamedTuple):
    """A run of numbers: ``key`` says where in the file they are."""

    key: str
    dtype: np.dtype
    size: int


class Tensor(typing.NamedTuple):
    """A tensor that has not been read yet.

    Its element [i, j, ...] is number ``offset + i * strides[0] + j * strides[1] + ...`` of the
    storage.
    """

    storage: _Storage
    offset: int
    shape: typing.Tuple[int, ...]
    strides: typing.Tuple[int, ...]


class TorchFile:
    """A dictionary of tensors in a file.

    Attributes:
      tensors: the ``Tensor`` of each name; what else the dictionary holds is left out.
    """

    def __init__(self, path):
        """Reads names and shapes.

        Raises:
          DataError: it is no file of PyTorch's, is damaged, or holds something else than tensors
            in a dictionary.
        """
        self._path = path
        self._places = None
        with open(path, "rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
        content = self._guarded(self._read_zip if is_zip else self._read_legacy)
        self.tensors = {}
        if isinstance(content, dict):
            self.tensors = {n: t for n, t in content.items() if isinstance(t, Tensor)}
        if not self.tensors:
            raise DataError("%s: holds no dictionary of tensors; %s" % (path, _ADVICE))

    def read(self, name):
        """Returns a tensor as an array; ``DataError`` if the file is damaged."""
        return self._guarded(self._read_tensor, self.tensors[name])

    def _guarded(self, read, *args):
        try:
            return read(*args)
        # Bytes that are no pickle may be taken for any instruction, and fail in any way.
        except Exception as error:
            # That the file is missing, or a folder, the operating system's error says itself.
            if isinstance(error, DataError) or getattr(error, "errno", None) is not None:
                raise
            raise DataError(
                "%s: not a file of torch.save, or damaged (%s); get it anew"
                % (self._path, str(error) or type(error).__name__)
            )

    def _read_zip(self):
        with zipfile.ZipFile(self._path) as archive:
            folder = archive.namelist()[0].split("/")[0] + "/"
            if folder + "byteorder" in archive.namelist():
                if _read_member(archive, folder + "byteorder") != b"little":
                    raise ValueError("its numbers are not little-endian")
            self._places = folder + "data/"
            index = io.BytesIO(_read_member(archive, folder + "data.pkl"))
            return _Unpickler(index, self._path).load()

    def _read_legacy(self):
        with open(self._path, "rb") as file:
            for expected in (_LEGACY_MAGIC, _LEGACY_PROTOCOL):
                if _Unpickler(file, self._path).load() != expected:
                    raise ValueError("it does not begin as one")
            _Unpickler(file, self._path).load()  # About the machine that wrote it.
            unpickler = _Unpickler(file, self._path)
            content = unpickler.load()
            self._places = {}
            for key in _Unpickler(file, self._path).load():
                storage = unpickler.storages[key]
                (size,) = struct.unpack("<q", file.read(8))
                if size != storage.size:
                    raise ValueError("storage %s has another length than its tensors" % key)
                self._places[key] = file.tell()
                file.seek(size * storage.dtype.itemsize, 1)
        return content

    def _read_tensor(self, tensor):
        dtype = tensor.storage.dtype
        numbers = np.frombuffer(self._read_storage(tensor.storage), dtype)
        strides = [stride * dtype.itemsize for stride in tensor.strides]
        return np.lib.stride_tricks.as_strided(
            numbers[tensor.offset :], tensor.shape, strides, writeable=False
        )

    def _read_storage(self, storage):
        num_bytes = storage.size * storage.dtype.itemsize
        if isinstance(self._places, dict):
            with open(self._path, "rb") as file:
                file.seek(self._places[storage.key])
                content = file.read(num_bytes)
        else:
            with zipfile.ZipFile(self._path) as archive:
                content = _read_member(archive, self._places + storage.key)
        if len(content) != num_bytes:
            raise ValueError("storage %s has another length than its tensors" % storage.key)
        return content


def _read_member(archive, name):
    member = archive.getinfo(name)
    # PyTorch compresses nothing, so no member takes more memory than the file is long.
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError("%s is compressed" % name)
    return archive.read(member)


def _tensor(storage, offset, shape, strides):
    """Returns a ``Tensor`` whose elements are all within its storage."""
    tensor = Tensor(storage, offset, tuple(shape), tuple(strides))
    numbers = (offset,) + tensor.shape + tensor.strides
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides))
    if (
        type(storage) is not _Storage
        or len(shape) != len(strides)
        or any(type(number) is not int or number < 0 for number in numbers)
        or (0 not in shape and last >= storage.size)
    ):
        raise ValueError("a tensor is not within its storage")
    return tensor


def _next_pickle(file):
    """Takes the next pickle out of a file if no instruction of it takes more than it is long.

    Python's own loader makes room for as many objects as the highest number that one is kept under,
    and a hash of tuples within each other ends the process where its stack ends.
    """
    begin, content = file.tell(), file.read(_MOST_BYTES)
    end = num_tuples = 0
    for opcode, number, place in pickletools.genops(content):
        end = place + 1
        num_tuples += opcode.name.startswith("TUPLE")
        if num_tuples > _MOST_TUPLES or ("PUT" in opcode.name and number >= _MOST_BYTES):
            raise ValueError("it holds more than a dictionary of tensors")
    file.seek(begin + end)
    return io.BytesIO(content[:end])


class _Unpickler(pickle.Unpickler):
    """Loads dictionaries of tensors, refuses everything else.

    Attributes:
      storages: every ``_Storage`` that was named, by its key.
    """

    def __init__(self, file, path):
        super().__init__(_next_pickle(file), encoding="utf-8")
        self._path = path
        self.storages = {}

    def find_class(self, module, name):
        """Returns what stands for a global that a pickle names."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            # A function for this one pickle, as pickles can set attributes of what they are given.
            return lambda *args: _tensor(*args[:4])
        if module == "torch" and name in _DTYPES:
            return name
        raise DataError(
            "%s: names %s.%s, which is not read here (nothing was executed); %s"
            % (self._path, module, name, _ADVICE)
        )

    def persistent_load(self, pid):
        """Returns the ``_Storage`` that a pickle refers to."""
        kind, storage_type, key, _, size = pid[:5]
        if kind != "storage" or pid[5:] not in ((), (None,)):
            raise ValueError("%s is not known" % (pid,))
        storage = _Storage(key, np.dtype(_DTYPES[storage_type]), size)
        if type(key) is not str or type(size) is not int or size < 0:
            raise ValueError("%s is not known" % (pid,))
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError("storage %s has two descriptions" % (key,))
        return storage
