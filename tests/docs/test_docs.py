"""The plugins that the guide shows work as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symbench.testing import Skipped, checks

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
pytestmark = pytest.mark.skipif(not PAGES, reason="needs the source tree")


def test_the_graph_network_of_the_guide_keeps_its_promises(tmp_path):
    guide = (ROOT / "docs" / "plugins.md").read_text()
    (shown,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)
        if "symbench_register" in block
    ]
    file = tmp_path / "one_layer.py"
    file.write_text(shown)
    for check in checks("one-layer", plugin_files=[file], most=2):
        try:
            check()
        except Skipped:
            continue


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page):
    for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link
