"""Whether sources were edited after this process had started, and so may differ from its code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil

_CLOCK_ERROR = 2.0  # seconds; accuracy of the start time of a process
# A forked worker inherits this from its server, whose modules it also has.
_STARTED = psutil.Process().create_time() - _CLOCK_ERROR


def edited(files: Iterable[Path]) -> bool:
    """Whether one of the files may have changed since it was imported."""
    return any(max(about.st_mtime, about.st_ctime) >= _STARTED for about in map(Path.stat, files))
