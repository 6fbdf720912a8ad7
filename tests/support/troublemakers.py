"""Models that try to outlive their cell, to hide from its limits or to end the run.

Every process that they start writes its number into the folder ``TROUBLE``.
"""

from __future__ import annotations

import atexit
import ctypes
import multiprocessing
import multiprocessing.util
import os
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from symbench import Model, hookimpl

FOLDER = Path(os.environ.get("TROUBLE", "."))
SLEEPER = (
    "import os, pathlib, time; pathlib.Path(os.environ['TROUBLE'], str(os.getpid())).touch();"
    "time.sleep(600)"
)


def sleep_on():
    (FOLDER / str(os.getpid())).touch()
    time.sleep(600)


def fork(then=sleep_on):
    if os.fork() == 0:
        try:
            then()
        finally:
            os._exit(0)


def wait_for(count):
    """Wait until so many processes have said their number."""
    while len(list(FOLDER.iterdir())) < count:
        time.sleep(0.02)


class Linear(Model):
    """A linear map, after some trouble in ``build``."""

    version, prior = "1", "none"

    def trouble(self):
        """Make trouble."""

    def build(self, problem):
        self.trouble()
        return nn.Linear(problem.input_size, problem.output_size)


class LeavesThread(Linear):
    """Leaves a thread that is not a daemon."""

    name = "leaves-thread"

    def trouble(self):
        threading.Thread(target=time.sleep, args=(600,)).start()


class WaitsAtExit(Linear):
    """Waits when the process ends."""

    name = "waits-at-exit"

    def trouble(self):
        atexit.register(time.sleep, 600)
        multiprocessing.util.Finalize(None, time.sleep, args=(600,), exitpriority=10)


class ClosesDescriptors(Linear):
    """Closes descriptors as daemonising code does, then sleeps."""

    name = "closes-descriptors"

    def trouble(self):
        os.closerange(3, 1024)
        time.sleep(600)


class ClosesAndEnds(Linear):
    """Closes descriptors, then trains."""

    name = "closes-and-ends"

    def trouble(self):
        os.closerange(3, 1024)


class IgnoresSignals(Linear):
    """Ignores every signal that can be ignored, then sleeps."""

    name = "ignores-signals"

    def trouble(self):
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        time.sleep(600)


class Stops(Linear):
    """Stops its own process."""

    name = "stops"

    def trouble(self):
        (FOLDER / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGSTOP)


class RealTime(Linear):
    """Dies by a real-time signal."""

    name = "real-time"

    def trouble(self):
        os.kill(os.getpid(), signal.SIGRTMIN + 1)


class ForksAndDies(Linear):
    """Dies while children of its own, one in its own session, keep every descriptor open."""

    name = "forks-and-dies"

    def trouble(self):
        before = len(list(FOLDER.iterdir()))
        fork()
        fork(lambda: (os.setsid(), sleep_on()))
        wait_for(before + 2)
        os._exit(7)


class ForksAndFinishes(Linear):
    """Leaves processes behind: in its group, in a group and in a session of their own."""

    name = "forks-and-finishes"
    started = False

    def trouble(self):
        if ForksAndFinishes.started:
            return
        ForksAndFinishes.started = True
        fork()
        fork(lambda: (os.setpgid(0, 0), sleep_on()))
        fork(lambda: (os.setsid(), sleep_on()))
        subprocess.Popen([sys.executable, "-c", SLEEPER])
        wait_for(4)


class HangsWithChildren(ForksAndFinishes):
    """Hangs, and so do its children."""

    name = "hangs-with-children"

    def trouble(self):
        super().trouble()
        time.sleep(600)


class Greedy(Linear):
    """Fills the memory in a child."""

    name = "greedy-child"

    def trouble(self):
        def fill():
            kept = []
            while True:
                kept.append(bytearray(os.urandom(1)) * (64 * 2**20))
                time.sleep(0.05)

        fork(fill)
        time.sleep(600)


class Loader(Linear):
    """Trains from a ``DataLoader`` with workers, and calls another program."""

    name = "loader"

    def fit(self, problem, data, context):
        subprocess.run(["true"], check=True)
        net = self.build(problem)
        optimiser = torch.optim.SGD(net.parameters(), 1e-2)
        for x, y in DataLoader(TensorDataset(data.x, data.y), batch_size=32, num_workers=2):
            optimiser.zero_grad()
            (net(x) - y).square().mean().backward()
            optimiser.step()
        return net


class Exits(Linear):
    """Raises SystemExit."""

    name = "exits"

    def trouble(self):
        sys.exit("no licence")


class Interrupts(Linear):
    """Raises KeyboardInterrupt in ``forward``."""

    name = "interrupts"

    def build(self, problem):
        class Net(nn.Linear):
            def forward(self, x):
                raise KeyboardInterrupt("from the model")

        return Net(problem.input_size, problem.output_size)


class Unspeakable(Linear):
    """Raises an exception that has no text."""

    name = "unspeakable"

    def trouble(self):
        class NoTextError(Exception):
            def __str__(self):
                raise ValueError

        raise NoTextError


class Babbles(Linear):
    """Writes into every descriptor that it finds."""

    name = "babbles"

    def trouble(self):
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, b"babble" * 100)
            except OSError:
                continue


class Forges(Linear):
    """Sends a record of its own through every pipe that it finds."""

    name = "forges"

    def trouble(self):
        text = b'{"schema": 1, "status": "ok", "identity": {}}'
        for descriptor in range(3, 64):
            try:
                if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                    os.write(descriptor, struct.pack(">cQ", b"r", len(text)) + text)
            except OSError:
                continue


class KillsServer(Linear):
    """Kills the server from which its worker was forked, once."""

    name = "kills-server"

    def trouble(self):
        if not (FOLDER / "killed").exists():
            (FOLDER / "killed").touch()
            psutil.Process().parent().parent().kill()
            time.sleep(600)


class KillsGuardian(HangsWithChildren):
    """Kills its parent, the guardian, and goes on with children of its own."""

    name = "kills-guardian"

    def trouble(self):
        if not (FOLDER / "killed").exists():
            (FOLDER / "killed").touch()
            os.kill(os.getppid(), signal.SIGKILL)
        super().trouble()


class HoldsLock(Linear):
    """Holds the interpreter's lock for ever, as a deadlocked C library does."""

    name = "holds-lock"

    def trouble(self):
        (FOLDER / str(os.getpid())).touch()
        ctypes.PyDLL(None).pause()


@hookimpl
def symbench_register(registry):
    for model in (
        LeavesThread, WaitsAtExit, ClosesDescriptors, ClosesAndEnds, IgnoresSignals, Stops,
        RealTime, ForksAndDies, ForksAndFinishes, HangsWithChildren, Greedy, Loader, Exits,
        Interrupts, Unspeakable, Babbles, Forges, KillsServer, KillsGuardian, HoldsLock,
    ):  # fmt: skip
        registry.model(model)
