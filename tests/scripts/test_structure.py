"""The numbers that scripts/structure.py prints are those of a checkout."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "structure.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="needs the source tree")


@pytest.fixture(scope="module")
def structure():
    return runpy.run_path(str(SCRIPT))


@pytest.fixture
def checkout(tmp_path):
    """A small checkout: two rooms that import each other, one of them by a string."""
    files = {
        "symbench/__init__.py": "",
        "symbench/low.py": '"""Low."""\n\nNEXT = "symbench.high.tower:Tower"\n',
        "symbench/high/__init__.py": "",
        "symbench/high/tower.py": (
            "# a comment\n\ndef build():\n"
            "    from symbench import low\n    import json\n"
            "    return path_of('bricks', low, json)\n"
        ),
        "symbench/alone.py": "from symbench.high import tower\n",
        "plugins/symbench_a/__init__.py": "1\n",
        "plugins/symbench_a/cards.py": "2\n3\n",
        "plugins/symbench_a/deep/__init__.py": "4\n",
        "tests/test_architecture.py": "FLOORS = [{'low'}, {'high', 'alone'}]\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_it_counts_what_a_small_checkout_has(structure, checkout):
    assert structure["measures"](checkout) == {
        "rooms under symbench/": "4",
        "floors": "2",
        "circles of rooms": "1 of 2",
        "circles of modules": "1 of 2",
        "own names imported inside functions": "1 in 1 statements",
        "core: files": "5",
        "core: lines": "10",
        "core: lines of code and docstrings": "7",
        "plugins: files": "3",
        "plugins: lines": "4",
        "plugins: lines of code and docstrings": "4",
        "plugins: lines of __init__.py and cards.py": "3",
        "folders of the disk cache": "1: bricks",
    }


@pytest.mark.slow
def test_two_checkouts_are_printed_side_by_side(checkout):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(ROOT), str(checkout), "--circles"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 15
    assert {len(row) for row in rows} == {3}
    assert f"{checkout}: high, low" in done.stdout


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "give the root of a checkout" in done.stderr
