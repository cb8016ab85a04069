import io

import pytest

from alexnet_flowers.data.sources.spool import Spool


def test_spool_takes_no_more_than_asked(tmp_path):
    spool = Spool(str(tmp_path))
    source = io.BytesIO(b"abcdef")
    first, second = spool.add(source, 4), spool.add(source, 2)
    assert (first(), second()) == (b"abcd", b"ef")


def test_spool_refuses_a_source_that_ends_early(tmp_path):
    spool = Spool(str(tmp_path))
    with pytest.raises(EOFError):
        spool.add(io.BytesIO(b"abc"), 4)
