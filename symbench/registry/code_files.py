"""The files that a class depends on: modules that are imported, and data files beside them."""

from __future__ import annotations

import ast
import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from symbench.registry.code_facts import facts_of, tree_of

_BY_NAME = re.compile(rb"\b(import_module|__import__|runpy|pkgutil|spec_from_file_location)\b")
_INSTALLED = {"site-packages", "dist-packages"}  # folders whose packages have versions
_CORE = "symbench"  # its version of the protocol is in every record
_NO_DATA = {".py", ".pyc", ".pyo", ".pyi", ".md", ".rst"}
_LONGEST_NAME = 255  # characters of a file's name


def source_files(cls: type) -> dict[str, Path]:
    """Return the files that a class depends on, by name; none for a class without a file.

    Modules have dotted names, data files have paths. These files count:

    - the module of the class, and every module of a plugin that it imports, directly or through
      others, also from another top-level package or from a folder that is not installed;
    - all modules of a package, or all beside a single file, if one imports modules by name;
    - the data files of these packages; of a single file, the files beside it that it names.

    Installed packages without plugins do not count, because they have versions. Neither does the
    core.
    """
    try:
        path = Path(inspect.getfile(cls))
    except (OSError, TypeError):  # typed in at a prompt
        return {}
    return closure(cls.__module__, path)


def closure(module: str, path: Path) -> dict[str, Path]:
    """Return the files that a module depends on, like ``source_files``; ``path`` is its own."""
    modules = _closure(module, path)
    return modules | _data_files(modules)


def is_module(file: Path) -> bool:
    """Whether a file of ``source_files`` is a Python module."""
    return file.suffix == ".py"


def imported_packages(files: Mapping[str, Path]) -> set[str]:
    """Return the top-level names that modules, given by name, import."""
    return {name.partition(".")[0] for name in imported_names(files)}


def imported_names(files: Mapping[str, Path]) -> set[str]:
    """Return the names, of modules and of their attributes, that modules import anywhere."""
    names: set[str] = set()
    for module, file in files.items():
        if is_module(file):
            names |= facts_of(file.read_bytes()).imported(package_of(module, file))
    return names


def package_of(module: str, file: Path) -> tuple[str, ...]:
    """Return the parts of the package that a module's relative imports start from."""
    parts = module.split(".")
    return tuple(parts if file.name == "__init__.py" else parts[:-1])


def module_file(root: Path, module: str) -> Path | None:
    """Return the source file of a module below ``root``, or None."""
    place = root.joinpath(*module.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def folder_of(package: str) -> Path | None:
    """Return the folder that a top-level package or module is imported from."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).parent
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _closure(module: str, path: Path) -> dict[str, Path]:
    """Return the files, by module name, that ``module`` reaches by imports."""
    parts = module.split(".")
    scope = ".".join(parts[: 2 if parts[0] == _CORE else 1])
    root = path.parents[_depth(module, path)]
    files, waiting = {module: path}, [module]
    while waiting:
        name = waiting.pop()
        source = files[name].read_bytes()
        imported = facts_of(source).imported(package_of(name, files[name]))
        reached = dict(_reached(imported, scope, root))
        if _BY_NAME.search(source) and parts[0] != _CORE:
            reached |= _neighbours(name, files[name])
        new = {other: file for other, file in reached.items() if other not in files}
        files |= new
        waiting += new
    return files


def _depth(module: str, file: Path) -> int:
    """Return how many folders below the root of its packages a module's file is."""
    return module.count(".") + (file.name == "__init__.py")


def _reached(imported: Iterable[str], scope: str, root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the modules, with their files, that are imported and whose code counts."""
    for name in imported:
        inside = f"{name}.".startswith(f"{scope}.")
        home = root if inside else _home(name.partition(".")[0], root)
        if home is not None:
            known, file = _module(home, name)
            if file is not None:
                yield known, file


@cache
def _home(top: str, beside: Path) -> Path | None:
    """Return the folder of a top-level module whose code counts; None if it does not.

    A module that cannot be found is looked for in the folder ``beside``.
    """
    if top == _CORE or top in sys.stdlib_module_names:
        return None
    folder = folder_of(top) or beside
    installed = _INSTALLED.intersection(folder.parts)
    return None if installed and top not in _plugin_modules(folder) else folder


@cache
def _plugin_modules(folder: Path) -> frozenset[str]:
    """Return the top-level modules of the installed distributions that hold plugins."""
    tops: set[str] = set()
    for entry_points in folder.glob("*.dist-info/entry_points.txt"):
        record = entry_points.with_name("RECORD")
        if "[symbench]" in entry_points.read_text() and record.is_file():
            tops.update(re.findall(r"^([A-Za-z_]\w*)(?:/|\.py,)", record.read_text(), re.M))
    return frozenset(tops - {_CORE})


def _neighbours(module: str, file: Path) -> Iterator[tuple[str, Path]]:
    """Yield all modules of a module's package; of a single file, the modules beside it."""
    depth = _depth(module, file)
    if not depth:
        yield from ((other.stem, other) for other in sorted(file.parent.glob("*.py")))
        return
    root = file.parents[depth]
    for other in _files_below(file.parents[depth - 1]):
        if is_module(other):
            parts = other.relative_to(root).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), other


def _data_files(modules: Mapping[str, Path]) -> dict[str, Path]:
    """Return the data files of the modules, by their path below the folder of the packages."""
    found: dict[str, Path] = {}
    for module, file in modules.items():
        if module.partition(".")[0] == _CORE:
            continue
        depth = _depth(module, file)
        data = _named_beside(file) if not depth else _files_below(file.parents[depth - 1])
        for path in data:
            if path.suffix not in _NO_DATA:
                found[path.relative_to(file.parents[depth]).as_posix()] = path
    return found


@cache
def _files_below(folder: Path) -> tuple[Path, ...]:
    """Return the regular files below a folder, without those that are hidden."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and name[0] != "."]
        paths = [Path(place, name) for name in names if name[0] != "."]
        found += [path for path in paths if path.is_file()]
    return tuple(sorted(found))


def _named_beside(file: Path) -> Iterator[Path]:
    """Yield the files beside a module, or in a folder beside it, that its source names.

    A name is any string of the source. ``.json`` and ``*.json`` name all files with this ending.
    """
    names = {text.removeprefix("*") for text in _strings(file.read_bytes())}
    names |= {part for text in names if "/" in text for part in text.split("/")}
    beside = list(file.parent.iterdir()) if names else []
    for folder in [path for path in beside if path.name in names and path.is_dir()]:
        beside += folder.iterdir()
    for path in beside:
        if (path.name in names or path.suffix in names) and path.is_file():
            yield path


@lru_cache(maxsize=512)
def _strings(source: bytes) -> frozenset[str]:
    """Return the short strings of a source, docstrings included."""
    constants = (node for node in ast.walk(tree_of(source)) if isinstance(node, ast.Constant))
    texts = (node.value for node in constants if isinstance(node.value, str))
    return frozenset(t for t in texts if 0 < len(t) <= _LONGEST_NAME and t.isprintable())


def _module(root: Path, imported: str) -> tuple[str, Path | None]:
    """Return the module of a name, or else the module that defines the name, and its file."""
    if (file := module_file(root, imported)) is not None:
        return imported, file
    parent = imported.rpartition(".")[0]
    return parent, module_file(root, parent) if parent else None
