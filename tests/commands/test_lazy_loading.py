"""Flags are read, and mistakes in them told, before TensorFlow is loaded, which takes seconds."""

from processes import said_of_each_command

SAY_IF_LOADED = """
if "tensorflow" in sys.modules:
    print(name)
"""


def test_no_command_loads_tensorflow_for_its_flags():
    assert said_of_each_command(SAY_IF_LOADED) == ""
