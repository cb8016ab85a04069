"""The same network's training step in PyTorch; speaks as ``worker`` does, needs no TensorFlow.

    python -m alexnet_flowers.benchmark.torch_worker BATCH_SIZE

Run by a Python that has PyTorch. Layers, activations, dropout, loss, weight decay and plain
gradient descent as in ``alexnet_v2``; the layout PyTorch is fastest with on a CPU.
"""

import sys
import time

import torch
from torch import nn

from alexnet_flowers.benchmark.serving import serve


def alexnet_v2(num_classes):
    """Returns AlexNet v2: the fully connected layers as convolutions, 46 M parameters."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 4096, 5),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(4096, 4096, 1),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(4096, num_classes, 1),
        nn.Flatten(),
    )


def prepare():
    """Returns a training step, and what to say about it."""
    batch_size = int(sys.argv[1])
    torch.manual_seed(0)
    network = alexnet_v2(5)
    images = torch.rand(batch_size, 3, 224, 224) * 2 - 1
    labels = torch.randint(0, 5, (batch_size,))
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, weight_decay=0.0005)

    def step():
        optimizer.zero_grad()
        loss_of(network(images), labels).backward()
        optimizer.step()

    # PyTorch has two layouts; which one is faster depends on the machine.
    secs_of = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        network.to(memory_format=layout)
        images = images.contiguous(memory_format=layout)
        step()
        start = time.perf_counter()
        step()
        secs_of[layout] = time.perf_counter() - start
    best = min(secs_of, key=secs_of.get)
    network.to(memory_format=best)
    images = images.contiguous(memory_format=best)

    about = {
        "torch": torch.__version__,
        "layout": str(best),
        "parameters": sum(p.numel() for p in network.parameters()),
    }
    return step, about


if __name__ == "__main__":
    serve(prepare)
