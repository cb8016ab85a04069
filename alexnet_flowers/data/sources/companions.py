"""Files that accompany photos and are not meant to be any: licences, notes, tables, archives.

Whether another file is a photo only its content says; a name is never the reason to pass it over.
"""

import os

ARCHIVES = frozenset(".zip .tar .tgz .gz .tbz2 .bz2 .txz .xz .zst .7z .rar".split())
_SUFFIXES = ARCHIVES | frozenset(
    ".txt .md .rst .rtf .log .pdf .doc .docx .odt .ppt .pptx .htm .html .css .js "
    ".csv .tsv .xls .xlsx .ods .json .jsonl .xml .yaml .yml .toml .ini .cfg .db .sqlite .lst "
    ".py .ipynb .sh .bat .r .m .mat .npy .npz .h5 .hdf5 .pkl .parquet .tfrecord .partial "
    ".md5 .sha1 .sha256 .sha512 .xmp .aae .lnk .url "
    ".identifier".split()  # Windows' photo.jpg:Zone.Identifier
)
_NAMES = frozenset(
    "readme license licence copying notice authors changelog contributing makefile dockerfile "
    "lock md5sums sha1sums sha256sums sha512sums checksums".split()
)


def kind(name):
    """Returns the kind of file of a name, ``.txt`` or ``README``; None for what may be a photo."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in _SUFFIXES:
        return suffix
    return name.upper() if name.lower() in _NAMES else None
