"""The plugins that the guide shows work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symbench.cli import main
from symbench.testing import Skipped, checks

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
pytestmark = pytest.mark.skipif(not PAGES, reason="needs the source tree")


def example(tmp_path, word):
    """Return a file with the plugin of the guide that has a word in it."""
    guide = (ROOT / "docs" / "plugins.md").read_text()
    (shown,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)
        if "symbench_register" in block and word in block
    ]
    file = tmp_path / "example.py"
    file.write_text(shown)
    return file


def test_the_graph_network_of_the_guide_meets_its_contract(tmp_path):
    file = example(tmp_path, "class OneLayer")
    for check in checks("one-layer", plugin_files=[file], most=2):
        try:
            check()
        except Skipped:
            continue


def test_the_executor_of_the_guide_runs_cells(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "symbench_vectors,symbench_baselines")
    file = example(tmp_path, "run_cell")
    command = (
        f"symbench run -t o5-invariant -m constant --tier smoke --executor mine --plugin {file}"
    )
    monkeypatch.setattr("sys.argv", [*command.split(), "--store", str(tmp_path / "store")])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert "constant" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page):
    for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link
