"""Every damaged shard is found, and what is left of a split is as it was.

A mutant is a copy of a small dataset with one thing changed in one shard, drawn by a seed.
"""

import os
import random
import re

import bad_shards
import conversions
import pytest
from bad_shards import shards
from shard_files import read

from alexnet_flowers.data import dataset, record_check
from alexnet_flowers.errors import DataError
from alexnet_flowers.input import pipeline
from alexnet_flowers.tf1 import tf


class Pipeline:
    """Slim's queues over the train split, built once and run again and again."""

    def __init__(self, folder):
        self._graph = tf.Graph()
        with self._graph.as_default():
            self.split = dataset.get_split("train", folder)
            self._labels = pipeline.evaluation_batches(self.split, 5, 32).labels
            self._init = tf.local_variables_initializer()

    def read(self):
        """Returns the number of photos that come out; raises what stops it."""
        number = 0
        with tf.Session(graph=self._graph) as session, self._graph.as_default():
            session.run(self._init)
            coordinator = tf.train.Coordinator()
            threads = tf.train.start_queue_runners(session, coordinator)
            try:
                while True:
                    number += len(session.run(self._labels))
            except tf.errors.OutOfRangeError:
                pass
            coordinator.request_stop()
            coordinator.join(threads)
        return number


def why_it_stops(folder, reading):
    """Returns how reading a split ends, without a record being allowed to be bad."""
    try:
        dataset.get_split("train", folder)
    except DataError as error:
        return str(error)
    with pytest.raises(tf.errors.OpError):
        assert reading.read() is None, "nothing stopped it"
    return record_check.explanation(reading.split)


def numbers_of(lines):
    """Returns the numbers of all records that are reported."""
    numbers = set()
    for line in lines:
        first, last = re.search(r": records? (\d+)(?: to (\d+))?: ", line).groups()
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


@pytest.mark.soak
def test_every_mutant_is_found_and_what_is_left_is_as_it_was(copy, trials, tally):
    contents = conversions.contents(copy)
    paths = shards(copy)
    payloads = {path: read(path) for path in paths}
    reading = Pipeline(copy)
    assert reading.read() == 25
    for seed in range(trials(60, 2000)):
        draw = random.Random(seed)
        mutations = list(bad_shards.SEEN_BY_THEMSELVES)
        if draw.random() < 0.3:
            os.remove(os.path.join(copy, "dataset.json"))
        else:
            mutations += bad_shards.SEEN_BY_WHAT_WAS_WRITTEN
        mutate, path = draw.choice(mutations), draw.choice(paths)
        others = [p for name in ("train", "validation") for p in shards(copy, name) if p != path]
        number = mutate(path, draw, others)
        what = "seed %d, %s of %s" % (seed, mutate.__name__, path)
        named = "%s(: records? \\d+[ :]| is missing|: \\d+ (records|bytes), not the )"
        if number is not None:
            named = "%%s: record %d: " % number
        named %= os.path.basename(path)

        message = why_it_stops(copy, reading)
        assert message is not None and re.search(named, message), "%s: %s" % (what, message)

        lines = []
        try:
            split = dataset.get_split("train", copy, skip_bad_records=1000, report=lines.append)
        except DataError as error:
            assert re.search(named, str(error)), "%s: %s" % (what, error)
            tally("bad records", "%s: found, nothing to go on with" % mutate.__name__)
        else:
            assert all(os.path.basename(path) in line for line in lines), what
            bad = numbers_of(lines)
            assert bad and (number is None or bad == {number}), what
            left = [read(source) for source in split.data_sources]
            for original, is_left in zip(paths, left):
                gone = bad if original == path else ()
                expected = [one for at, one in enumerate(payloads[original]) if at not in gone]
                assert is_left == expected, what
            assert split.num_samples == sum(map(len, left)), what
            tally("bad records", "%s: found, the others as they were" % mutate.__name__)
        for name in ("dataset.json", os.path.basename(path)):
            with open(os.path.join(copy, name), "wb") as file:
                file.write(contents[name])
    assert reading.read() == 25
