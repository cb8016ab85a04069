"""The same network's training step in PyTorch; speaks as ``worker`` does, needs no TensorFlow.

    python -m alexnet_flowers.benchmark.torch_worker BATCH_SIZE [--device cuda]
        [--dtype bfloat16] [--compile]

Run by a Python that has PyTorch. Layers, activations, dropout, loss, weight decay and plain
gradient descent as in ``alexnet_v2``; the layout that PyTorch is fastest with. bfloat16 is
PyTorch's autocast.
"""

import argparse
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


def _arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("batch_size", type=int)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def prepare():
    """Returns a training step, and what to say about it."""
    wanted = _arguments()
    torch.manual_seed(0)
    # As TensorFlow does by default.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    network = alexnet_v2(5).to(wanted.device)
    images = (torch.rand(wanted.batch_size, 3, 224, 224) * 2 - 1).to(wanted.device)
    labels = torch.randint(0, 5, (wanted.batch_size,)).to(wanted.device)
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, weight_decay=0.0005)
    in_bfloat16 = wanted.dtype == "bfloat16"
    forward = torch.compile(network) if wanted.compile else network

    def step():
        optimizer.zero_grad()
        with torch.autocast(wanted.device, torch.bfloat16, enabled=in_bfloat16):
            scores = forward(images)
        loss_of(scores.float(), labels).backward()
        optimizer.step()
        if wanted.device == "cuda":
            torch.cuda.synchronize()

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

    arithmetic = "bfloat16" if in_bfloat16 else "TF32" if wanted.device == "cuda" else "fp32"
    about = {
        "torch": torch.__version__,
        "arithmetic": arithmetic + (", compiled" if wanted.compile else ""),
        "layout": str(best),
    }
    return step, about


if __name__ == "__main__":
    serve(*prepare())
