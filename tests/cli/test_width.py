"""What the verbs print in a terminal of 80 columns: no line is wider, and no word is broken."""

from __future__ import annotations

from typing import Any

import pytest
from made_records import cell

from symbench.results import report
from symbench.results.leaderboard import make

SCORES = {
    "equivariance_error": 1e-15, "symmetric_share": 0.5, "generator_cosine": 0.9,
    "generator_overlap": 0.8, "generators_found": 3.0, "lie_derivative": 0.1,
    "announced_overlap": 0.5, "announced_count": 2.0, "rollout_error": 0.2,
    "conservation_error.energy": 0.1, "conservation_error.angular_momentum": 0.2,
    "substructure_count_error.triangles": 0.1,
}  # fmt: skip


def words(text: str) -> set[str]:
    return {word for word in text.split() if set(word) - set("─-") and not word.endswith("…")}


@pytest.mark.parametrize(
    "verb",
    [
        ["list"],
        ["list", "boards"],
        ["show", "length"],
        ["show", "wide"],
        ["leaderboard"],
        ["leaderboard", "--board", "closest"],
    ],
    ids=" ".join,
)
def test_80_columns_break_no_word(
    call: Any, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    if verb[0] == "leaderboard":
        monkeypatch.setenv("COLUMNS", "80")
        run = call("run", "--suite", "tiny", "--tier", "smoke", "--executor", "inline")
        assert max(map(len, run.out.splitlines())) <= 80
    printed = {}
    for columns in (80, 300):
        monkeypatch.setenv("COLUMNS", str(columns))
        done = call(*verb)
        assert done.code == 0, done.err
        printed[columns] = done.out
    assert max(map(len, printed[80].splitlines())) <= 80
    assert words(printed[80]) <= words(printed[300])


def test_a_table_of_many_scores_breaks_no_heading() -> None:
    some = [cell(m, (1.0, 0.1, 0.01), scores=SCORES) for m in ("mlp", "infinitesimal-mlp-use")]
    narrow, wide = (report.render(make(some, "quick"), "table", width) for width in (80, 400))
    assert max(map(len, narrow.splitlines())) <= 80
    families = {part for word in words(wide) for part in word.split(".")}  # above their columns
    assert words(narrow) <= words(wide) | families | {"all"}
