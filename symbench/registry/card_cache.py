"""What classes say of themselves: read from their source, and cached on disk."""

from __future__ import annotations

import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

from symbench import disk_cache
from symbench.registry import class_reader
from symbench.registry.class_reader import Package, Unreadable, UnreadableError

DETAILS = {
    "task": ("kind", "loss", "threshold"),
    "model": ("prior",),
    "metric": ("unit", "direction"),
}


def described(kind: str, cls: type) -> dict[str, Any]:
    """Return what a class says of itself: name, version, summary and the details of its kind.

    The summary is the first line of the attribute ``summary``, or else of the docstring.
    """
    summary = getattr(cls, "summary", "") or inspect.getdoc(cls) or ""
    keys = ("name", "version", *DETAILS.get(kind, ()))
    own = {key: getattr(cls, key, None) for key in keys}
    if any(value is Unreadable for value in (summary, *own.values())):
        raise UnreadableError(f"{cls.__name__} has an attribute that is no literal")
    return {**own, "summary": str(summary).split("\n")[0]}


class CardCache:
    """The cards of one package's classes, in one file of the disk cache.

    They are valid while every file that they were read from has the same content.
    """

    def __init__(self, package: str) -> None:
        self._package = Package(package)
        self._path = disk_cache.path_of("cards", [package, self._package.root], ".json")
        self._known = disk_cache.load(self._path, _valid) or {"files": {}, "cards": {}}

    def card(self, kind: str, target: str) -> dict[str, Any]:
        """Return what the class ``"package.module:Class"`` says of itself, without importing it.

        Raises:
            UnreadableError: its source does not say so in plain literals.
        """
        cards, key = self._known["cards"], f"{kind} {target}"
        if key not in cards:
            module, _, name = target.partition(":")
            cards[key] = described(kind, self._package.outline(module, name))
            self._save()
        return dict(cards[key])

    def _save(self) -> None:
        files = {*self._package.files, Path(class_reader.__file__), Path(__file__)}
        self._known["files"].update({str(file): _sha256(file) for file in files})
        disk_cache.save(self._path, json.dumps(self._known).encode())


def _valid(content: bytes) -> dict[str, dict[str, Any]] | None:
    """Return a cached document; None if a file that its cards were read from has changed."""
    document: dict[str, dict[str, Any]] = json.loads(content)
    same = all(_sha256(Path(file)) == digest for file, digest in document["files"].items())
    return document if same else None


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
