"""Memory that a step has freed is kept for the next one.

Each step allocates and frees the same hundreds of megabytes. The C library gives large blocks
back to the operating system at once, which hands them out again as new pages, filled with zeros:
100,000 page faults a step of batch 56, a tenth of its time.

All of this is about glibc; with another C library nothing happens.
"""

import ctypes

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8


def give_back():
    """Gives all memory that this process has freed back to the operating system.

    A process that keeps what it frees would otherwise keep it for good, and need more after each
    step that takes more than the others, such as one that writes summaries.
    """
    malloc_trim = _glibc("malloc_trim")
    if malloc_trim:
        malloc_trim(0)


def keep_freed():
    """Has this process keep what it frees, in one arena of all threads; says whether it does.

    Call it before TensorFlow allocates anything large.
    """
    mallopt = _glibc("mallopt")
    return bool(
        mallopt
        and mallopt(_M_ARENA_MAX, 1)
        and mallopt(_M_MMAP_MAX, 0)
        and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    )


def _glibc(name):
    """Returns a function of the C library, None where it has none of that name."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None
