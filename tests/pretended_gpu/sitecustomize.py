"""Has a process believe that there is a GPU, whose work the CPU does: ``pytest --pretend_gpu``.

Python imports it by this name at the start of each process that a test starts.
"""

import os
import types

from alexnet_flowers import devices

_list_gpus, _memory_bytes = devices._list_gpus, devices.memory_bytes

if devices._may_see_gpus():
    # The search itself is made, for what it prints.
    devices._list_gpus = lambda: _list_gpus() or ["GPU:0"]
    devices.cards = lambda: [devices.Card("Pretended GPU", 9.0)]
    devices.memory_bytes = lambda device: _memory_bytes("cpu")
    devices.glob = types.SimpleNamespace(glob=lambda pattern: ["/dev/nvidia0"])
    # Where the driver's nvidia-smi is.
    os.environ["PATH"] = os.path.dirname(os.path.abspath(__file__)) + ":" + os.environ["PATH"]
