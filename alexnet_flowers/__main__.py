"""``python -m alexnet_flowers COMMAND``; see ``commands``."""

import sys

# Behind all others: a random.py in the folder where this was started is not Python's.
if not getattr(sys.flags, "safe_path", sys.flags.isolated):
    sys.path.append(sys.path.pop(0))

from alexnet_flowers import commands

commands.main()
