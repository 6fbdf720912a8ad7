"""Fingerprints of tasks, kept on disk: drawing data of every task for them takes seconds.

A task's data depend on its source, what is installed, and nothing else; a fingerprint is kept
under the hash of these. What rests on more (files, changed classes, code edited since the process
started) is drawn anew each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
import sysconfig
from contextlib import suppress
from functools import cache, cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from symbench import disk_cache
from symbench.contract import Task
from symbench.registry.source_hash import imported_packages, source_files

_VERSION = "1"  # of what a fingerprint is kept under
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_READS_FILES = ("fingerprint", "is_local", "available")  # what tasks with data files override
_GRAIN = 2.0  # seconds; the start of a process is known to one
_CORE = Path(__file__).parent


def fingerprint(task: Task) -> str:
    """Return the task's fingerprint, the one kept under its source if there is one."""
    own = type(task)
    if any(getattr(own, name) is not getattr(Task, name) for name in _READS_FILES):
        return task.fingerprint()
    return _of(task)


@lru_cache(maxsize=1024)  # a plan asks for every model
def _of(task: Task) -> str:
    if (path := _path(task)) is None:
        return task.fingerprint()
    found = disk_cache.load(path, _parsed)
    if found is None:
        found = task.fingerprint()
        disk_cache.save(path, found.encode())
    return found


def _parsed(content: bytes) -> str | None:
    return text if _FINGERPRINT.fullmatch(text := content.decode()) else None


def _path(task: Task) -> Path | None:
    """Return where the fingerprint is kept; None if that would not tell all it rests on."""
    own = type(task)
    bases = [base for base in own.__mro__ if base not in Task.__mro__ and not _is_standard(base)]
    if own.sample.__module__ not in {base.__module__ for base in bases}:  # patched from outside
        return None
    sources = [_source(base) for base in bases]
    if None in sources or (surroundings := _surroundings()) is None:
        return None
    try:
        state = json.dumps(_state(task), sort_keys=True)
    except TypeError:  # it holds more than plain values
        return None
    what = [surroundings, own.__qualname__, task.name, task.version, state, sources]
    return disk_cache.path_of("fingerprints", what)


def _is_standard(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in sys.stdlib_module_names


def _state(task: Task) -> dict[str, Any]:
    """Return what the instance holds of its own, without values that its class computes once."""
    return {
        name: value
        for name, value in vars(task).items()
        if not isinstance(getattr(type(task), name, None), cached_property)
    }


@cache
def _source(cls: type) -> str | None:
    """Return the hash of the files that a class rests on; None if they are not all that it does."""
    files = source_files(cls)
    tops = imported_packages(files) - {cls.__module__.partition(".")[0], __package__}
    return _hash(files) if files and all(map(_has_a_version, tops)) else None


@cache
def _has_a_version(package: str) -> bool:
    """Whether a package stands in the standard library or where installers put theirs."""
    if package in sys.stdlib_module_names:
        return True
    spec = find_spec(package)
    homes = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    return spec is not None and any(
        Path(spec.origin or "").is_relative_to(home) for home in homes if home
    )


@cache
def _surroundings() -> str | None:
    """Return the hash of this package, the other ones, and how the processor rounds."""
    import torch

    core = {str(file.relative_to(_CORE)): file for file in sorted(_CORE.rglob("*.py"))}
    if (own := _hash(core)) is None:
        return None
    what = [
        _VERSION, own, sys.version, platform.machine(), platform.system(), torch.__version__,
        torch.backends.cpu.get_cpu_capability(), str(torch.get_default_dtype()), _installed(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _installed() -> list[str]:
    """Return names and versions of all that is installed: those of their folders of metadata."""
    found: set[str] = set()
    for entry in {place for place in sys.path if place}:
        with suppress(OSError):
            found.update(n for n in os.listdir(entry) if n.endswith((".dist-info", ".egg-info")))
    return sorted(found)


def _hash(files: dict[str, Path]) -> str | None:
    """Return the hash of names and contents; None if a file may have changed since it was read."""
    digest, born = hashlib.sha256(), psutil.Process().create_time() - _GRAIN
    for name, file in sorted(files.items()):
        about = file.stat()
        if max(about.st_mtime, about.st_ctime) >= born:
            return None
        digest.update(name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
