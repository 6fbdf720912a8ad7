"""One supervised process: its start, its messages, its limits and its end."""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess, SpawnProcess
from typing import TYPE_CHECKING

from safetensors import torch as safetensors

from symbench.records.record import Failure, Record, Status
from symbench.runs.executors.family import is_alive, kill_family, used_bytes
from symbench.runs.executors.messages import BEGUN, NETWORKS, PROGRESS, RECORD, TENSORS, Inbox
from symbench.runs.executors.server import Server
from symbench.runs.executors.worker import Job
from symbench.training.setup import Progress

if TYPE_CHECKING:
    from torch import Tensor

    from symbench.runs.plan import Cell

_log = logging.getLogger(__name__)
_LEAVE_SECONDS = 2.0  # between a worker's record and its end
_KILL_SECONDS = 5.0  # until a killed process has ended; longer only if the system blocks
_SILENT_SECONDS = 300.0  # after this time without progress a cell is named once
_NO_SERVER = 255  # the exit code that multiprocessing gives when the fork server was killed
_GIB = 2**30


class Worker:
    """A process that runs a cell.

    Its record, its exit code and its limits decide. Whether its pipe is open says nothing: a model
    may close descriptors, and the processes that it starts inherit them.
    """

    def __init__(self, job: Job, process: ForkServerProcess | SpawnProcess, inbox: Inbox) -> None:
        self.job = job
        self._process = process
        self._inbox = inbox
        self._started = self._heard = time.monotonic()
        self._limit = job.options.seconds(job.cell.identity.tier)
        self._last = "it has not begun"
        self._named = False
        self._tensors: dict[str, Tensor] = {}
        self._networks = b""
        self._owner = os.getpid()
        atexit.register(self._leave_nothing)  # before multiprocessing waits for its children

    @property
    def cell(self) -> Cell:
        """The cell that the process runs."""
        return self.job.cell

    @property
    def attempt(self) -> int:
        """How often the cell has been started."""
        return self.job.run_by.attempts or 1

    @property
    def pid(self) -> int:
        """The process, which leads a session of the same number."""
        if self._process.pid is None:
            raise ValueError("the process has not started")
        return self._process.pid

    @property
    def lost_its_server(self) -> bool:
        """Whether the fork server was killed; the exit code of the process is then unknown."""
        return self._process.exitcode == _NO_SERVER and is_alive(self.pid)

    def events(self) -> list[Connection | int]:
        """Return what to wait for: messages, and the end of the process."""
        pipes = [] if self._inbox.closed else [self._inbox.pipe]
        return [*pipes, self._process.sentinel]

    def poll(
        self, sessions: Mapping[int, Sequence[int]], progressed: Callable[[Cell, Progress], None]
    ) -> Record | None:
        """Return the record if it has arrived, or if the process has died or exceeded a limit."""
        ended = not self._process.is_alive()  # asked first: what it sent before has arrived
        try:
            for kind, payload in self._inbox.read():
                if (record := self._received(kind, payload, progressed)) is not None:
                    return record
        except Exception as error:  # a model may write anything into the pipe
            self.end()
            return self._lost("crashed", f"the process sent what cannot be read: {error!s:.200}")
        if ended:
            return self._died()
        return self._over_limit(sessions)

    def start(self, server: Server) -> None:
        """Start the process; raises like ``Server.start``."""
        server.start(self._process)
        self._started = self._heard = time.monotonic()

    def leave(self) -> None:
        """Wait a moment for the process to end by itself, then kill what is left of it."""
        self._process.join(_LEAVE_SECONDS)
        self.end()

    def end(self) -> None:
        """Kill the process and all that it has started."""
        if self._process.pid is not None:
            kill_family(self._process.pid)
            self._process.kill()  # it may not lead a session yet
            self._process.join(_KILL_SECONDS)
        self._inbox.close()
        atexit.unregister(self._leave_nothing)

    def _leave_nothing(self) -> None:
        if os.getpid() == self._owner:
            self.end()

    def _received(
        self, kind: bytes, payload: bytes, progressed: Callable[[Cell, Progress], None]
    ) -> Record | None:
        self._heard = time.monotonic()
        if kind == BEGUN:
            self._last = "no progress was reported"
        elif kind == PROGRESS:
            progress = Progress(**json.loads(payload))
            self._last = f"last at update {progress.update} of {progress.updates}"
            progressed(self.cell, progress)
        elif kind == TENSORS:
            self._tensors = safetensors.load(payload)
        elif kind == NETWORKS:
            self._networks = payload
        elif kind == RECORD:
            if not payload.startswith(self.job.mark):
                raise ValueError("a record that symbench has not made")
            record = Record.from_json(payload.removeprefix(self.job.mark).decode())
            if record.key != self.cell.key:
                raise ValueError(f"the record of another cell, {record.key}")
            files = {"tensors": self._tensors, "networks": self._networks}
            return record.model_copy(update=files)
        return None

    def _over_limit(self, sessions: Mapping[int, Sequence[int]]) -> Record | None:
        now = time.monotonic()
        if self._limit is not None and now > self._started + self._limit:
            self.end()
            default = "" if self.job.options.timeout else ", the default of the tier"
            message = f"stopped after {self._limit:g} seconds (--timeout{default}); {self._last}"
            return self._lost("timeout", message)
        if now > self._heard + _SILENT_SECONDS and not self._named:
            self._named = True
            _log.warning(
                "%s %s: no progress for %.0f s; %s",
                self.cell.task, self.cell.model, now - self._heard, self._last,
            )  # fmt: skip
        if (memory := self.job.options.memory) is None:
            return None
        used = used_bytes({self.pid, *sessions.get(self.pid, ())}, memory * _GIB) / _GIB
        if used <= memory:
            return None
        self.end()
        return self._lost("oom", f"stopped at {used:.1f} of {memory:.1f} GiB (--memory)")

    def _died(self) -> Record:
        """Return the record of a cell whose process has ended without sending one."""
        code = self._process.exitcode
        if self.lost_its_server:
            message = "its fork server was killed"
        elif code is not None and code < 0:
            message = f"the process was killed by {signal_name(-code)}"
        else:
            message = f"the process ended with exit code {code} and no record"
        if code == -signal.SIGKILL:
            message += "; the system may have run out of memory"
        return self._lost("crashed", message)

    def _lost(self, status: Status, message: str) -> Record:
        seconds = time.monotonic() - self._started
        return Record(
            identity=self.cell.identity, status=status,
            error=Failure(type=status, message=message),
            provenance=self.job.run_by.also(seconds=seconds),
        )  # fmt: skip


def signal_name(number: int) -> str:
    """Return the name of a signal; real-time signals have only a number."""
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"
