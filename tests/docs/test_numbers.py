"""The numbers that the README quotes are those of the stored records and of the registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symbench.registry import load
from symbench.results.leaderboard.findings import supported
from symbench.results.published.publication import Publication
from symbench.results.report.boards import sentence

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
QUICK = ROOT / "leaderboards" / "quick"
pytestmark = pytest.mark.skipif(not QUICK.is_dir(), reason="needs the source tree")


@pytest.fixture(scope="module")
def built_in():
    names = ",".join(path.name for path in (ROOT / "plugins").glob("symbench_*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBENCH_PLUGINS", names)
        return load()


def findings():
    """Return the findings of the README, each as one line without its bold words."""
    (section,) = re.findall(r"^## What it shows so far\n(.*?)^\w", README, re.M | re.S)
    bullets = re.split(r"^- \*\*[^*]+\*\* ", section, flags=re.M)
    return [" ".join(bullet.split()) for bullet in bullets if bullet.strip()]


def test_every_finding_of_the_readme_is_supported_by_the_published_records(built_in):
    records = Publication(QUICK).records()
    sentences = {
        sentence(one) for board in built_in.boards.values()
        for one in supported(board, records, "quick")
    }  # fmt: skip
    quoted = findings()
    assert len(quoted) >= 6
    assert not [one for one in quoted if one not in sentences]


@pytest.mark.parametrize("kind", ["tasks", "models"])
def test_the_readme_counts_what_is_registered(built_in, kind):
    (count,) = re.findall(rf"more than (\d+)\s+{kind}", README)
    assert 0 <= len(getattr(built_in, kind)) - int(count) < 40


def test_the_table_of_the_readme_has_the_size_and_threshold_of_today(built_in):
    (shown,) = re.findall(r"^o5-invariant · quick · (.*)$", README, re.M)
    task = built_in.task("o5-invariant")
    size, error = max(task.sizes_in("quick")), f"{task.threshold:.4f}"
    assert shown == f"n_train {size} · 5 seeds · solved at error {error}"
