"""Which checkpoint is meant, and what is said of one that is not as it has to be."""

import os
import shutil

import pytest
from saved_checkpoints import ONLY_DATA, copied

from alexnet_flowers.errors import DataError
from alexnet_flowers.training import checkpoints, runs


def test_the_newest_complete_one_is_found(saved, tmp_path):
    assert checkpoints.newest(saved) == saved + "/model.ckpt-20"
    assert checkpoints.newest(str(tmp_path)) is None
    assert checkpoints.newest(str(tmp_path / "none")) is None
    torn = str(tmp_path / "torn")
    shutil.copytree(saved, torn)
    os.remove(torn + "/model.ckpt-20.data-00000-of-00001")
    assert checkpoints.newest(torn) == torn + "/model.ckpt-10"


def test_a_newer_one_that_takes_the_place_of_all_others_during_the_look_is_found(
    saved, tmp_path, monkeypatch
):
    folder = copied(saved, str(tmp_path / "run"))
    defect = checkpoints.defect

    def replaced(path):
        for part in checkpoints.parts(folder + "/model.ckpt-10"):
            os.rename(part, part.replace("-10.", "-30."))
        for part in checkpoints.parts(folder + "/model.ckpt-20"):
            os.remove(part)
        return defect(path)

    monkeypatch.setattr(checkpoints, "defect", replaced)
    assert checkpoints.newest(folder) == folder + "/model.ckpt-30"


def test_a_path_a_part_of_it_or_a_folder_can_be_meant(saved, tmp_path):
    for path in ("model.ckpt-10", "model.ckpt-10.index", "model.ckpt-10.meta"):
        assert checkpoints.resolve(os.path.join(saved, path), None) == saved + "/model.ckpt-10"
    assert checkpoints.resolve(saved, None) == saved + "/model.ckpt-20"
    assert checkpoints.resolve(None, saved) == saved + "/model.ckpt-20"
    with pytest.raises(DataError, match="model.ckpt-11: no such checkpoint"):
        checkpoints.resolve(saved + "/model.ckpt-11", None)
    with pytest.raises(DataError, match="no checkpoint yet; train first"):
        checkpoints.resolve(None, str(tmp_path))


def test_a_bare_folder_with_a_checkpoint_of_any_name_can_be_meant(saved, tmp_path):
    for part in ("index", "data-00000-of-00001"):
        shutil.copy(saved + "/model.ckpt-20." + part, str(tmp_path / ("alexnet_v2.ckpt." + part)))
    assert checkpoints.resolve(str(tmp_path), None) == str(tmp_path / "alexnet_v2.ckpt")
    for part in ("index", "data-00000-of-00001"):
        shutil.copy(saved + "/model.ckpt-20." + part, str(tmp_path / ("other.ckpt." + part)))
    with pytest.raises(DataError, match="which of its checkpoints.*alexnet_v2.ckpt, other.ckpt"):
        checkpoints.resolve(str(tmp_path), None)


def test_the_step_is_read(saved):
    assert checkpoints.global_step_of(saved + "/model.ckpt-10") == 10


@pytest.mark.parametrize("part", [".index", ONLY_DATA])
def test_one_of_which_a_part_has_gone_is_removed(saved, tmp_path, part):
    folder = copied(saved, str(tmp_path / "run"))
    os.remove(os.path.join(folder, "model.ckpt-20" + part))
    assert isinstance(checkpoints.error_about(folder + "/model.ckpt-20", "x"), checkpoints.Removed)
    assert type(checkpoints.error_about(folder + "/model.ckpt-10", "x")) is DataError


def test_what_is_damaged_is_not_called_missing(saved, tmp_path):
    folder = copied(saved, str(tmp_path / "runs" / "run"))
    for step in (10, 20):
        with open(os.path.join(folder, "model.ckpt-%d%s" % (step, ONLY_DATA)), "r+b") as file:
            file.truncate(5)
    with pytest.raises(
        DataError, match="none of its 2 checkpoints is complete; of the newest, mod"
    ):
        checkpoints.resolve(None, folder)
    with pytest.raises(DataError, match="model.ckpt-20: its data has 5 bytes of"):
        checkpoints.resolve(os.path.join(folder, "model.ckpt-20"), None)
    with pytest.raises(DataError, match="not a readable checkpoint"):
        checkpoints.global_step_of(os.path.join(folder, "model.ckpt-20"))
    # It is still the run that is meant, as the only one there is.
    assert runs.choose_run(None, None, os.path.dirname(folder), "s").name == "run"


def test_an_unknown_run_names_those_that_there_are(tmp_path, random_run):
    os.symlink(random_run.checkpoints_dir, str(tmp_path / "there"))
    with pytest.raises(DataError, match="scripts/train.py, or name another run: there$"):
        checkpoints.resolve(None, str(tmp_path / "nobody"))
    for number in range(19):
        os.symlink(random_run.checkpoints_dir, str(tmp_path / ("run%02d" % number)))
    with pytest.raises(DataError, match="run: run00, run01, .*, run11 and 8 more$"):
        checkpoints.resolve(None, str(tmp_path / "nobody"))
