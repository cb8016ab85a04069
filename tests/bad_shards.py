"""Shards gone wrong, by a given change of one record or in a seeded number of ways, for tests."""

import json
import os
import shutil

import photo_archives
from PIL import Image
from shard_files import read, write

from alexnet_flowers.data import manifest, records
from alexnet_flowers.tf1 import tf


def shards(folder, split_name="train"):
    return records.find_shards(folder, split_name)


def flip(path, at, mask=0xFF):
    with open(path, "r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ mask]))


def change(path, number, how):
    """Writes a shard anew, one record changed by ``how(feature)``; returns its number."""
    payloads = read(path)
    example = tf.train.Example.FromString(payloads[number])
    how(example.features.feature)
    payloads[number] = example.SerializeToString(deterministic=True)
    write(path, payloads)
    return number


def set_label(value):
    def how(feature):
        feature["image/class/label"].int64_list.value[0] = value

    return how


def set_photo(encoded):
    def how(feature):
        feature["image/encoded"].bytes_list.value[0] = encoded

    return how


def start_of(path, number):
    return sum(len(payload) + 16 for payload in read(path)[:number])


def with_size_told(path):
    """Says in ``dataset.json`` how large a shard is now."""
    folder, name = os.path.split(path)
    info = manifest.read(folder)
    info["splits"]["train"]["shards"][name]["num_bytes"] = os.path.getsize(path)
    with open(manifest.path(folder), "w") as file:
        json.dump(info, file)


# The mutations. Those of one record return its number. Where no dataset.json says what there should
# be, nobody can know that whole records are gone or are others.


def flip_a_byte(path, draw, others):
    flip(path, draw.randrange(os.path.getsize(path)), draw.randrange(1, 256))


def truncate(path, draw, others):
    ends = {start_of(path, number) for number in range(len(read(path)))}
    os.truncate(path, draw.choice(sorted(set(range(os.path.getsize(path))) - ends)))


def append_garbage(path, draw, others):
    with open(path, "ab") as file:
        file.write(bytes(draw.randrange(256) for _ in range(draw.randrange(1, 40))))


def truncate_between_records(path, draw, others):
    os.truncate(path, start_of(path, draw.randrange(len(read(path)))))


def swap_in_another(path, draw, others):
    shutil.copy(draw.choice(others), path)


def remove(path, draw, others):
    os.remove(path)


def drop_a_record(path, draw, others):
    payloads = read(path)
    del payloads[draw.randrange(len(payloads))]
    write(path, payloads)


def wrong_label(path, draw, others):
    label = draw.choice([5, 6, 127, -1, draw.randrange(128, 2**63), -(2**63)])
    return change(path, draw.randrange(len(read(path))), set_label(label))


def missing_feature(path, draw, others):
    name = draw.choice(["image/encoded", "image/class/label"])

    def how(feature):
        kind = draw.randrange(3)
        if kind == 0:
            del feature[name]
        elif kind == 1:
            feature[name].Clear()
        else:
            feature[name].float_list.value.append(1.0)

    return change(path, draw.randrange(len(read(path))), how)


def useless_photo(path, draw, others):
    photo = photo_archives.draw("roses", 1)
    gif = photo_archives.encode(Image.new("P", (20, 20)), "GIF")
    png = photo_archives.encode(Image.new("RGB", (20, 20)), "PNG")
    cut = photo[: draw.randrange(1, len(photo) * 9 // 10)]
    encoded = draw.choice([b"", b"<html>Not found</html>", gif, png, cut, cut, cut])
    return change(path, draw.randrange(len(read(path))), set_photo(encoded))


SEEN_BY_THEMSELVES = [flip_a_byte] * 4 + [truncate] * 2
SEEN_BY_THEMSELVES += [append_garbage, wrong_label, missing_feature, useless_photo, remove]
SEEN_BY_WHAT_WAS_WRITTEN = [truncate_between_records, swap_in_another, drop_a_record]
