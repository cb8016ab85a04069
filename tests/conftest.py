"""What the tests of all rooms share."""

import functools
import os
import runpy
import shutil
import sys

import photo_archives
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# The PYTHONPATH of processes that are to believe in a GPU.
PRETENDED_GPU = os.pathsep.join([os.path.join(ROOT, "tests", "pretended_gpu"), ROOT])

# What a person's shell may have TensorFlow say.
os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
# Requests to 127.0.0.1 go there, whatever proxy the environment names.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
# The tests run from a plain checkout; the package need not be installed.
sys.path.insert(0, ROOT)


@pytest.fixture(scope="session")
def tiny_archive(tmp_path_factory):
    """The path of a .tgz in the official layout: 5 classes of 6 photos each."""
    path = tmp_path_factory.mktemp("archive") / "tiny_photos.tgz"
    return photo_archives.write_tgz(path, photo_archives.official_members())


@pytest.fixture(scope="session")
def archive_bytes(tiny_archive):
    """The contents of ``tiny_archive``."""
    with open(tiny_archive, "rb") as file:
        return file.read()


@pytest.fixture(scope="session")
def tiny_dataset(tiny_archive, tmp_path_factory):
    """A folder with ``tiny_archive`` converted: 25 train and 5 validation photos in 2 shards each.

    All tests read the same one: copy it before changing anything.
    """
    import conversions

    path = str(tmp_path_factory.mktemp("dataset") / "flowers")
    conversions.convert(path, tiny_archive, **conversions.TINY)
    return path


@pytest.fixture
def copy(tiny_dataset, tmp_path):
    """A finished dataset that a test may change, in ``data``, where the scripts look for it."""
    return shutil.copytree(tiny_dataset, str(tmp_path / "data"))


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """A run's folder with the checkpoints of steps 10 and 20, see ``saved_checkpoints``.

    All tests read the same one: copy it before changing anything.
    """
    import saved_checkpoints

    run_dir = str(tmp_path_factory.mktemp("checkpoints") / "sgd")
    os.makedirs(run_dir)
    saved_checkpoints.save(run_dir)
    return run_dir


@pytest.fixture(scope="session")
def random_run(tmp_path_factory):
    """A run whose one checkpoint has random weights that tell photos apart; 195 px, 5 classes.

    All tests read the same one: copy it before changing anything.
    """
    from alexnet_flowers.data import records
    from alexnet_flowers.tf1 import alexnet, slim, tf
    from alexnet_flowers.training import runs, settings

    parent = tmp_path_factory.mktemp("runs")
    run = runs.locate_run("random", str(parent / "checkpoints"), str(parent / "summaries"))
    os.makedirs(run.checkpoints_dir)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(5)
        alexnet.alexnet_v2(tf.zeros([1, 195, 195, 3]), 5, is_training=False)
        step = tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        session.run(step.assign(7))
        for variable in slim.get_model_variables():
            if variable.op.name.endswith("fc6/biases") or variable.op.name.endswith("fc7/biases"):
                session.run(variable.assign(variable * 0))
            elif variable.op.name.endswith("fc8/weights"):
                session.run(variable.assign(variable * 5000))
        tf.train.Saver(slim.get_model_variables() + [step]).save(
            session, os.path.join(run.checkpoints_dir, "model.ckpt"), global_step=7,
            write_meta_graph=False,
        )  # fmt: skip
    kept = {"settings": {"image_size": 195}, "dataset": {}, "num_steps": 7}
    settings.write(run.checkpoints_dir, kept)
    labels = os.path.join(run.checkpoints_dir, records.LABELS_FILENAME)
    records.write_labels(labels, photo_archives.CLASS_NAMES)
    return run


@pytest.fixture(scope="session")
def run_script_in():
    """``processes.run_script``."""
    import processes

    return processes.run_script


@pytest.fixture(scope="session")
def network(random_run):
    """The network of ``random_run``, restored; whoever changes a variable changes it back."""
    from alexnet_flowers.inference import trained_network

    with trained_network.TrainedNetwork(random_run, device="cpu") as network:
        yield network


@pytest.fixture(scope="session")
def decode():
    """A function that decodes a JPEG the way training does."""
    from alexnet_flowers.tf1 import tf

    with tf.Graph().as_default() as graph:
        encoded = tf.placeholder(tf.string)
        image = tf.image.decode_jpeg(encoded, channels=3)
    session = tf.Session(graph=graph)
    yield lambda content: session.run(image, {encoded: content})
    session.close()


@pytest.fixture
def run_script(run_script_in, tmp_path):
    """The same in ``tmp_path``."""
    return functools.partial(run_script_in, tmp_path)


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="make the long trials: 40 minutes")
    parser.addoption("--pretend_gpu", action="store_true", help="say to all that there is a GPU")


def pytest_configure(config):
    if config.getoption("--pretend_gpu"):
        os.environ["PYTHONPATH"] = PRETENDED_GPU
        runpy.run_path(os.path.join(PRETENDED_GPU.split(os.pathsep)[0], "sitecustomize.py"))


def pytest_runtest_setup(item):
    is_long = any(mark.kwargs.get("only") for mark in item.iter_markers("soak"))
    if is_long and not item.config.getoption("--soak"):
        pytest.skip("belongs to the long trials only")
    if item.get_closest_marker("gpu"):
        import gpus

        if not gpus.is_there():
            pytest.skip("TensorFlow finds no GPU")


_TALLY = {}


@pytest.fixture
def trials(request):
    """A function that returns how many trials to make: the first number, with --soak the second."""
    return lambda short, long: long if request.config.getoption("--soak") else short


@pytest.fixture
def tally():
    """A function that counts, for the table at the end of a soak: ``tally(trial, outcome)``."""

    def count(trial, outcome, number=1):
        outcomes = _TALLY.setdefault(trial, {})
        outcomes[outcome] = outcomes.get(outcome, 0) + number

    return count


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("--soak"):
        return
    terminalreporter.write_line("| trial | made | of which |")
    terminalreporter.write_line("| --- | --- | --- |")
    for trial, outcomes in sorted(_TALLY.items()):
        parts = ", ".join("%s: %d" % outcome for outcome in sorted(outcomes.items()))
        terminalreporter.write_line("| %s | %d | %s |" % (trial, sum(outcomes.values()), parts))


@pytest.fixture(autouse=True)
def no_script_left():
    """Kills the scripts that a test which failed has left running: the others would be slowed."""
    yield
    if "processes" in sys.modules:
        sys.modules["processes"].kill_all()
