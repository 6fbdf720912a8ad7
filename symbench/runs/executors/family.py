"""A worker and the processes that it has started: counted together, and killed together.

Each worker leads a session, to which everything that it starts belongs. What begins a session of
its own is found among the worker's descendants as long as the worker lives.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_SET_CHILD_SUBREAPER = 36  # of prctl
_ROUNDS = 5  # of killing what was started during the round before


def lead() -> None:
    """Make this process the leader of a session, and the parent of its orphaned descendants."""
    os.setsid()
    with suppress(AttributeError, OSError):  # only Linux can do the second
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that these have started."""
    import psutil

    try:
        return [process.pid for process in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def sessions() -> dict[int, list[int]]:
    """Return the processes of this machine by the leader of their session."""
    import psutil

    members: dict[int, list[int]] = defaultdict(list)
    for pid in psutil.pids():
        with suppress(OSError):  # it has ended in the meantime
            members[os.getsid(pid)].append(pid)
    return members


def used_bytes(pids: Iterable[int], limit: float) -> float:
    """Return the memory that processes use.

    Pages that several processes share are counted once, as far as that decides about the limit:
    shares of pages take longer to determine than resident sizes.
    """
    import psutil

    resident = {}
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            resident[process] = float(process.memory_info().rss)
    if sum(resident.values()) <= limit or len(resident) == 1:
        return sum(resident.values())
    return sum(_proportional_bytes(process, most) for process, most in resident.items())


def kill_family(leader: int, known: Iterable[int] = ()) -> None:
    """Kill the members of a session, the descendants of its leader, and the leader last.

    ``known`` are descendants outside the session, in case that the leader has ended.
    """
    if leader <= 1:
        raise ValueError(f"{leader} is no worker")
    for pid in known:
        _kill(pid)
    for _ in range(_ROUNDS):
        others = {*descendants(leader), *sessions().get(leader, ())} - {leader}
        for pid in others:
            _kill(pid)
        if not others:
            break
    with suppress(OSError):
        os.killpg(leader, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Return whether there is such a process."""
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True


def _proportional_bytes(process: psutil.Process, resident: float) -> float:
    """Return the memory of a process with its share of pages that others use too."""
    import psutil

    try:
        return float(getattr(process.memory_full_info(), "pss", resident))
    except psutil.Error:
        return resident


def _kill(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)
