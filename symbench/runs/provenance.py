"""What code and machine made a record."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from symbench.records.record import Provenance


def _git() -> str | None:
    """The commit of the checkout that symbench runs from, ``-dirty`` if it is; None elsewhere."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


_COMMIT = _git()  # when the code is loaded: a checkout may move on during a long run


@cache
def processor() -> str:
    """Return the processor's name."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _machine_class() -> str:
    """Times, and scores to the last digit, are compared only where this is equal."""
    system = f"{platform.system()} {platform.machine()}"
    vectors = torch.backends.cpu.get_cpu_capability()  # virtual machines hide the model
    return f"{system}, {processor()} ({vectors}), {os.cpu_count()} CPUs"


def tf32() -> bool:
    """Whether CUDA may round the factors of products or convolutions to ten bits of mantissa."""
    return bool(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32)


def machine(device: str) -> Provenance:
    """Return versions, processor, device and threads as a record's provenance states them."""
    cuda = device.startswith("cuda")
    return Provenance(
        symbench=version("symbench"),
        git=_COMMIT,
        python=platform.python_version(),
        torch=torch.__version__,
        machine=_machine_class(),
        device=torch.cuda.get_device_name(device) if cuda else "cpu",
        threads=torch.get_num_threads(),
        tf32=cuda and tf32(),
    )
