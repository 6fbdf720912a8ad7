"""A worker and the processes that it has started: counted together, and killed together.

Each worker leads a session, to which everything that it starts belongs. What begins a session of
its own is found among the descendants of the session's members.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import psutil

_SET_CHILD_SUBREAPER = 36  # of prctl
_ROUNDS = 5  # of killing what was started during the round before


def lead() -> None:
    """Make this process the leader of a session, and the parent of its orphaned descendants."""
    os.setsid()
    adopt()


def adopt() -> None:
    """Make this process the parent of its orphaned descendants."""
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

    As far as that decides about the limit, pages that several processes share are counted once, and
    pages of files not at all, such as the gigabytes of CUDA's libraries: the system can drop them.
    Resident sizes, which include both, take less time to determine.
    """
    import psutil

    resident = {}
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            resident[process] = float(process.memory_info().rss)
    if sum(resident.values()) <= limit:
        return sum(resident.values())
    return sum(_own_bytes(process, most) for process, most in resident.items())


def kill_family(leader: int) -> None:
    """Kill the members of a session and all that they have started, the leader last."""
    if leader <= 1:
        raise ValueError(f"{leader} is no worker")
    kill_below(leader)
    _kill(leader)


def kill_below(leader: int) -> None:
    """Kill the members of a session and all that they have started, but not the leader."""
    for _ in range(_ROUNDS):
        members = {leader, *sessions().get(leader, ())}
        others = {*members, *(pid for one in members for pid in descendants(one))} - {leader}
        for pid in others:
            _kill(pid)
        if not others:
            break


def guard(child: int) -> NoReturn:
    """Wait until a child process has ended, kill what it has left, and end as it has ended."""
    while True:
        pid, status = os.wait()  # orphans, too, end as children of this process
        if pid == child:
            break
    kill_below(os.getpid())
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with suppress(OSError, ValueError):  # neither is possible for SIGKILL
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def is_alive(pid: int) -> bool:
    """Return whether there is such a process."""
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True


def _own_bytes(process: psutil.Process, resident: float) -> float:
    """Return the memory of a process without pages of files, with its share of other pages.

    Where the system does not tell it, what is resident is returned.
    """
    with suppress(OSError):
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        kib = dict(line.split()[:2] for line in lines if line.startswith("Pss_"))
        if {"Pss_Anon:", "Pss_Shmem:"} <= kib.keys():
            return 1024.0 * (int(kib["Pss_Anon:"]) + int(kib["Pss_Shmem:"]))
    return resident


def _kill(pid: int) -> None:
    """Kill a process, and at the same moment its group if it leads one."""
    with suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)
