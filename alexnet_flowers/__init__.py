"""AlexNet v2 on the Flowers photos, the TensorFlow 1 / TF-Slim way.

docs/way_of_a_photo.md says which module does what, in the order in which a photo passes through
them.

Importing the package itself imports nothing else; ``tf1`` is the one door to TensorFlow.
"""

__version__ = "1.0.0"
