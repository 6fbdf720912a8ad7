"""Published rows beside those of a run: what is comparable, ranked, marked and counted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from made_records import broken, cell

from symbench.records.record import Record
from symbench.results.leaderboard import Leaderboard, Row, make
from symbench.results.leaderboard.beside import why_none
from symbench.results.report import render

HERE = {"machine": "here", "device": "cpu"}
THERE = {"machine": "there", "device": "cpu"}


def board(own: list[Record], published: list[Record]) -> Leaderboard:
    return make(own, "quick", planned=len(own), published=published)


def of(table: Leaderboard, model: str) -> list[Row]:
    return [row for row in table.rows if row.model == model]


def test_a_published_row_is_ranked_with_the_own_ones_marked_and_not_counted() -> None:
    own = cell("mine", (1.0, 0.5, 0.1), provenance=HERE)
    table = board([own], [cell("theirs", (1.0, 0.5, 0.001), provenance=HERE)])
    (mine,), (theirs,) = of(table, "mine"), of(table, "theirs")
    assert theirs.flags == ["published"]
    assert mine.flags == []
    assert theirs.rank is not None
    assert mine.rank is not None
    assert (theirs.rank.high, mine.rank.low) == (1, 2)
    assert (table.coverage.planned, table.coverage.finished) == (1, 1)


def test_times_of_another_machine_are_not_compared() -> None:
    table = board([cell("mine", provenance=HERE)], [cell("theirs", provenance=THERE)])
    (theirs,) = of(table, "theirs")
    assert theirs.flags == ["published", "other machine"]
    shown = render(table, "md")
    assert "(2.00)" in shown
    assert "s/trial of theirs: there, cpu" in shown


def test_the_published_row_of_a_model_that_was_run_is_shown_without_a_rank() -> None:
    mine, theirs = (cell("mlp", provenance=made) for made in (HERE, THERE))
    assert mine.key == theirs.key
    rows = of(board([mine], [theirs]), "mlp")
    assert sorted(row.rank is None for row in rows) == [False, True]
    (again,) = [row for row in rows if row.rank is None]
    assert "published" in again.flags
    assert again.reason is not None
    assert "run here, too" in again.reason


@pytest.mark.parametrize(
    "other",
    [
        {"protocol": {"updates": 7}},
        {"protocol": {"version": "0"}},
        {"identity": {"task_version": "2"}},
        {"identity": {"task_fingerprint": "cc"}},
        {"identity": {"tier": "smoke"}},
        {"identity": {"task": "another"}},
        {"protocol": {"experiment": {"updates": 7}}},
    ],
)
def test_what_was_measured_otherwise_does_not_stand_beside(other: dict[str, Any]) -> None:
    table = board([cell("mine")], [cell("theirs", **other)])
    assert not of(table, "theirs")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"protocol": {"version": "0"}}, r"protocol 2 here, 0 there\. Results of another protocol"),
        ({"protocol": {"updates": 7}}, r"updates 800 here, 7 there\. Choose the same by"),
        ({"identity": {"task_fingerprint": "cc"}}, r"cc there\. The data of the task are others"),
        ({"identity": {"tier": "smoke"}}, r"tier quick here, smoke there"),
        ({"identity": {"task": "another"}}, r"the publication has no results of o5"),
    ],
)
def test_the_difference_that_keeps_published_rows_away_is_named(other: Any, words: str) -> None:
    theirs = [cell("theirs", **other), cell("more", **other), broken("x", "declined", "no")]
    why = why_none([cell("mine"), broken("y", "failed", "no")], theirs)
    assert re.search(f"^no published row stands beside these: .*{words}", why)


def test_declined_and_failed_published_cells_are_left_out() -> None:
    gone = [broken("x", "declined", "reads graphs"), broken("y", "failed", "no")]
    assert {row.model for row in board([cell("mine")], gone).rows} == {"mine"}


def test_a_published_baseline_is_the_baseline_of_the_own_rows() -> None:
    own = cell("mine", (1.0, 0.05, 0.001))
    assert "data_ratio" not in board([own], []).rows[0].scores
    (mine,) = of(board([own], [cell("mlp")]), "mine")
    assert mine.scores["data_ratio"].value > 1
