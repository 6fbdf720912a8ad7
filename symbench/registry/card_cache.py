"""The cards of classes: read from their source, and cached on disk."""

from __future__ import annotations

import hashlib
import json
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbench import disk_cache
from symbench.registry.card import BASES, DETAILS, described
from symbench.registry.code_files import folder_of

if TYPE_CHECKING:
    from symbench.registry.class_reader import Package

_log = logging.getLogger(__name__)
_PLAIN = (bool, int, float, str)
_EDITION = 1  # increase it when the way of reading classes changes


class CardCache:
    """The cards of one package's classes, in one file of the disk cache.

    They are valid as long as the files that they were read from have the same content.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._root = folder_of(package)
        self._source: Package | None = None
        defaults = [described(kind, base) for kind, base in BASES.items()]
        what = [_EDITION, package, self._root, defaults]
        self._path = disk_cache.path_of("cards", what, ".json")
        cached = disk_cache.load(self._path, partial(_valid, self._root))
        self._known = cached or {"files": {}, "cards": {}}

    def card(self, kind: str, target: str) -> dict[str, Any] | None:
        """Return the card of the class ``"package.module:Class"``, without importing it.

        None if the source does not state it in plain literals.
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


def _valid(root: Path | None, content: bytes) -> dict[str, dict[str, Any]] | None:
    """Return a cached document; None if a file that its cards were read from has changed.

    None, too, if it is not such a document, or names a file outside of ``root``.
    """
    document = json.loads(content)
    files, cards = document["files"], document["cards"]
    if not all(_is_card(key, card) for key, card in cards.items()):
        return None
    inside = all(root is not None and _is_inside(root, Path(file)) for file in files)
    same = inside and all(_sha256(Path(file)) == digest for file, digest in files.items())
    return {"files": files, "cards": cards} if same else None


def _is_card(key: str, card: dict[str, Any]) -> bool:
    """Whether a card has the facts of its kind, each of a plain type."""
    kind, known = key.partition(" ")[0], {"name", "version", "summary"}
    plain = all(value is None or type(value) in _PLAIN for value in card.values())
    return kind in DETAILS and card.keys() == known.union(DETAILS[kind]) and plain


def _is_inside(root: Path, file: Path) -> bool:
    return file.is_relative_to(root) and ".." not in file.parts and file.suffix == ".py"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
