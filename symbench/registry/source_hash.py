"""The code that a class depends on, as one hash: changed code makes results stale."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from symbench.registry.code_facts import facts_of
from symbench.registry.code_files import is_module, source_files

if TYPE_CHECKING:
    from symbench.contract import Model
    from symbench.registry.registry import Registry

_LARGEST = 2**26  # bytes; only the size and the first part of a larger data file count


def source_sha256(thing: object) -> str:
    """Return the SHA-256 of the files that a class (or an instance's class) depends on.

    They are the module of the class, the modules of plugins that it imports, and their data files
    (see ``code_files.source_files``). The other modules of the package do not count, so a new model
    does not make the results of others stale. Comments, docstrings and blank lines do not count.
    """
    cls: type = thing if inspect.isclass(thing) else type(thing)
    return _of(cls)


def model_sha256(registry: Registry, model: Model) -> str:
    """Return the hash of a model's source and of the source of all its backbones.

    A backbone that is not registered counts by its name, because it cannot be built.
    """

    def part(name: str) -> tuple[str, Sequence[str]] | None:
        if name not in registry.models:
            return None
        backbone = registry.model(name)()
        return f"{backbone.version} {source_sha256(backbone)}", backbone.backbones

    return with_backbones(source_sha256(model), model.backbones, part)


def with_backbones(
    own: str,
    backbones: Iterable[str],
    part: Callable[[str], tuple[str, Sequence[str]] | None],
) -> str:
    """Return the hash of a model's own code and of that of all its backbones.

    Args:
        own: the hash of its own code.
        backbones: the names of those that it declares.
        part: returns the code of a backbone and the names of its own, or None if it is unknown.
    """
    parts: dict[str, str] = {}
    waiting = list(backbones)
    while waiting:
        if (name := waiting.pop()) in parts:
            continue
        parts[name] = ""
        if (known := part(name)) is not None:
            parts[name] = known[0]
            waiting += known[1]
    lines = [own, *(f"{name} {code}" for name, code in sorted(parts.items()))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if parts else own


@cache  # a leaderboard asks for every record, and a process does not reload its code
def _of(cls: type) -> str:
    files = source_files(cls)
    if not files:
        return hashlib.sha256(f"{cls.__module__}.{cls.__qualname__}".encode()).hexdigest()
    return of_files(files)


def of_files(files: Mapping[str, Path]) -> str:
    """Return the hash of files by name, as ``code_files.source_files`` returns them."""
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        content = facts_of(file.read_bytes()).code if is_module(file) else _data(file)
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()


def _data(file: Path) -> str:
    """Return the digest of a data file."""
    with file.open("rb") as opened:
        content = opened.read(_LARGEST)
    return hashlib.sha256(f"{file.stat().st_size}\n".encode() + content).hexdigest()
