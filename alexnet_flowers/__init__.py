"""AlexNet v2 on the Flowers photos, the TensorFlow 1 / TF-Slim way.

The rooms, in the order in which a photo passes through them::

    download, sample            an archive of photos
    archive, folder             the photos of an archive or a folder
    class_folders               the class of each of them
    verification                each of them decoded once
    splits                      which photo is for training, which for validation
    records, conversion         TFRecord shards, labels.txt, dataset.json
    dataset                     a slim ``Dataset``
    preprocessing, batches      images in [-1, 1], through slim's queues
    network, gradients          slim's alexnet_v2; how its backward pass is computed
    optimization                learning rate, optimizer, loss -> train_op
    settings, checkpoints       what a run means, and what it is resumed from
    training, loop, summaries   checkpoints in one directory, events in another
    evaluation                  every photo counted once

Beside the way: ``devices`` and ``memory`` (where and how it runs), ``errors``, ``json_file``,
``reference`` (the reference's way, to compare with) and ``benchmark``.
Importing the package itself imports nothing else; ``tf1`` is the one door to TensorFlow.
"""

__version__ = "1.0.0"
