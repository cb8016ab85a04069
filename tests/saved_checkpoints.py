"""Checkpoints of a model of two small layers under AlexNet's names, and folders of them."""

import os
import shutil

from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import settings


def build(num_classes=5, value=0.0):
    """A model of two small layers under AlexNet's names."""
    for layer, shape in (("fc7", [2, 3]), ("fc8", [3, num_classes])):
        slim.model_variable(
            "alexnet_v2/%s/weights" % layer, shape, initializer=tf.constant_initializer(value)
        )


def save(run_dir, steps=(10, 20), value=1.0, averages=False, num_classes=5):
    with tf.Graph().as_default(), tf.Session() as session:
        build(num_classes, value)
        step = tf.train.get_or_create_global_step()
        if averages:
            average = tf.train.ExponentialMovingAverage(0.5)
            applied = average.apply(tf.trainable_variables())
        saver = tf.train.Saver(save_relative_paths=True)
        session.run(tf.global_variables_initializer())
        if averages:
            session.run([v.assign(v + 2) for v in slim.get_model_variables()])
            session.run(applied)
        for number in steps:
            session.run(step.assign(number))
            saver.save(session, os.path.join(run_dir, "model.ckpt"), global_step=number)
    return os.path.join(run_dir, "model.ckpt-%d" % steps[-1])


HEX = "0123456789abcdef" * 2


ONLY_DATA = ".data-00000-of-00001"


def copied(saved, folder, *steps):
    """A copy of the checkpoints of steps 10 and 20, and of the first under other steps."""
    shutil.copytree(saved, folder)
    for step in steps:
        for suffix in (".index", ONLY_DATA, ".meta"):
            source = os.path.join(folder, "model.ckpt-10" + suffix)
            shutil.copy(source, source.replace("-10.", "-%d." % step))
    return folder


def listed(folder):
    return [
        os.path.basename(p)
        for p in tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths
    ]


def names_of(*steps):
    return ["model.ckpt-%d" % step for step in steps]


def copy_of_run(run, folder):
    """Copies a run's folder, but for the 185 MB of each checkpoint, which are links; returns it."""
    return copy_with_links(run.checkpoints_dir, str(folder))


def copy_with_links(source, target):
    """Copies a folder, but for the data of checkpoints, which are links; returns the copy."""
    return shutil.copytree(source, target, symlinks=True, copy_function=_link_data)


def _link_data(source, target):
    (os.link if ONLY_DATA in source else shutil.copy2)(source, target)


def copy_of_other_photos(run, folder):
    """Copies a run's checkpoints to a folder, as those of a run of other photos; returns it."""
    folder = copy_of_run(run, folder)
    kept = settings.read(folder)
    settings.write(folder, dict(kept, dataset={"archive_sha256": "of others"}))
    return folder
