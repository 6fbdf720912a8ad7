"""The code and the machine that make a record."""

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
from symbench.registry import Registry


def _git() -> str | None:
    """Return the commit of symbench's checkout, with ``-dirty`` if changed; None without one."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


_COMMIT = _git()  # read at import, because the checkout may change during a long run


@cache
def processor() -> str:
    """Return the processor's name."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _machine_class() -> str:
    """Return the class of machine; times and exact scores are compared only within a class."""
    system = f"{platform.system()} {platform.machine()}"
    vectors = torch.backends.cpu.get_cpu_capability()  # virtual machines may hide the model
    return f"{system}, {processor()} ({vectors}), {os.cpu_count()} CPUs"


def tf32() -> bool:
    """Whether CUDA may round factors of products or convolutions to ten bits of mantissa."""
    return bool(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32)


def loaded_plugins(registry: Registry) -> dict[str, str]:
    """Return the version and hash of each loaded plugin that is not part of symbench.

    A plugin can change others when it is imported, so all of them belong to a record.
    """
    return {
        info.name: f"{info.version} {registry.hashes[info.name][:12]}".strip()
        for info in registry.plugins
        if info.status == "ok" and info.source != "symbench"
    }


def machine(device: str) -> Provenance:
    """Return the provenance of records made here: versions, processor, device and threads."""
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
