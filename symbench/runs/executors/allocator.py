"""Environment variables with which child processes reuse memory instead of returning it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLES = {
    "MALLOC_MMAP_THRESHOLD_": str(2**25),  # bytes; the largest value that glibc accepts
    "MALLOC_TRIM_THRESHOLD_": str(2**30),  # bytes that may be free at the top of the heap
}


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let processes that are started in the context keep freed memory for later tensors.

    By default glibc requests every block above 128 KiB from the system, which clears its pages
    when they are first used. This takes a fifth of the processor time of a small convolutional
    network. glibc reads the variables once, when a process starts. Variables that the user has set
    are respected; other C libraries ignore them.
    """
    added = {name: value for name, value in VARIABLES.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
