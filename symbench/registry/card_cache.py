"""What classes say of themselves: read from their source, and cached on disk."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbench import disk_cache
from symbench.registry.card import BASES, described
from symbench.registry.code_files import folder_of

if TYPE_CHECKING:
    from symbench.registry.class_reader import Package

_log = logging.getLogger(__name__)
_EDITION = 1  # to be raised whenever classes are read in another way


class CardCache:
    """The cards of one package's classes, in one file of the disk cache.

    They are valid while every file that they were read from has the same content.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._root = folder_of(package)
        self._source: Package | None = None
        defaults = [described(kind, base) for kind, base in BASES.items()]
        what = [_EDITION, package, self._root, defaults]
        self._path = disk_cache.path_of("cards", what, ".json")
        self._known = disk_cache.load(self._path, _valid) or {"files": {}, "cards": {}}

    def card(self, kind: str, target: str) -> dict[str, Any] | None:
        """Return what the class ``"package.module:Class"`` says of itself, without importing it.

        None if the source does not say so in plain literals.
        """
        key = f"{kind} {target}"
        if key not in self._known["cards"] and not self._read(kind, target, key):
            return None
        return dict(self._known["cards"][key])

    def _read(self, kind: str, target: str, key: str) -> bool:
        from symbench.registry.class_reader import Package, UnreadableError

        if self._root is None:
            return False
        self._source = self._source or Package(self._package, self._root)
        try:
            self._known["cards"][key] = self._source.card(kind, target)
        except UnreadableError as error:
            _log.debug("%s cannot be read from its source: %s", target, error)
            return False
        self._known["files"].update({str(file): _sha256(file) for file in self._source.files})
        disk_cache.save(self._path, json.dumps(self._known).encode())
        return True


def _valid(content: bytes) -> dict[str, dict[str, Any]] | None:
    """Return a cached document; None if a file that its cards were read from has changed."""
    document: dict[str, dict[str, Any]] = json.loads(content)
    same = all(_sha256(Path(file)) == digest for file, digest in document["files"].items())
    return document if same and "cards" in document else None


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
