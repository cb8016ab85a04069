"""Installs the package; see README.md for `make install`, which also installs the tests' tools."""

import re

import setuptools

with open("alexnet_flowers/__init__.py", encoding="utf-8") as file:
    VERSION = re.search(r'^__version__ = "(.*)"', file.read(), re.MULTILINE).group(1)


def read_requirements(filename, pythons):
    """Returns the lines of a file of requirements, each for these versions of Python only."""
    with open(filename, encoding="utf-8") as lines:
        parts = [line.partition("#")[0].partition(";") for line in lines]
    return [
        package.strip() + "; " + " and ".join(filter(None, [marker.strip(), pythons]))
        for package, _, marker in parts
        if package.strip()
    ]


# On Python 3.8 and 3.9 there is neither of the two.
TF1 = read_requirements("requirements.txt", 'python_version < "3.8"')
TF2 = read_requirements("requirements-tf2.txt", 'python_version >= "3.10"')

setuptools.setup(
    name="alexnet_flowers",
    version=VERSION,
    description="AlexNet v2 on the Flowers photos, the TensorFlow 1 / TF-Slim way",
    author="The alexnet_flowers authors",
    license="Apache-2.0",
    classifiers=[
        "Environment :: Console",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    packages=setuptools.find_packages(include=["alexnet_flowers", "alexnet_flowers.*"]),
    package_data={"alexnet_flowers": ["recipes/*.flags"]},
    entry_points={"console_scripts": ["alexnet-flowers = alexnet_flowers.commands:main"]},
    python_requires=">=3.6, !=3.8.*, !=3.9.*, <3.14",
    install_requires=TF1 + TF2,
    # CUDA's own libraries, for current TensorFlow; those of TensorFlow 1.15 are not on PyPI.
    extras_require={
        "gpu": [
            line.replace("tensorflow==", "tensorflow[and-cuda]==")
            for line in TF2
            if line.startswith("tensorflow==")
        ]
    },
)
