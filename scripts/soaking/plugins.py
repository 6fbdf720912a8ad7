"""The plugin files of a soak: one whose models are good, and many that misbehave, one fault each.

A fault is a few statements. They run on import, in ``accepts``, ``build`` or ``forward`` of a
model, or in ``sample`` of a task.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

IMPORT, ACCEPTS, BUILD, FORWARD, SAMPLE = "import", "accepts", "build", "forward", "sample"
WORKER = (BUILD, FORWARD)  # the places that a worker process reaches


@dataclass(frozen=True)
class Fault:
    """A kind of misbehaviour.

    ``statuses`` are those that an undisturbed cell may get, by place; ``slow`` faults last until
    a limit stops them. ``result`` is what ``forward`` returns or ``sample`` draws.
    """

    statements: str = "pass"
    places: Sequence[str] = WORKER
    statuses: frozenset[str] = frozenset({"ok"})
    result: str | None = None
    slow: bool = False


def _fault(statements: str, statuses: str, places: Sequence[str] = WORKER, **more: bool) -> Fault:
    return Fault(statements, places, frozenset(statuses.split()), **more)


FAULTS: Mapping[str, Fault] = {
    "raises": _fault("raise RuntimeError('broken')", "failed", (IMPORT, ACCEPTS, *WORKER, SAMPLE)),
    "exits": _fault("sys.exit(3)", "failed", (IMPORT, ACCEPTS, *WORKER, SAMPLE)),
    "interrupts": _fault("raise KeyboardInterrupt", "failed"),
    "hangs": _fault(
        """
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        time.sleep(600)
        """,
        "timeout", (BUILD,), slow=True,
    ),
    "computes-for-ever": _fault("while True: pass", "timeout", slow=True),
    "stops-itself": _fault("os.kill(os.getpid(), signal.SIGSTOP)", "timeout", slow=True),
    "leaves-thread": _fault(
        "threading.Thread(target=time.sleep, args=(600,)).start()", "ok", (BUILD,)
    ),
    "leaves-daemon-thread": _fault(
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()", "ok",
        (IMPORT, BUILD),
    ),
    "leaves-children": _fault(
        """
        fork()
        fork(lambda: os.setpgid(0, 0))
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        """,
        "ok", (BUILD,),
    ),
    "leaves-session": _fault("fork(os.setsid)", "ok", (BUILD,)),
    "leaves-children-and-dies": _fault("fork(); fork(os.setsid); os._exit(7)", "crashed", (BUILD,)),
    "leaves-children-and-hangs": _fault(
        "fork(); fork(os.setsid); time.sleep(600)", "timeout", (BUILD,), slow=True
    ),
    "allocates": _fault(
        """
        kept = []
        while True:
            kept.append(bytearray(b"x") * (64 * 2**20))
            time.sleep(0.02)
        """,
        "oom",
    ),
    "prints": _fault(
        """
        print("{garbage")
        sys.stdout.flush()
        os.write(1, bytes(range(256)) + os.linesep.encode())
        ctypes.CDLL(None).puts(b"[1/1] from C")
        """,
        "ok", (IMPORT, ACCEPTS, *WORKER),
    ),
    "kills-itself": _fault("os.kill(os.getpid(), signal.SIGKILL)", "crashed"),
    "segfaults": _fault("ctypes.string_at(0)", "crashed"),
    "kills-server": _fault(
        """
        parent = open(f"/proc/{os.getppid()}/cmdline", "rb").read()
        if b"forkserver" in parent and not os.path.exists(FLAG):
            open(FLAG, "w").close()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        """,
        "ok", (BUILD,),
    ),
    "closes-descriptors": _fault("os.closerange(3, 1024)", "crashed failed", (BUILD,)),
    "babbles": _fault(
        """
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, b"babble" * 100)
            except OSError:
                continue
        """,
        "crashed failed ok", (BUILD,),
    ),
    "changes-directory": _fault("os.chdir('/')", "ok", (IMPORT, ACCEPTS, BUILD)),
    "changes-settings": _fault(
        """
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(3)
        torch.manual_seed(0)
        os.umask(0o777)
        os.environ["OMP_NUM_THREADS"] = "7"
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        """,
        "ok failed", (IMPORT, ACCEPTS, BUILD),
    ),
    "nan": Fault(places=(FORWARD,), statuses=frozenset({"diverged"}), result="y * float('nan')"),
    "wrong-shape": Fault(
        places=(FORWARD,), statuses=frozenset({"failed"}), result="torch.cat([y, y], -1)"
    ),
    "nan-data": Fault(
        places=(SAMPLE,), statuses=frozenset({"failed", "diverged"}),
        result="Data(x, y * float('nan'))",
    ),
    "wrong-rows": Fault(
        places=(SAMPLE,), statuses=frozenset({"failed"}), result="Data(x[1:], y[1:])"
    ),
}  # fmt: skip

_HEAD = '''"""Misbehaves: {fault} in {place}."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import torch
from torch import nn

from symbench import Data, Model, Symmetry, Task, hookimpl
from symbench.groups import SO, Scalar, V

FLAG = {flag!r}


def fork(first=lambda: None):
    if os.fork() == 0:
        first()
        time.sleep(600)
        os._exit(0)


def trouble():
{statements}


{at_import}
'''
_MODEL = '''
class Net(nn.Linear):
    """A linear map."""

    def forward(self, x):
        {forward}
        y = super().forward(x)
        return {result}


class Faulty(Model):
    """A model with a fault."""

    name, version, prior, summary = {name!r}, "1", "none", "misbehaves"

    def accepts(self, problem):
        {accepts}

    def build(self, problem):
        {build}
        return Net(problem.input_size, problem.output_size)


@hookimpl
def symbench_register(registry):
    registry.model(Faulty)
'''
_TASK = '''
class Faulty(Task):
    """A task with a fault."""

    name, version, summary, threshold = {name!r}, "1", "misbehaves", 0.05
    sizes = {{"smoke": (32,), "quick": (32,), "full": (32,)}}
    input_shape, output_shape = (3,), (1,)
    test_size, valid_size = 64, 32

    @property
    def symmetry(self):
        return Symmetry(SO(3), V(SO(3)), Scalar(SO(3)))

    def sample(self, n, seed, split):
        {sample}
        x = torch.randn(n, 3, generator=self.generator(seed, split))
        y = self.target(x)
        return {result}

    def target(self, x):
        return x.square().sum(-1, keepdim=True)


@hookimpl
def symbench_register(registry):
    registry.task(Faulty)
'''
GOOD = '''"""Good models: one holds a generator, one has dropout and trains one by one."""

import torch
from torch import nn

from symbench import Model, hookimpl


class Keeper(Model):
    """A perceptron that holds a generator, which is stored beside its record."""

    name, version, prior, summary = "soak-keeper", "1", "discovers", "holds a generator"

    def build(self, problem):
        net = nn.Sequential(
            nn.Linear(problem.input_size, 16), nn.Tanh(), nn.Linear(16, problem.output_size)
        )
        net.register_buffer("L", torch.eye({10: 5, 9: 3}[problem.input_size]).roll(1, 0))
        return net

    def generators(self, module):
        return module.L[None]


class Dropping(Model):
    """A perceptron with dropout."""

    name, version, prior, summary = "soak-dropping", "1", "none", "dropout"

    def build(self, problem):
        return nn.Sequential(
            nn.Linear(problem.input_size, 16), nn.Dropout(0.2), nn.Linear(16, problem.output_size)
        )


@hookimpl
def symbench_register(registry):
    registry.model(Keeper)
    registry.model(Dropping)
'''


@dataclass(frozen=True)
class Faulty:
    """A plugin file with a fault, and what it registers: a model, a task, or nothing."""

    fault: str
    place: str
    file: Path
    model: str | None
    task: str | None

    @property
    def statuses(self) -> frozenset[str]:
        """The statuses that its undisturbed cells may get."""
        return frozenset({"ok"}) if self.place == IMPORT else FAULTS[self.fault].statuses


def write_good(folder: Path) -> Path:
    """Write the plugin of the good models."""
    folder.mkdir(exist_ok=True)
    file = folder / "soak_good.py"
    file.write_text(GOOD)
    return file


def write_faulty(folder: Path, number: int, rng: np.random.Generator, *, slow: bool) -> Faulty:
    """Write a plugin file with a random fault at a random place; slow faults only if asked for."""
    kind = str(rng.choice([name for name, fault in FAULTS.items() if fault.slow <= slow]))
    fault = FAULTS[kind]
    place = str(rng.choice(list(fault.places)))
    name = f"soak-{kind}-{number}"
    text = _text(kind, place, name, str(folder.parent / f"flag-{number}"))
    file = folder / f"soak_{number}.py"
    file.write_text(text)
    broken = place == IMPORT and "failed" in fault.statuses and "ok" not in fault.statuses
    model = None if broken or place == SAMPLE else name
    return Faulty(kind, place, file, model, name if place == SAMPLE else None)


def _text(kind: str, place: str, name: str, flag: str) -> str:
    fault = FAULTS[kind]
    statements = textwrap.indent(textwrap.dedent(fault.statements).strip(), "    ")
    calls = {one: "trouble()" if one == place else "pass" for one in (*WORKER, ACCEPTS, SAMPLE)}
    head = _HEAD.format(
        fault=kind, place=place, flag=flag, statements=statements,
        at_import="trouble()" if place == IMPORT else "",
    )  # fmt: skip
    usual = "Data(x, y)" if place == SAMPLE else "y"
    body = _TASK if place == SAMPLE else _MODEL
    return head + body.format(name=name, result=fault.result or usual, **calls)
