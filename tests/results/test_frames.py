"""Results as data frames: every row and score once, and nothing invented."""

from __future__ import annotations

import pytest
from made_records import broken, cell

from symbench.results.frames import cells, trials
from symbench.results.leaderboard import make

pytest.importorskip("pandas")


def test_a_cell_has_one_row_with_its_scores_and_their_intervals() -> None:
    table = make(
        [cell("mlp"), cell("b", (1.0, 0.5, 0.002)), broken("c", "declined", "no")], "quick"
    )
    frame = cells(table).set_index("model")
    assert list(frame.index) == [row.model for row in table.rows]
    error = next(row for row in table.rows if row.model == "b").scores["error"]
    assert frame.loc["b", "error"] == error.value
    assert frame.loc["b", "error.low"] == error.low
    assert frame.loc["b", "n_train"] == 10_000
    assert frame.loc["c", "status"] == "declined"
    assert frame.loc["c"].isna()["error"]


def test_a_trial_has_one_row_for_each_score() -> None:
    record = cell("mlp", scores={"other": 3.0})
    diverged = record.trials[0].model_copy(update={"status": "diverged", "scores": {}})
    record = record.model_copy(update={"trials": [diverged, *record.trials[1:]]})
    frame = trials([record, broken("c", "declined", "no")])
    assert len(frame) == 1 + 2 * (len(record.trials) - 1)
    assert set(frame.model) == {"mlp"}
    errors = frame[frame.score == "error"]
    assert list(errors.value) == [trial.scores["error"] for trial in record.trials[1:]]
    assert list(frame[frame.status == "diverged"].value.isna()) == [True]
