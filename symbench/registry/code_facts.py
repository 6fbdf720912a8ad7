"""The facts of a Python source: the hash of its code, and its imports; cached on disk."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from symbench import disk_cache
from symbench.registry.code_text import code_of

_EDITION = 1  # increase it when the way of reading sources changes
_HOLDERS = (ast.stmt, ast.ExceptHandler, ast.match_case)  # what may hold an import


class Facts(NamedTuple):
    """The facts of a source on which results depend.

    ``code`` is the SHA-256 of the code without comments. ``imports`` holds each imported name, of a
    module or of its attribute, with the number of dots before it.
    """

    code: str
    imports: tuple[tuple[int, str], ...]

    def imported(self, package: tuple[str, ...]) -> frozenset[str]:
        """Return the absolute names that a module of the package imports."""
        return frozenset(
            ".".join([*package[: len(package) + 1 - dots], name]) if dots else name
            for dots, name in self.imports
        )


@lru_cache(maxsize=1024)  # classes share modules
def facts_of(source: bytes) -> Facts:
    """Return the facts of a source; one that cannot be parsed has no imports."""
    what = [_EDITION, sys.version_info[:2], hashlib.sha256(source).hexdigest()]
    path = disk_cache.path_of("code", what, ".json")
    facts = disk_cache.load(path, _parsed)
    if facts is None:
        code = hashlib.sha256(code_of(source)).hexdigest()
        facts = Facts(code, tuple(sorted(set(_imports(tree_of(source))))))
        disk_cache.save(path, json.dumps(facts).encode())
    return facts


def _parsed(content: bytes) -> Facts:
    code, imports = json.loads(content)
    return Facts(str(code), tuple((int(dots), str(name)) for dots, name in imports))


def tree_of(source: bytes) -> ast.Module:
    """Return the syntax tree of a source; that of an empty one if it cannot be parsed."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, _HOLDERS)]
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = [node.module] if node.module else []
            yield from ((node.level, ".".join([*start, alias.name])) for alias in node.names)
