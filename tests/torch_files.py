"""Files as ``torch.save`` writes them, made without PyTorch, byte by byte."""

import pickle
import struct
import zipfile

import numpy as np

STORAGES = {"float64": "DoubleStorage", "float32": "FloatStorage", "float16": "HalfStorage"}
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def plain(value):
    """Returns the instructions that make a value of Python's own types."""
    return pickle.dumps(value, 2)[2:-1]


def called(module, name, arguments=b")"):
    """Returns the instructions that call a global; by default with nothing."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n" + arguments + b"R"


def whole(instructions):
    """Returns a pickle."""
    return b"\x80\x02" + instructions + b"."


def tensor(key, dtype, shape, strides=None, size=None, offset=0, legacy=False):
    """Returns the instructions for a tensor in the storage ``key``."""
    if strides is None:
        strides = tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    size = int(np.prod(shape)) if size is None else size
    storage = b"(" + plain("storage") + b"ctorch\n" + STORAGES[dtype].encode() + b"\n"
    storage += plain(key) + plain("cpu") + plain(size) + (b"N" if legacy else b"") + b"tQ"
    arguments = b"(" + storage + plain(offset) + plain(tuple(shape)) + plain(tuple(strides))
    arguments += plain(False) + called("collections", "OrderedDict") + b"t"
    return called("torch._utils", "_rebuild_tensor_v2", arguments)


def ordered_dict(items):
    """Returns the pickle of a state dict: names and instructions, then its attribute."""
    body = b"".join(plain(name) + value for name, value in items)
    metadata = plain({"_metadata": {"": {"version": 1}}})
    return whole(called("collections", "OrderedDict") + b"(" + body + b"u" + metadata + b"b")


def write_zip(path, pickled, storages=(), compression=zipfile.ZIP_STORED, folder="archive"):
    """Writes the form of PyTorch 1.6 and later; ``storages``: the bytes of 0, 1, ..."""
    with zipfile.ZipFile(str(path), "w", compression) as archive:
        archive.writestr(folder + "/data.pkl", pickled)
        archive.writestr(folder + "/byteorder", "little")
        for key, content in enumerate(storages):
            archive.writestr("%s/data/%d" % (folder, key), content)
        archive.writestr(folder + "/version", "3\n")
    return str(path)


def write_legacy(path, pickled, storages=(), itemsize=4, about=None):
    """Writes the form of before PyTorch 1.6; ``about``: the pickle about the machine."""
    with open(str(path), "wb") as file:
        for value in (_MAGIC, _PROTOCOL):
            file.write(pickle.dumps(value, 2))
        file.write(about or pickle.dumps({"little_endian": True}, 2))
        file.write(pickled)
        file.write(pickle.dumps([str(key) for key in range(len(storages))], 2))
        for content in storages:
            file.write(struct.pack("<q", len(content) // itemsize) + content)
    return str(path)


def save(path, arrays, legacy=False):
    """Writes a state dict of arrays by their names."""
    items = [
        (name, tensor(str(key), array.dtype.name, array.shape, legacy=legacy))
        for key, (name, array) in enumerate(arrays.items())
    ]
    write = write_legacy if legacy else write_zip
    return write(path, ordered_dict(items), [array.tobytes() for array in arrays.values()])
