"""Drawing: from numbers to pictures. What the numbers are is decided elsewhere.

Diagrams are drawn by matplotlib, as vectors; what consists of photos, by Pillow. ``style`` has
what all of them share: the colors, the font, and how a picture is saved.
"""

import logging

# A person whose home cannot be written to need not be told with each command that matplotlib would
# be faster otherwise.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
