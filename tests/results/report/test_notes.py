"""The notes below a table say which scores come from some trials only."""

from __future__ import annotations

from made_records import SIZES, broken, cell

from symbench.records.record import Record, TrialRecord
from symbench.results.leaderboard import make
from symbench.results.report import render

SCORES = {"announced_overlap": 0.9, "announced_count": 10.0, "equivariance_error": 0.1}


def shown(record: Record) -> str:
    return " ".join(render(make([record], "quick"), "table", width=250).split())


def test_a_score_that_only_some_trials_have_is_noted() -> None:
    """As of a model that announces generators only where it is sure of them."""
    record = cell("shy", scores=SCORES, protocol={"prior": "discovers"})
    for trial in record.trials[-3:]:
        del trial.scores["announced_overlap"], trial.scores["announced_count"]
    assert "announced_count, announced_overlap of shy: 2 of 5 trials" in shown(record)


def test_scores_of_all_trials_are_not_noted() -> None:
    record = cell("shy", scores=SCORES)
    assert "trials" not in shown(record).split("Median over")[0]
    record.trials[-1] = TrialRecord(n_train=SIZES[-1], seed=4, status="diverged")
    assert "of 4 trials" not in shown(record)
    assert "of 5 trials" not in shown(record)


def test_why_a_smaller_size_has_no_score_is_not_noted_where_the_largest_has_it() -> None:
    absent = {"equivariance_error": "too few rows", "lie_derivative": "it does not vary"}
    record = cell("shy", scores=SCORES, provenance={"absent": absent})
    assert "no lie_derivative of shy: it does not vary" in shown(record)
    assert "no equivariance_error" not in shown(record)


def test_why_few_models_cross_the_threshold_stands_beside_how_many_do() -> None:
    record = cell(protocol={"threshold": 1e-6, "threshold_note": "the ladder is too short"})
    note = "threshold: of 1 models that have learned the task 0 reach it inside the ladder, 0 at "
    assert note + "the smallest size, 1 nowhere (the ladder is too short)" in shown(record)
    crossed = cell(protocol={"threshold": 0.05, "threshold_note": "the ladder is too short"})
    assert "the ladder is too short" not in shown(crossed)


def test_a_ladder_of_two_sizes_explains_itself() -> None:
    record = cell(protocol={"threshold": 1e-6}, identity={"sizes": list(SIZES[:2])})
    short = record.model_copy(update={"trials": record.trials[:10]})
    assert "1 nowhere (the ladder has the sizes 100 and 1000 only)" in shown(short)
    assert "the ladder has" not in shown(cell(protocol={"threshold": 1e-6}))


def test_a_table_without_rows_has_no_legend() -> None:
    text = shown(broken("shy", "declined", "reads graphs"))
    assert "declined: shy (reads graphs)" in text
    assert "Median over" not in text
