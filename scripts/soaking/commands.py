"""One ``symbench run`` of a soak: its start, the blows it gets, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

MARKER = "SYMBENCH_SOAK"  # the variable by which the processes of a run are found
# a worker is every process below the fork server, those that models start included
PARENT, WORKER, SERVER = "parent", "worker", "fork server"
_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_FINISHED = re.compile(r"^\[\d+/\d+\] (\S+) (\S+) (\w+) \(", re.MULTILINE)
_OURS = f"{os.getpid()}-"  # begins every mark
_RUN_SECONDS = 3600.0  # after which a command hangs, even on a busy machine
_END_SECONDS = 60.0  # after which a process of an ended run that waits is a stray
_CPU_SECONDS = 60.0  # of computing, after which one that computes is a stray
_SERVER = "multiprocessing.forkserver"


@dataclass
class Blow:
    """A signal that a process of a run gets, so many seconds after the start of the run."""

    at: float
    victim: str
    signal: signal.Signals
    dealt: bool = False


@dataclass
class Command:
    """A ``symbench run`` that goes on, or has ended.

    ``finished`` are the statuses that its progress has named, by task and model: a line is written
    after the record is stored.
    """

    process: subprocess.Popen[bytes]
    mark: str
    out: Path
    err: Path
    started: float
    blows: Sequence[Blow] = ()
    hung: bool = False
    finished: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    @property
    def dealt(self) -> list[Blow]:
        """The blows that have met a process."""
        return [blow for blow in self.blows if blow.dealt]

    @property
    def parent_hit(self) -> bool:
        """Whether the command itself got a signal."""
        return any(blow.victim == PARENT for blow in self.dealt)

    @property
    def document(self) -> Mapping[str, Any] | None:
        """What it printed; None if that is not one JSON document."""
        try:
            document = json.loads(self.out.read_text())
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def strike(self) -> None:
        """Deal the blows that are due, where their victims exist."""
        for blow in self.blows:
            if not blow.dealt and time.monotonic() >= self.started + blow.at:
                blow.dealt = _strike(self.process, blow)

    def read(self) -> None:
        """Read what its progress has said."""
        for task, model, status in _FINISHED.findall(self.err.read_text(errors="replace")):
            self.finished.setdefault((task, model), set()).add(status)


def start(
    arguments: Sequence[str | Path],
    out: Path,
    environment: Mapping[str, str],
    blows: Sequence[Blow] = (),
) -> Command:
    """Start ``symbench run --json``; its output goes to ``out`` and to the same name in .err."""
    err = out.with_suffix(".err")
    mark = f"{_OURS}{out.parent.name}-{out.stem}"
    command = [sys.executable, "-m", "symbench", "run", "--json", *map(str, arguments)]
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=out.parent,
            env={**os.environ, **environment, MARKER: mark}, start_new_session=True,
        )  # fmt: skip
    return Command(process, mark, out, err, time.monotonic(), blows)


def wait(commands: Sequence[Command]) -> None:
    """Deal blows until all commands have ended; one that takes an hour is killed and marked."""
    while going := [one for one in commands if one.process.poll() is None]:
        for one in going:
            one.strike()
            if time.monotonic() > one.started + _RUN_SECONDS:
                one.hung = True
                one.process.kill()
        time.sleep(0.02)
    for one in commands:
        one.read()


def draw_blows(rng: np.random.Generator, seconds: float) -> list[Blow]:
    """Return random blows for a run of about so many seconds; half of the runs get them themselves.

    Few runs get none at all.
    """
    blows = []
    for _ in range(int(rng.integers(0, 4))):
        victim = str(rng.choice([WORKER, WORKER, SERVER]))
        blows.append(Blow(float(rng.uniform(0.3, 1.2)) * seconds, victim, _signal(rng)))
    if rng.random() < 0.5:
        blow = Blow(float(rng.uniform(0, 1.2)) * seconds, PARENT, _signal(rng))
        blows.append(blow)
        if blow.signal == signal.SIGINT and rng.random() < 0.5:  # pressed twice
            again = blow.at + float(rng.uniform(0.05, 1.0))
            blows.append(Blow(again, PARENT, signal.SIGINT))
    return blows


def strays(marks: Sequence[str]) -> tuple[list[psutil.Process], float]:
    """Return the processes of ended commands that do not end, and the seconds waited for them.

    A fork server that is importing ends only afterwards, which takes long on a busy machine.
    """
    started = time.monotonic()
    while left := list(_marked(marks)):
        if time.monotonic() > started + _END_SECONDS and not any(map(_starves, left)):
            break
        time.sleep(0.1)
    return left, time.monotonic() - started


def _starves(process: psutil.Process) -> bool:
    """Whether a process is ready or waits for the disk, and has computed for less than a minute."""
    waits = (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)
    try:
        used = process.cpu_times()
        return process.status() in waits and used.user + used.system < _CPU_SECONDS
    except psutil.Error:
        return False


def end_all() -> None:
    """Kill every process of every command that this process has started."""
    kill(list(_marked([])))


def kill(processes: Sequence[psutil.Process]) -> None:
    """Kill processes."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def described(process: psutil.Process) -> str:
    """Return a line about a process."""
    try:
        command = " ".join(process.cmdline())[:120]
        used = process.cpu_times().user + process.cpu_times().system
        state = f"parent {process.ppid()}, {process.status()}, {used:.1f} s of CPU"
        return f"{process.pid} ({state}): {command}"
    except psutil.Error as error:
        return f"{process.pid}: {error}"


def _signal(rng: np.random.Generator) -> signal.Signals:
    return _SIGNALS[int(rng.integers(len(_SIGNALS)))]


def _marked(marks: Sequence[str]) -> Iterator[psutil.Process]:
    """Yield the processes with one of the marks, or with any of this process."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            mark = process.environ().get(MARKER, "")
            chosen = mark in marks or (not marks and mark.startswith(_OURS))
            if chosen and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _strike(command: subprocess.Popen[bytes], blow: Blow) -> bool:
    """Send a signal to a victim, and return whether there was one."""
    if blow.victim == PARENT:
        command.send_signal(blow.signal)
        return command.returncode is None
    with suppress(psutil.Error):
        servers = [
            child
            for child in psutil.Process(command.pid).children()
            if _SERVER in " ".join(child.cmdline())
        ]
        workers = [one for server in servers for one in server.children(recursive=True)]
        victims = servers if blow.victim == SERVER else workers
        if victims:
            victims[int(1000 * blow.at) % len(victims)].send_signal(blow.signal)
            return True
    return False
