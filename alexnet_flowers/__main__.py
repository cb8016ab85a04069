"""``python -m alexnet_flowers COMMAND``; see ``commands``."""

from alexnet_flowers import commands

commands.main()
