"""The shape of the code base: floors, plugin manners, sizes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "symbench"
PLUGINS = ROOT / "plugins"
FLOORS = [  # a room imports only rooms of its own floor or of those before it
    {"errors", "files"},
    {"disk_cache", "downloads"},
    {"groups", "records"},
    {"contract"},
    {"graphs", "hooks", "results", "tables"},
    {"plot"},
    {"registry"},
    {"draws"},
    {"metrics", "training"},
    {"nullspace"},
    {"runs"},
    {"tuning"},
    {"stored"},
    {"testing", "publish", "executor", "discovery"},
    {"api"},
    {"inspection"},
    {"cli"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MODULE = re.compile(r"symbench(_\w+)?(\.\w+)+(:\w+)?")  # in a string, to be imported
OPEN_TO_PLUGINS = {
    "executor",
    "contract",
    "downloads",
    "graphs",
    "hooks",
    "groups",
    "metrics",
    "nullspace",
    "testing",
}

pytestmark = pytest.mark.skipif(not CORE.is_dir(), reason="needs the source tree")

CORE_FILES = sorted(CORE.rglob("*.py"))
PLUGIN_FILES = sorted(PLUGINS.rglob("*.py"))


def imports(file):
    """Yield the dotted names of every module that a file imports, by a string too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and MODULE.fullmatch(str(node.value)):
            yield node.value.partition(":")[0]
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor_of(file):
    return file.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda f: str(f.relative_to(CORE)))
def test_a_module_imports_only_what_stands_below_it(file):
    own = floor_of(file)
    if own in {"__init__", "__main__"}:
        return
    for name in imports(file):
        parts = name.split(".")
        if parts[0] == "symbench" and len(parts) > 1 and (room := parts[1]) in FLOOR_OF:
            assert room == own or FLOOR_OF[room] < FLOOR_OF[own], f"{own} imports {name}"


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda f: str(f.relative_to(CORE)))
def test_the_core_never_imports_a_plugin(file):
    assert not [name for name in imports(file) if name.startswith("symbench_")]


@pytest.mark.parametrize("file", PLUGIN_FILES, ids=lambda f: str(f.relative_to(PLUGINS)))
def test_a_plugin_imports_the_public_names_and_no_other_plugin(file):
    own = file.relative_to(PLUGINS).parts[0]
    for name in imports(file):
        parts = name.split(".")
        assert not parts[0].startswith("symbench_") or parts[0] == own, name
        if parts[0] == "symbench" and len(parts) > 1 and parts[1] in FLOOR_OF:
            assert parts[1] in OPEN_TO_PLUGINS, name


@pytest.mark.parametrize(
    "file", CORE_FILES + PLUGIN_FILES, ids=lambda f: f"{f.parent.name}/{f.name}"
)
def test_no_file_passes_400_lines(file):
    assert len(file.read_text().splitlines()) <= 400


@pytest.mark.parametrize("file", sorted(PLUGINS.glob("*/__init__.py")), ids=lambda f: f.parent.name)
def test_a_plugins_card_is_short(file):
    assert len(file.read_text().splitlines()) <= 50


@pytest.mark.parametrize(
    "verb", [["--help"], ["list"], ["list", "models", "--json"], ["--version"]]
)
def test_help_and_list_never_import_torch(verb, monkeypatch):
    # a stranger's plugin may import torch when it is loaded; the built-in ones do not
    monkeypatch.setenv("SYMBENCH_PLUGINS", ",".join(p.name for p in PLUGINS.glob("symbench_*")))
    program = (
        "import sys\nfrom symbench.cli import main\n"
        f"sys.argv = ['symbench', *{verb!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "file", CORE_FILES + PLUGIN_FILES, ids=lambda f: f"{f.parent.name}/{f.name}"
)
def test_nothing_reseeds_the_global_generator_outside_a_fork(file):
    source = file.read_text()
    if "torch.manual_seed(" in source:
        assert "fork_rng" in source, file
    if "np.random.seed" in source:
        assert "np.random.set_state" in source, file
