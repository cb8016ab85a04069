"""Installs the package; see README.md for `make install`, which also pins the companions."""

import re

import setuptools

with open("alexnet_flowers/__init__.py", encoding="utf-8") as file:
    VERSION = re.search(r'^__version__ = "(.*)"', file.read(), re.MULTILINE).group(1)
with open("requirements.txt", encoding="utf-8") as file:
    REQUIREMENTS = [line.partition("#")[0].strip() for line in file]

setuptools.setup(
    name="alexnet_flowers",
    version=VERSION,
    description="AlexNet v2 on the Flowers photos, the TensorFlow 1 / TF-Slim way",
    packages=["alexnet_flowers", "alexnet_flowers.benchmark", "alexnet_flowers.pictures"],
    python_requires=">=3.6,<3.8",
    install_requires=[line for line in REQUIREMENTS if line],
)
