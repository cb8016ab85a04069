"""Drawing: from numbers and captions to pictures. Where the numbers come from is decided elsewhere.

Matplotlib draws diagrams, as vectors: a ``Figure`` is one of its own. Pillow draws cards and tiles,
which consist of photos.
``colors`` and ``style`` have what the pictures share, and ``picture_file`` saves both kinds.
"""

import logging

# Where no folder for its cache can be written, matplotlib would warn with every command.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
