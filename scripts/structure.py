"""Print how a checkout is built: rooms, floors, circles, lazy imports, lines, cards and caches.

python scripts/structure.py [CHECKOUT...]   # this checkout by default; several side by side

A *room* is a file or a folder directly under ``symbench/``. A *circle* is a set of rooms or of
modules that import each other, directly or through others. Imports inside functions, imports for
type checkers only, and module names in strings ("symbench.api") count as imports here.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tabulate import tabulate

HERE = Path(__file__).resolve().parent.parent
MODULE = re.compile(r"symbench(\.\w+)+(:\w+)?")  # a module's name, or a name in it, in a string
NO_ROOMS = {"__pycache__", "py.typed"}
CACHE_PATHS = {"path_of", "place"}  # functions whose first argument is a folder of the disk cache
SILENT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}  # fmt: skip

Graph = Mapping[str, set[str]]


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def module_name(file: Path, root: Path) -> str:
    """Return the dotted name of a file: a package for its ``__init__.py``."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the dotted names that a node imports, or names in a string."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and MODULE.fullmatch(str(node.value)):
        yield str(node.value).replace(":", ".")


def import_graph(root: Path) -> dict[str, set[str]]:
    """Return which modules of symbench each of its modules imports, anywhere in the file."""
    files = {module_name(file, root): file for file in python_files(root / "symbench")}
    graph: dict[str, set[str]] = {name: set() for name in files}
    for name, file in files.items():
        for node in ast.walk(ast.parse(file.read_text())):
            for target in imported(node):
                graph[name] |= {module for module in _module_of(target, files) if module != name}
    return graph


def _module_of(target: str, modules: Iterable[str]) -> Iterator[str]:
    """Yield the module that is, or that holds, the imported name."""
    if target in modules:
        yield target
    elif (holder := target.rpartition(".")[0]) in modules:
        yield holder


def room_of(module: str) -> str:
    """Return the room of a module; the package itself is the room ``__init__``."""
    return [*module.split("."), "__init__"][1]


def room_graph(graph: Graph) -> dict[str, set[str]]:
    """Return which rooms each room imports."""
    rooms: dict[str, set[str]] = {}
    for module, targets in graph.items():
        room = room_of(module)
        rooms.setdefault(room, set()).update({room_of(target) for target in targets} - {room})
    return rooms


def circles(graph: Graph) -> list[list[str]]:
    """Return the sets of nodes that reach each other, the largest first."""
    reach = {node: _reachable(graph, node) for node in graph}
    together = {
        tuple(sorted({node, *(other for other in reach[node] if node in reach[other])}))
        for node in graph
    }
    return sorted((list(one) for one in together if len(one) > 1), key=lambda one: (-len(one), one))


def _reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        if (node := ahead.pop()) not in seen:
            seen.add(node)
            ahead += graph[node]
    return seen


def lazy_imports(files: Iterable[Path]) -> tuple[int, int]:
    """Count what functions import of the core's own: names, and the statements that do so."""
    counts: dict[tuple[Path, int], int] = {}
    for file in files:
        for function in ast.walk(ast.parse(file.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = [n for n in imported(node) if n.split(".")[0] == "symbench"]
                    counts |= {(file, node.lineno): len(names)} if names else {}
    return sum(counts.values()), len(counts)


def floors(root: Path) -> int | None:
    """Return how many floors the test of the architecture lists, or None without a list."""
    file = root / "tests" / "test_architecture.py"
    for node in ast.parse(file.read_text()).body if file.is_file() else ():
        names = [target.id for target in getattr(node, "targets", ()) if hasattr(target, "id")]
        if names == ["FLOORS"] and isinstance(node, ast.Assign):
            return len(getattr(node.value, "elts", ())) or None
    return None


def lines(files: Iterable[Path]) -> int:
    return sum(len(file.read_text().splitlines()) for file in files)


def code_lines(files: Iterable[Path]) -> int:
    """Count the lines that hold code or a docstring: all but blank lines and comments."""
    total = 0
    for file in files:
        text = file.read_text()
        used: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in SILENT:
                used |= set(range(token.start[0], token.end[0] + 1))
        total += sum(bool(line.strip()) for i, line in enumerate(text.splitlines(), 1) if i in used)
    return total


def cache_kinds(files: Iterable[Path]) -> set[str]:
    """Return the folders of the user's cache, as the calls that make their paths name them."""
    kinds = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            first = node.args[0]
            if called in CACHE_PATHS and isinstance(first, ast.Constant):
                kinds.add(str(first.value))
    return kinds


def _listed(items: Iterable[str]) -> str:
    names = sorted(items)
    return f"{len(names)}: {', '.join(names)}" if names else "0"


def _circles(graph: Graph) -> str:
    cycles = circles(graph)
    return f"{len(cycles)} of {sum(map(len, cycles))}" if cycles else "0"


def measures(root: Path) -> dict[str, str]:
    """Return every number of a checkout, by what it counts."""
    core, plugins = python_files(root / "symbench"), python_files(root / "plugins")
    graph = import_graph(root)
    rooms = [p for p in (root / "symbench").iterdir() if p.name not in NO_ROOMS]
    cards = [f for f in plugins if f.name in {"__init__.py", "cards.py"}]
    cards = [f for f in cards if f.parent.parent == root / "plugins"]
    return {
        "rooms under symbench/": str(len(rooms)),
        "floors": str(floors(root) or "not listed"),
        "circles of rooms": _circles(room_graph(graph)),
        "circles of modules": _circles(graph),
        "own names imported inside functions": "{} in {} statements".format(*lazy_imports(core)),
        "core: files": str(len(core)),
        "core: lines": str(lines(core)),
        "core: lines of code and docstrings": str(code_lines(core)),
        "plugins: files": str(len(plugins)),
        "plugins: lines": str(lines(plugins)),
        "plugins: lines of code and docstrings": str(code_lines(plugins)),
        "plugins: lines of __init__.py and cards.py": str(lines(cards)),
        "folders of the disk cache": _listed(cache_kinds(core)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkouts", nargs="*", type=Path, metavar="CHECKOUT",
                        help="root of a checkout; default: this one")  # fmt: skip
    parser.add_argument("--circles", action="store_true", help="list what is in each circle")
    given = parser.parse_args()
    roots = given.checkouts or [HERE]
    for root in roots:
        if not (root / "symbench").is_dir():
            parser.error(f"{root} has no folder symbench/: give the root of a checkout")
    columns = [measures(root) for root in roots]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    print(tabulate(rows, ["what", *map(str, roots)], "github", disable_numparse=True))
    for root in roots if given.circles else ():
        graph = import_graph(root)
        for circle in [*circles(room_graph(graph)), *circles(graph)]:
            print(f"\n{root}: {', '.join(circle)}")


if __name__ == "__main__":
    main()
