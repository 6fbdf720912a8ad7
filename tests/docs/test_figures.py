"""Every figure of the documentation is what the stored records give.

``python scripts/figures.py --to docs/figures`` draws them again.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "figures"
NAMES = sorted(path.name for path in FOLDER.glob("*"))
NUMBER = re.compile(r"-?\d+\.?\d*")
pytestmark = pytest.mark.skipif(not NAMES, reason="needs the source tree")


@pytest.fixture(scope="module")
def made():
    """The functions that draw, by file name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        plugins = (path.name for path in (ROOT / "plugins").glob("symbench_*"))
        patch.setenv("SYMBENCH_PLUGINS", ",".join(plugins))
        yield importlib.import_module("figures").FIGURES


def parts(svg):
    """Return the texts, the marks without their numbers, and the numbers of a picture."""
    marks = "".join(re.findall(r"<[^>]*>", svg))
    numbers = [float(number) for number in NUMBER.findall(marks)]
    return re.findall(r">([^<]*)<", svg), NUMBER.sub("", marks), numbers


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_what_the_records_give(made, name):
    """Positions may differ by rounding, on another machine, and words may not."""
    stored, now = parts((FOLDER / name).read_text()), parts(made[name]().svg())
    assert stored[:2] == now[:2]
    assert stored[2] == pytest.approx(now[2], abs=0.02)


def test_every_figure_is_drawn_and_shown(made):
    assert sorted(made) == NAMES
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = "".join(page.read_text() for page in pages)
    assert not [name for name in NAMES if f"figures/{name})" not in shown]
