"""Memory that a step has freed is kept for the next one.

Each step allocates and frees the same hundreds of megabytes. The C library gives large blocks
back to the operating system at once, which hands them out again as new pages, filled with zeros:
100,000 page faults a step of batch 56, a tenth of its time.
"""

import ctypes

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8


def give_back():
    """Gives all memory that this process has freed back to the operating system.

    What lies between blocks still in use is otherwise kept for good, and grows with each odd one
    out, such as a step that writes summaries. Where the C library is not glibc it does nothing.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        pass


def keep_freed():
    """Makes this process keep what it frees, in one arena that all threads share.

    Call it before TensorFlow allocates anything large. Where the C library is not glibc it does
    nothing.

    Returns:
      bool, whether it is so now.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(
        mallopt(_M_ARENA_MAX, 1)
        and mallopt(_M_MMAP_MAX, 0)
        and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    )
