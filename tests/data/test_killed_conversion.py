"""A conversion that is killed at any stage: never taken for finished, and finished by the next."""

import io
import os
import random
import re
import signal
import time

import pytest
from conversions import contents, convert
from http_servers import serving, whole
from photo_archives import CLASS_NAMES, draw, encode, write_tgz
from PIL import Image
from processes import Script

from alexnet_flowers.data import dataset
from alexnet_flowers.errors import DataError

SETTINGS = {"num_validation": 20, "num_test": 20, "num_shards": 3}
ARGS = ["--%s=%d" % setting for setting in SETTINGS.items()]
# Each stage by the file that says it has begun, and about how many seconds it takes.
STAGES = {
    "downloading": (r"flowers_archive_photos\.tgz\.partial$", 0.3),
    "reading and checking": (r"flowers_archive_photos\.tgz$", 0.4),
    "writing": (r"flowers_.*\.tfrecord\.partial$", 0.1),
    "naming": (r"flowers_.*\.tfrecord$|labels\.txt", 0.001),
}


def photos():
    """Photos large enough that every stage takes its time; every fourth is encoded anew."""
    members = []
    for class_name in CLASS_NAMES:
        for number in range(60):
            image = Image.open(io.BytesIO(draw(class_name, number % 6))).resize((640, 480))
            if number % 4 == 0:
                image = image.convert("L")
            name = "flower_photos/%s/%d.jpg" % (class_name, number)
            members.append((name, encode(image, quality=90)))
    return members


def slowly(body):
    """Answers with ``body`` in a third of a second."""

    def answer(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        try:
            for start in range(0, len(body), len(body) // 30):
                request.wfile.write(body[start : start + len(body) // 30])
                time.sleep(0.01)
        except OSError:
            pass  # The client was killed.

    return answer


def has_begun(folder, pattern):
    return os.path.isdir(folder) and any(re.match(pattern, name) for name in os.listdir(folder))


@pytest.mark.soak
def test_a_killed_conversion_is_finished_by_the_next_with_the_same_bytes(tmp_path, trials, tally):
    archive = write_tgz(tmp_path / "photos.tgz", photos())
    with open(archive, "rb") as file:
        body = file.read()
    rng = random.Random(10)
    stages = rng.sample(sorted(STAGES), len(STAGES))
    folder = str(tmp_path / "flowers0")
    number_of_trials = trials(3, 60)
    with serving({"/photos.tgz": [whole(body), slowly(body)]}) as server:
        convert(tmp_path / "undisturbed", server.url + "/photos.tgz", **SETTINGS)
        undisturbed = contents(tmp_path / "undisturbed")
        for trial in range(number_of_trials):
            stage = stages[trial % len(stages)]
            pattern, secs = STAGES[stage]
            flags = ARGS + ["--dataset_dir=" + folder, "--archive=%s/photos.tgz" % server.url]
            script = Script("download_and_convert", tmp_path, *flags)
            # What an earlier one has left goes first; then this one begins.
            script.wait_until(lambda: has_begun(folder, r"lock$"))  # noqa: B023
            script.wait_until(lambda: not has_begun(folder, pattern))  # noqa: B023
            script.wait_until(lambda: has_begun(folder, pattern))  # noqa: B023
            time.sleep(rng.uniform(0, secs))
            ended = script.kill()
            is_finished = os.path.exists(os.path.join(folder, "dataset.json"))
            if is_finished:
                left = {name: data for name, data in contents(folder).items() if name != "lock"}
                left.pop("flowers_archive_photos.tgz", None)  # Killed before it was removed.
                assert left == undisturbed
            else:
                assert ended.status == -signal.SIGKILL, ended
                for split_name in ("train", "validation", "test"):
                    with pytest.raises(DataError):
                        dataset.get_split(split_name, folder)
            tally("conversion killed", "too late" if is_finished else stage)
            if is_finished or rng.random() < 0.5 or trial == number_of_trials - 1:
                ended = Script("download_and_convert", tmp_path, *flags).finish()
                assert ended.status == 0, ended
                found = contents(folder)
                if is_finished:
                    found.pop("flowers_archive_photos.tgz", None)
                    found.pop("lock", None)
                assert found == undisturbed
                tally("conversion run again", "the same bytes")
                folder = str(tmp_path / ("flowers%d" % (trial + 1)))


def test_sigterm_leaves_nothing_behind(tmp_path):
    write_tgz(tmp_path / "photos.tgz", photos())
    folder = str(tmp_path / "flowers")
    script = Script(
        "download_and_convert", tmp_path, "--archive=photos.tgz", "--dataset_dir=flowers"
    )
    assert script.wait_until(lambda: has_begun(folder, r"dataset\.json\.partial"))
    script.send(signal.SIGTERM)
    assert script.finish().status == 143
    assert os.listdir(str(tmp_path)) == ["photos.tgz"]
