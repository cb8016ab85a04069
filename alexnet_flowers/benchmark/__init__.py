"""How fast it is, side by side with what it replaces.

``rows`` says what is compared with what; each side runs in a process of its own (``worker``, or
``torch_worker`` under a Python that has PyTorch), and the two take turns, so that a machine whose
speed drifts slows both.
"""
