"""The notebooks of the documentation run, and the site shows what their cells show."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.skipif(not NOTEBOOKS, reason="needs the source tree")


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs(path, tmp_path):
    copy = tmp_path / path.name
    copy.write_text(path.read_text())
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "notebooks.py"), str(copy)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert kinds(copy) == kinds(path)  # what is stored is what it shows today


def kinds(path):
    """Return of each cell its source and the kinds of its outputs."""
    cells = json.loads(path.read_text())["cells"]
    return [
        (cell["source"], [sorted(out.get("data", {out["output_type"]: 0})) for out in outputs])
        for cell in cells
        for outputs in [cell.get("outputs", [])]
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_begins_with_a_title_and_was_executed(path):
    notebook = json.loads(path.read_text())
    assert notebook["cells"][0]["source"][0].startswith("# ")
    counts = [c["execution_count"] for c in notebook["cells"] if c["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_a_failing_cell_ends_the_run_with_its_number(tmp_path):
    file = tmp_path / "bad.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    file.write_text(json.dumps({"cells": [{**cell, "source": ["1 + 1"]},
                                          {**cell, "source": ["1 / 0"]}]}))  # fmt: skip
    before = file.read_text()
    with pytest.raises(ZeroDivisionError):
        module(ROOT / "scripts" / "notebooks.py").main([str(file)])
    assert file.read_text() == before


def test_outputs_are_those_of_jupyter():
    cell = {"cell_type": "code", "source": ["print('a')\n", "{1: 2}"]}
    (done,) = module(ROOT / "scripts" / "notebooks.py").execute({"cells": [cell]})
    assert done["outputs"][0] == {"output_type": "stream", "name": "stdout", "text": ["a\n"]}
    assert done["outputs"][1]["data"] == {"text/plain": ["{1: 2}"]}


def test_a_notebook_becomes_a_page():
    pytest.importorskip("mkdocs")
    path = next(path for path in NOTEBOOKS if path.stem == "from-an-idea-to-a-row")
    page = module(ROOT / "docs" / "site" / "hooks.py").page_of(path)
    assert page.startswith("# From an idea to a row\n")
    assert "```python\nfrom pathlib import Path\n" in page
    assert '<div class="output"><svg ' in page
