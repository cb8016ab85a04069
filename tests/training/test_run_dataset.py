"""A run is shown the photos that it was trained on, and others only by name."""

import os
import shutil

import conversions
import pytest

from alexnet_flowers.data import identity
from alexnet_flowers.errors import DataError
from alexnet_flowers.training import run_dataset, runs, settings


@pytest.fixture(scope="module")
def other_dataset(tiny_archive, tmp_path_factory):
    """The photos of ``tiny_dataset``, divided by another seed: of the same classes and numbers."""
    path = str(tmp_path_factory.mktemp("other") / "flowers")
    conversions.convert(path, tiny_archive, seed=2, **conversions.TINY)
    return path


@pytest.fixture
def run_of(tmp_path):
    """A function that makes the run of some photos; more may be said in its ``settings.json``."""

    def make(dataset, **more):
        run = runs.locate_run("mine", str(tmp_path / "checkpoints"), str(tmp_path / "summaries"))
        os.makedirs(run.checkpoints_dir)
        kept = {"settings": {"image_size": 195}, "dataset": dataset, "num_steps": 7}
        settings.write(run.checkpoints_dir, dict(kept, **more))
        return run

    return make


def test_the_runs_own_photos_are_the_default(run_of, tiny_dataset):
    run = run_of(identity.of(tiny_dataset), dataset_dir=tiny_dataset)
    assert run_dataset.folder_of(run) == tiny_dataset
    assert run_dataset.choose(run) == (tiny_dataset, "", None)


def test_they_may_lie_elsewhere_and_in_other_shards(run_of, tiny_dataset, tiny_archive, tmp_path):
    run = run_of(identity.of(tiny_dataset), dataset_dir="gone")
    with pytest.raises(DataError, match="gone: the photos that run mine was trained on are not th"):
        run_dataset.choose(run)
    again = str(tmp_path / "again")
    conversions.convert(again, tiny_archive, num_validation=5, num_shards=1)
    assert run_dataset.choose(run, again) == (again, "", None)


def test_others_are_refused_unless_they_are_named(run_of, tiny_dataset, other_dataset, tmp_path):
    replaced = str(tmp_path / "flowers")
    run = run_of(identity.of(tiny_dataset), dataset_dir=replaced)
    shutil.copytree(other_dataset, replaced)
    with pytest.raises(DataError, match="flowers: run mine was trained on other photos than lie h"):
        run_dataset.choose(run)
    chosen = run_dataset.choose(run, other_dataset)
    assert chosen.dataset_dir == other_dataset
    assert chosen.suffix == "_on_flowers_" + identity.of(other_dataset)["digest"][:6]
    assert (
        chosen.note
        == "note: the photos of %s are not those that run mine was trained on (%s)"
        % (other_dataset, replaced)
    )


def test_a_run_from_before_there_was_a_digest(run_of, tiny_dataset, other_dataset):
    kept = identity.of(tiny_dataset)
    del kept["digest"]
    run = run_of(kept)
    assert run_dataset.folder_of(run) == "data/flowers"
    assert run_dataset.choose(run, tiny_dataset).note is None
    assert run_dataset.choose(run, other_dataset).note.endswith("that run mine was trained on")


def test_of_a_run_that_does_not_say_nothing_is_known(run_of, tiny_dataset):
    assert run_dataset.choose(run_of({}), tiny_dataset) == (tiny_dataset, "", None)


@pytest.fixture(scope="module")
def divided(tmp_path_factory, tiny_archive):
    """A function that divides the same photos by some settings; returns the folder."""

    def divide(name, **settings):
        folder = str(tmp_path_factory.mktemp(name))
        conversions.convert(folder, tiny_archive, **settings)
        return folder

    return divide


def test_the_other_folds_are_other_photos(run_of, divided):
    folds = [divided("f%d" % number, fold="%d/2" % number) for number in (1, 2)]
    ids = [identity.of(fold) for fold in folds]
    assert identity.mark(ids[0]) != identity.mark(ids[1])
    run = run_of(ids[0], dataset_dir=folds[0])
    assert run_dataset.choose(run) == (folds[0], "", None)
    chosen = run_dataset.choose(run, folds[1])
    assert chosen.suffix == "_on_%s_%s" % (os.path.basename(folds[1]), identity.mark(ids[1]))
    assert chosen.note


def test_names_divide_otherwise_than_a_seed(divided):
    by_name = identity.of(divided("by_name", split_by="name", validation_percentage=50))
    assert by_name["division"] == "name 50 0"
    # As if by chance there were as many photos of each class in each split.
    assert identity.is_other(by_name, dict(by_name, division=None))


def test_a_run_from_before_a_division_was_kept_goes_on(run_of, divided):
    fold = divided("before", fold="1/2")
    kept = identity.of(fold)
    del kept["division"]
    assert run_dataset.choose(run_of(kept), fold) == (fold, "", None)


def test_records_of_slim_are_told_apart_by_their_shards(tiny_dataset, other_dataset, tmp_path):
    ids = []
    for number, source in enumerate([tiny_dataset, tiny_dataset, other_dataset]):
        folder = tmp_path / str(number)
        shutil.copytree(source, str(folder))
        (folder / "dataset.json").unlink()
        ids.append(identity.of(str(folder)))
    assert ids[0]["archive_sha256"] is None and not identity.is_other(ids[0], ids[1])
    assert identity.is_other(ids[0], ids[2])


def test_a_long_name_of_a_folder_is_cut(run_of, tiny_dataset, tmp_path):
    folder = shutil.copytree(tiny_dataset, str(tmp_path / ("花" * 80)))
    suffix = run_dataset.choose(run_of({"digest": "of others"}), folder).suffix
    assert len(("validation_2048px_mirrored_raw_weights%s.csv.partial" % suffix).encode()) < 255
