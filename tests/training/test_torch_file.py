"""Tensors in PyTorch's files: read as they are, and nothing else is read."""

import os
import zipfile

import numpy as np
import pytest
import torch_files
from torch_files import called, ordered_dict, plain, tensor, whole, write_legacy, write_zip

from alexnet_flowers.errors import DataError
from alexnet_flowers.training import torch_file

NUMBERS = np.arange(12, dtype=np.float32)
FORMS = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])


@FORMS
def test_names_order_shapes_and_numbers(legacy, tmp_path):
    arrays = {
        "b.weight": NUMBERS.reshape(3, 4),
        "a.bias": NUMBERS[:2] + 0.5,
        "none": NUMBERS[:0].reshape(0, 7),
        "one": np.array(7, np.float32),
    }
    file = torch_file.TorchFile(torch_files.save(tmp_path / "f.pth", arrays, legacy))
    assert list(file.tensors) == list(arrays)
    for name, array in arrays.items():
        assert file.tensors[name].shape == array.shape
        assert file.read(name).dtype == array.dtype
        np.testing.assert_array_equal(file.read(name), array)


@FORMS
def test_a_tensor_may_be_a_view_of_a_shared_storage(legacy, tmp_path):
    pickled = ordered_dict(
        [
            ("turned", tensor("0", "float32", (4, 3), (1, 4), 12, legacy=legacy)),
            ("row", tensor("0", "float32", (4,), (1,), 12, 8, legacy=legacy)),
            ("step", plain(3)),
        ]
    )
    write = write_legacy if legacy else write_zip
    file = torch_file.TorchFile(write(tmp_path / "f.pth", pickled, [NUMBERS.tobytes()]))
    assert list(file.tensors) == ["turned", "row"]
    np.testing.assert_array_equal(file.read("turned"), NUMBERS.reshape(3, 4).T)
    np.testing.assert_array_equal(file.read("row"), NUMBERS[8:])


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_numbers(dtype, tmp_path):
    path = torch_files.save(tmp_path / "f.pth", {"a": NUMBERS.astype(dtype)})
    np.testing.assert_array_equal(torch_file.TorchFile(path).read("a"), NUMBERS)


def _refused(path, *texts):
    with pytest.raises(DataError) as caught:
        file = torch_file.TorchFile(path)
        for name in file.tensors:
            file.read(name)
    message = str(caught.value)
    assert message.startswith(path + ": ") and "\n" not in message and len(message) < 400
    for text in texts:
        assert text in message, message


def _hostile(marker):
    """Pickles that would write a file, as whoever loads them with PyTorch's old way finds out."""
    command = plain("echo hello > '%s'" % marker)
    source = plain("open(%r, 'w')" % str(marker))
    function = "posix", "system", b"(" + command + b"t"
    return {
        "posix.system": whole(called(*function)),
        "builtins.eval": whole(called("builtins", "eval", b"(" + source + b"t")),
        # Within what looks like a state dict, as an argument of what is allowed, as an old class.
        "in_a_dict": ordered_dict([("features.0.weight", called(*function))]),
        "as_an_argument": whole(
            called("collections", "OrderedDict", b"(" + called(*function) + b"t")
        ),
        "as_an_instance": whole(b"(" + command + b"iposix\nsystem\n"),
        "by_stack": whole(plain("posix") + plain("system") + b"\x93" + b"(" + command + b"tR"),
        "dotted": whole(plain("torch._utils") + plain("_rebuild_tensor_v2.__globals__") + b"\x93"),
        "another_of_torch": whole(called("torch._utils", "_rebuild_parameter")),
        "set_state": whole(
            called("collections", "OrderedDict") + b"}" + plain("__setstate__")
            + b"cposix\nsystem\nsb" + command + b"b"
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(_hostile("")))
@pytest.mark.parametrize("place", ["zip", "legacy", "about"])
def test_a_pickle_that_calls_anything_is_refused_and_nothing_runs(name, place, tmp_path):
    marker = tmp_path / "ran"
    pickled = _hostile(marker)[name]
    path = tmp_path / "f.pth"
    if place == "zip":
        path = write_zip(path, pickled)
    elif place == "legacy":
        path = write_legacy(path, pickled)
    else:
        path = write_legacy(path, ordered_dict([]), about=pickled)
    _refused(path, "nothing was executed", "state_dict()")
    assert os.listdir(str(tmp_path)) == ["f.pth"]


def test_a_pickle_can_change_nothing_here(tmp_path):
    # Attributes of the function that it is given, and a call of it all the same.
    instructions = b"ctorch._utils\n_rebuild_tensor_v2\n" + plain({"shape": 3}) + b"b"
    path = write_zip(tmp_path / "f.pth", whole(instructions))
    _refused(path, "no dictionary of tensors")
    for instructions in (
        tensor("0", "float32", (12,)) + b"N" + plain({"offset": -9}) + b"\x86b",
        called("torch._utils", "_rebuild_tensor_v2", plain((1, 2, (3,), (4,)))),
    ):
        path = write_zip(tmp_path / "f.pth", whole(instructions), [NUMBERS.tobytes()])
        _refused(path, "damaged")


@FORMS
@pytest.mark.parametrize(
    "described",
    [
        dict(shape=(13,), size=12),
        dict(shape=(4,), offset=9, size=12),
        dict(shape=(4,), offset=-1, size=12),
        dict(shape=(2, 2), strides=(10, 2), size=12),
        dict(shape=(2,), strides=(-1,), offset=5, size=12),
        dict(shape=(2,), strides=(1, 1), size=12),
        dict(shape=(True, 2), strides=(1, 1), size=12),
        dict(shape=(12,), size=10**15),
        dict(shape=(2,), size=-5),
    ],
    ids=str,
)
def test_no_tensor_reaches_beyond_its_storage(described, legacy, tmp_path):
    pickled = ordered_dict([("a", tensor("0", "float32", legacy=legacy, **described))])
    write = write_legacy if legacy else write_zip
    _refused(write(tmp_path / "f.pth", pickled, [NUMBERS.tobytes()]), "damaged")


@FORMS
def test_a_file_that_is_cut_off(legacy, tmp_path):
    path = torch_files.save(tmp_path / "f.pth", {"a": NUMBERS}, legacy)
    content = (tmp_path / "f.pth").read_bytes()
    for length in list(range(0, len(content), 17)) + [len(content) - 1]:
        (tmp_path / "f.pth").write_bytes(content[:length])
        _refused(path, "damaged")


def test_what_is_no_file_of_pytorch(tmp_path):
    path = tmp_path / "f.pth"
    for content in (b"", b"<html>Not found</html>", b"\x89PNG\r\n", whole(plain({"a": 1}))):
        path.write_bytes(content)
        _refused(str(path), "not a file of torch.save")
    with zipfile.ZipFile(str(path), "w") as archive:
        archive.writestr("readme.txt", "hello")
    _refused(str(path), "not a file of torch.save")
    with pytest.raises(FileNotFoundError):
        torch_file.TorchFile(str(tmp_path / "none.pth"))
    with pytest.raises(IsADirectoryError):
        torch_file.TorchFile(str(tmp_path))


def test_nothing_that_unfolds_in_memory(tmp_path):
    zeros = np.zeros(10**6, np.float32)
    pickled = ordered_dict([("a", tensor("0", "float32", zeros.shape))])
    path = write_zip(
        tmp_path / "f.pth", pickled, [zeros.tobytes()], compression=zipfile.ZIP_DEFLATED
    )
    _refused(path, "is compressed")


def test_what_holds_no_tensors(tmp_path):
    for value in ([1, 2], {"epoch": 3, "state_dict": {}}):
        _refused(write_zip(tmp_path / "f.pth", whole(plain(value))), "no dictionary of tensors")


@FORMS
@pytest.mark.parametrize(
    "instructions",
    [
        b"}r" + (2**28 - 1).to_bytes(4, "little") + b"0}",  # Kept under a number: 4 GB.
        b"})" + b"\x85" * 300000 + b"Ns",  # A key of so many tuples within each other.
    ],
    ids=["memo", "hash"],
)
def test_a_small_file_takes_little_memory_and_ends_nobody(instructions, legacy, tmp_path):
    write = write_legacy if legacy else write_zip
    _refused(write(tmp_path / "f.pth", whole(instructions)), "damaged", "more than a dictionary")
