"""The verdicts of the summary of published results."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from symbench import Published

FILE = Path(__file__).parents[2] / "scripts" / "reproductions.py"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="needs the source tree")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("reproductions", FILE)
    loaded = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FILE.parent))
        spec.loader.exec_module(loaded)
    return loaded


def record(scores, score="paper_error", updates=2000):
    trials = [
        SimpleNamespace(n_train=n, scores={score: value})
        for n, values in scores.items() for value in values
    ]  # fmt: skip
    protocol = {"updates": updates, "experiment": {"updates": updates} if updates != 2000 else {}}
    identity = SimpleNamespace(task="t", model="m", tier="full", protocol=protocol)
    return SimpleNamespace(identity=identity, status="ok", trials=trials)


def row(script, published, scores, score="paper_error"):
    """The row of a published curve, or None."""
    curve = Published("m", "M", "Somebody 2021 (arXiv:1), table 2", published, score)
    task = SimpleNamespace(name="t", published=[curve])
    return next(iter(script.verdicts([task], [record(scores, score)])), None)


def test_a_row_has_paper_figure_and_the_median_at_the_largest_size(script):
    shown = row(script, {10: 1.0, 100: 0.5}, {10: [3.0], 100: [0.1, 0.2, 0.9]})
    assert shown == [
        "Somebody 2021 (arXiv:1)", "table 2", "t", "M (`m`)", "0.5", "0.2", "0.4 to 3",
        "at 1 of 2 sizes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "score", "verdict"),
    [
        (2.0, "paper_error", "reproduced"),
        (2.1, "paper_error", "not reproduced"),
        (0.96, "pairs_trained", "reproduced"),
        (0.94, "pairs_trained", "not reproduced"),
    ],
)
def test_more_is_better_only_for_counts_and_cosines(script, ours, score, verdict):
    assert row(script, {10: 1.0}, {10: [ours]}, score)[-1] == verdict


def test_a_curve_without_records_has_no_row(script):
    assert row(script, {10: 1.0}, {20: [1.0]}) is None
    assert row(script, {10: 0.0}, {10: [0.0]})[-2:] == ["", "reproduced"]


def test_longer_trainings_are_no_part_of_a_row_but_of_a_curve_with_its_prediction(
    script, monkeypatch
):
    monkeypatch.setitem(script.UPDATES, ("t", "m"), 8000)
    records = [record({10: [8000 / k]}, updates=k) for k in (1000, 2000, 4000)]
    curve = Published("m", "M", "Somebody 2021 (arXiv:1), table 2", {10: 1.5})
    task = SimpleNamespace(name="t", published=[curve])
    assert script.verdicts([task], records)[0][5] == "4"
    text = "\n".join(script.over_updates(task, curve, records))
    assert "updates^-1.00" in text
    assert "1 after the published 8,000 updates (published: 1.5)" in " ".join(text.split())
    assert script.over_updates(task, curve, records[:2]) == []


def test_the_readme_counts_the_reproduced_curves_and_names_the_others(script):
    curves = [
        Published("m", label, "Somebody 2021", {10: x}) for label, x in (("A", 1), ("B", 0.1))
    ]
    task = SimpleNamespace(name="t", published=curves)
    text = script.readme(script.verdicts([task], [record({10: [0.5]})]))
    assert "1 of 2 published curves are reproduced" in text
    assert "| B (`m`)" in text
    assert "A (`m`)" not in text
