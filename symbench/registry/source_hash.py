"""The code that a class depends on, as one hash: changed code makes results stale."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from symbench.registry.code_text import code_of

_HOLDERS = (ast.stmt, ast.ExceptHandler, ast.match_case)  # what may hold an import


def source_sha256(thing: object) -> str:
    """Return the SHA-256 of the code of the module that defines a class (or an instance's class).

    The modules of its own package that it imports count too, directly or through one another.
    The other modules of the package do not, so a new model does not make its neighbours stale.
    Comments, docstrings and blank lines do not count.
    """
    cls: type = thing if inspect.isclass(thing) else type(thing)
    return _of(cls)


@cache  # a process does not reload its code, and a leaderboard asks again for every record
def _of(cls: type) -> str:
    files = source_files(cls)
    if not files:
        return hashlib.sha256(f"{cls.__module__}.{cls.__qualname__}".encode()).hexdigest()
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        digest.update(name.encode() + b"\0" + code_of(file.read_bytes()) + b"\0")
    return digest.hexdigest()


def source_files(cls: type) -> dict[str, Path]:
    """Return the files that ``source_sha256`` covers, by module name; none for a prompt's class."""
    try:
        path = Path(inspect.getfile(cls))
    except (OSError, TypeError):  # typed in at a prompt
        return {}
    package = getattr(sys.modules[cls.__module__], "__package__", None) or ""
    return _closure(cls.__module__, path, package.partition(".")[0])


def imported_packages(files: Mapping[str, Path]) -> set[str]:
    """Return the top-level names that modules, given by name, import."""
    packages: set[str] = set()
    for module, file in files.items():
        imported = _imports(file.read_bytes(), package_of(module, file))
        packages.update(name.partition(".")[0] for name in imported)
    return packages


def package_of(module: str, file: Path) -> tuple[str, ...]:
    """Return the parts of the package that a module's relative imports start from."""
    parts = module.split(".")
    return tuple(parts if file.name == "__init__.py" else parts[:-1])


def _closure(module: str, path: Path, top: str) -> dict[str, Path]:
    """Return the files, by module name, that ``module`` reaches by imports within ``top``."""
    root = path.parents[module.count(".") + (path.name == "__init__.py")]
    files, waiting = {module: path}, [module]
    while waiting:
        name = waiting.pop()
        for imported in _imports(files[name].read_bytes(), package_of(name, files[name])):
            if imported.partition(".")[0] != top:
                continue
            known, file = _module(root, imported)
            if file is not None and known not in files:
                files[known] = file
                waiting.append(known)
    return files


@lru_cache(maxsize=512)  # models share modules
def _imports(source: bytes, parents: tuple[str, ...]) -> frozenset[str]:
    """Return the absolute names, of modules or of their attributes, that a source imports."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, _HOLDERS)]
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) + 1 - node.level] if node.level else ()
            start = ".".join([*base, *filter(None, [node.module])])
            names.update(f"{start}.{alias.name}" for alias in node.names)
    return frozenset(names)


def _module(root: Path, imported: str) -> tuple[str, Path | None]:
    """Return the module that a name is, or else the module that defines it, and its file."""
    if (file := module_file(root, imported)) is not None:
        return imported, file
    parent = imported.rpartition(".")[0]
    return parent, module_file(root, parent) if parent else None


def module_file(root: Path, module: str) -> Path | None:
    """Return the source file of a module below ``root``, or None."""
    place = root.joinpath(*module.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)
