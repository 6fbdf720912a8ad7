"""Let a process keep the memory that it frees, for the next tensor of the same size."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_KEPT = 2**30  # bytes that may lie free at the top of the heap
_LARGEST = 2**25  # the most that glibc takes: larger blocks are mapped by themselves


def keep_freed_memory() -> bool:
    """Ask the C library not to hand freed blocks back to the system; whether it agreed.

    By default it maps every block above 128 KiB anew, and the system clears its pages at first
    touch: a fifth of the processor time of a small convolutional network. Children inherit it.
    Elsewhere than on glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or another system
        return False
    asked = ((_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _KEPT))
    return all(mallopt(parameter, value) == 1 for parameter, value in asked)
