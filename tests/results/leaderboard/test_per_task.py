"""Records -> rows: medians, bounds, ranks, and what is never ranked."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import PROTOCOL, SIZES, SPREAD, broken, cell, row
from pydantic import ValidationError

from symbench.records.record import Record, TrialRecord
from symbench.results.leaderboard import make, newest_tier
from symbench.results.leaderboard.over_tasks import summarise
from symbench.results.leaderboard.record_summary import RecordSummary


def test_a_score_is_the_median_over_seeds_at_the_largest_size() -> None:
    error = row(make([cell()], "quick"), "mlp").scores["error"]
    logs = np.log(0.01 * np.array(SPREAD))
    expected = scipy.stats.t.interval(0.95, 4, logs.mean(), scipy.stats.sem(logs))
    assert error.n == 5
    assert error.value == pytest.approx(0.01)
    assert (error.low, error.high) == pytest.approx(np.exp(expected))


def test_the_curve_has_a_point_a_size() -> None:
    curve = row(make([cell()], "quick"), "mlp").curve
    assert [point.n_train for point in curve] == list(SIZES)
    assert [point.error.value for point in curve] == pytest.approx([1.0, 0.1, 0.01])


def test_n_to_threshold_data_gain_and_curve_area_of_exact_power_laws() -> None:
    """Errors 100 / n and 10 / n reach 0.02 at n = 5000 and n = 500: ten times fewer data."""
    records = [cell(), cell("better", (0.1, 0.01, 0.001))]
    for record in records:
        record.identity.protocol["threshold"] = 0.02
    leaderboard = make(records, "quick")
    assert row(leaderboard, "mlp").scores["n_to_threshold"].value == pytest.approx(5000)
    assert row(leaderboard, "better").scores["n_to_threshold"].value == pytest.approx(500)
    assert row(leaderboard, "better").scores["data_gain"].value == pytest.approx(10)
    assert row(leaderboard, "mlp").scores["data_gain"].value == pytest.approx(1)
    assert row(leaderboard, "mlp").scores["curve_area"].value == pytest.approx(-1.0)
    assert row(leaderboard, "better").scores["curve_area"].value == pytest.approx(-2.0)


def test_a_threshold_beyond_the_ladder_is_a_bound_and_makes_the_gain_one() -> None:
    flat = (1.0, 0.9, 0.8)
    leaderboard = make(
        [cell("mlp", flat), cell("good", (0.1, 0.01, 0.001)), cell("bad", flat)], "quick"
    )
    assert row(leaderboard, "mlp").scores["n_to_threshold"].censored == "above"
    assert row(leaderboard, "mlp").scores["n_to_threshold"].value == SIZES[-1]
    assert row(leaderboard, "good").scores["data_gain"].censored == "above"
    assert row(leaderboard, "good").scores["data_gain"].value == pytest.approx(10)
    assert "data_gain" not in row(leaderboard, "bad").scores


def test_a_model_that_never_solves_has_an_upper_bound_of_gain() -> None:
    records = [cell("mlp", (0.1, 0.01, 0.001)), cell("bad", (1.0, 0.9, 0.8))]
    gain = row(make(records, "quick"), "bad").scores["data_gain"]
    assert gain.censored == "below"
    assert gain.value == pytest.approx(0.1)


def test_without_the_baseline_there_is_no_data_gain() -> None:
    assert "data_gain" not in row(make([cell("other")], "quick"), "other").scores


def test_models_far_apart_are_ranked_and_equal_ones_share_places_and_letter() -> None:
    records = [cell("a", (1, 0.1, 0.001)), cell("b"), cell("c")]
    leaderboard = make(records, "quick")
    places = {r.model: (r.rank.low, r.rank.high, r.group) for r in leaderboard.rows if r.rank}
    assert places == {"a": (1, 1, "a"), "b": (2, 3, "b"), "c": (2, 3, "b")}


def test_fewer_than_five_seeds_are_shown_and_not_ranked() -> None:
    leaderboard = make([cell("few", seeds=4), cell("enough")], "quick")
    assert row(leaderboard, "few").scores["error"].n == 4
    assert row(leaderboard, "few").rank is None
    assert row(leaderboard, "few").group is None
    assert row(leaderboard, "enough").rank is not None


def test_a_diverged_trial_is_counted_and_is_a_guess() -> None:
    record = cell("gate", protocol={"chance_error": 0.9})
    record.trials[-1] = TrialRecord(n_train=SIZES[-1], seed=4, status="diverged")
    found = row(make([record, cell()], "quick"), "gate")
    guessed = cell("gate", protocol={"chance_error": 0.9})
    guessed.trials[-1].scores["error"] = 0.9
    expected = row(make([guessed, cell()], "quick"), "gate")
    assert found.diverged == 1
    assert found.scores["error"] == expected.scores["error"]
    assert found.scores["curve_area"] == expected.scores["curve_area"]
    assert found.curve == expected.curve
    assert (found.rank, found.group) == (expected.rank, expected.group)


def test_a_diverged_trial_is_the_same_guess_in_tables_and_summary() -> None:
    lost = cell("gate")
    lost.trials[-1] = TrialRecord(n_train=SIZES[-1], seed=4, status="diverged")
    records = [lost, cell()]
    (board,) = summarise(records, "quick").rankings
    (standing,) = [one for one in board.standings if one.model == "gate"]
    errors = RecordSummary(lost).values("error", SIZES[-1])
    assert errors[-1] == 1
    assert standing.mean.value == pytest.approx(np.mean(errors))


def test_a_model_that_diverged_at_the_largest_size_has_no_scores_from_a_smaller_one() -> None:
    record = cell("gate", scores={"lie_derivative": 0.1})
    for trial in record.trials[-5:]:
        trial.status, trial.scores = "diverged", {}
    found = row(make([record, cell()], "quick"), "gate")
    assert "lie_derivative" not in found.scores
    assert found.scores["error"].value == 1
    assert found.rank is not None
    assert found.rank.low == 2


def test_without_a_chance_error_a_diverged_trial_has_no_error() -> None:
    record = cell("gate", protocol={"chance_error": None})
    record.trials[-1] = TrialRecord(n_train=SIZES[-1], seed=4, status="diverged")
    found = row(make([record], "quick"), "gate")
    assert found.scores["error"].n == 4


ANNOTATED = {
    "equivariance_error": 1e-16, "equivariance_error.floor": 0.25, "lie_derivative": 1e-30,
    "generator_cosine": 1.0, "generator_cosine.chance": 0.5, "generator_cosine.ceiling": 1.0,
    "generator_cosine.explicit": 0.0, "conservation_error.energy": 0.125,
    "conservation_error.energy.floor": 0.5,
}  # fmt: skip


def test_annotations_stand_in_their_scores_entry() -> None:
    scores = row(make([cell(scores=ANNOTATED)], "quick"), "mlp").scores
    assert scores["equivariance_error"].floor == 0.25
    assert (scores["generator_cosine"].chance, scores["generator_cosine"].ceiling) == (0.5, 1.0)
    assert scores["generator_cosine"].explicit == 0.0
    assert not any(name.endswith((".chance", ".floor", ".ceiling")) for name in scores)


def test_a_quantity_after_a_dot_is_a_score_of_its_own() -> None:
    scores = row(make([cell(scores=ANNOTATED)], "quick"), "mlp").scores
    assert scores["conservation_error.energy"].value == 0.125
    assert scores["conservation_error.energy"].floor == 0.5


@pytest.mark.parametrize(
    "name", ["error.value", "error.n", "error.model_config", "error.__class__"]
)
def test_a_score_cannot_overwrite_another_by_its_name(name: str) -> None:
    scores = row(make([cell(scores={name: 7.0})], "quick"), "mlp").scores
    assert scores["error"].value == pytest.approx(0.01)
    assert scores[name].value == 7.0


@pytest.mark.parametrize(
    ("error", "chance_error", "greyed"),
    [(0.5, 1.0, False), (0.51, 1.0, True), (0.44, 0.9, False), (0.46, 0.9, True)],
)
def test_symmetry_scores_of_a_model_that_has_not_learned_are_greyed(
    error: float, chance_error: float, greyed: bool
) -> None:
    errors = (1.0, 1.0, error)
    record = cell("mlp", errors, scores=ANNOTATED, protocol={"chance_error": chance_error})
    scores = row(make([record], "quick"), "mlp").scores
    for name in (
        "equivariance_error", "lie_derivative", "generator_cosine", "conservation_error.energy",
    ):  # fmt: skip
        assert scores[name].greyed is greyed
    assert not scores["error"].greyed


def test_an_exact_score_keeps_its_interval_at_rounding_level() -> None:
    figure = row(make([cell(scores=ANNOTATED)], "quick"), "mlp").scores["equivariance_error"]
    assert (figure.low, figure.high) == pytest.approx((1e-16, 1e-16))


def test_a_score_that_was_not_measured_is_absent_and_not_zero() -> None:
    assert "lie_derivative" not in row(make([cell()], "quick"), "mlp").scores


def test_failed_and_declined_cells_are_rows_with_their_reason() -> None:
    records = [cell(), broken("sick", "failed", "shapes"), broken("gnn", "declined", "no graph")]
    leaderboard = make(records, "quick", planned=7)
    assert (row(leaderboard, "sick").status, row(leaderboard, "sick").reason) == (
        "failed",
        "shapes",
    )
    assert (row(leaderboard, "gnn").status, row(leaderboard, "gnn").reason) == (
        "declined",
        "no graph",
    )
    assert row(leaderboard, "sick").scores == {}
    assert leaderboard.coverage.model_dump() == {
        "planned": 7,
        "finished": 2,
        "failed": 1,
        "stale": 0,
    }


def test_a_stale_record_is_shown_and_neither_ranked_nor_compared() -> None:
    records = [cell(), cell("old", (0.1, 0.01, 0.001))]
    leaderboard = make(records, "quick", stale=lambda record: record.identity.model == "old")
    old = row(leaderboard, "old")
    assert (old.status, old.rank) == ("stale", None)
    assert "data_gain" not in old.scores
    assert old.scores["error"].value == pytest.approx(0.001)
    assert row(leaderboard, "mlp").rank is not None
    assert leaderboard.coverage.stale == 1
    assert leaderboard.rows[-1].model == "old"


def test_a_stale_baseline_gives_no_gain() -> None:
    leaderboard = make(
        [cell(), cell("b")], "quick", stale=lambda record: record.identity.model == "mlp"
    )
    assert "data_gain" not in row(leaderboard, "b").scores


def dated(day: int, *arguments: Any, **parts: Any) -> Record:
    return cell(*arguments, provenance={"started": f"2026-01-{day:02d}T00:00:00+00:00"}, **parts)


def test_the_newest_current_record_of_a_pair_counts() -> None:
    new = dated(2, "mlp", (1, 1, 0.5), identity={"config": {"width": 2}})
    for records in ([dated(1), new], [new, dated(1)]):
        leaderboard = make(records, "quick")
        assert row(leaderboard, "mlp").scores["error"].value == pytest.approx(0.5)
    current = make([dated(1), new], "quick", stale=lambda record: bool(record.identity.config))
    assert row(current, "mlp").scores["error"].value == pytest.approx(0.01)
    assert row(current, "mlp").status == "ok"


def test_only_one_tier_is_shown_and_the_latest_is_the_default() -> None:
    records = [dated(1), dated(2, "b", identity={"tier": "full"})]
    assert [r.model for r in make(records, "quick").rows] == ["mlp"]
    assert newest_tier(records) == "full"
    assert newest_tier([]) is None


def test_other_sizes_or_budgets_are_not_compared() -> None:
    odd = cell("odd", (0.1, 0.01, 0.001), protocol={"updates": 10})
    leaderboard = make([cell(), cell("b"), odd], "quick")
    assert row(leaderboard, "odd").rank is None
    assert "data_gain" not in row(leaderboard, "odd").scores
    assert row(leaderboard, "odd").reason is not None
    assert row(leaderboard, "b").rank is not None


def test_rows_come_by_task_and_then_by_error() -> None:
    records = [
        cell("c", (1, 1, 0.3)), cell("b", (1, 1, 0.2)), broken("a", "failed", "x"),
        cell("z", (1, 1, 0.9), identity={"task": "aaa"}),
    ]  # fmt: skip
    found = [(r.task, r.model) for r in make(records, "quick").rows]
    assert found == [("aaa", "z"), ("o5", "b"), ("o5", "c"), ("o5", "a")]


def test_a_perfect_classifier_has_a_finite_curve() -> None:
    """No error in 1000 test examples is clipped at half an example."""
    record = cell("mlp", (0.0, 0.0, 0.0), protocol={"chance_error": 0.9})
    scores = row(make([record], "quick"), "mlp").scores
    assert scores["error"].value == 0.0
    assert scores["curve_area"].value == pytest.approx(math.log10(0.5 / 1000))


def test_the_document_has_the_published_shape() -> None:
    document = make([cell(scores=ANNOTATED), broken("x", "failed", "y")], "quick").document()
    assert set(document) == {"schema", "tier", "coverage", "rows"}
    assert document["schema"] == 1
    assert set(document["coverage"]) == {"planned", "finished", "failed", "stale"}
    first = document["rows"][0]
    required = {"task", "model", "prior", "status", "params", "scores", "curve", "rank", "group"}
    assert required <= set(first)
    assert set(first["scores"]["error"]) == {"value", "low", "high", "n"}
    assert set(first["scores"]["generator_cosine"]) >= {"value", "chance", "ceiling"}
    assert set(first["curve"][0]) == {"n_train", "error"}
    assert first["rank"] == {"low": 1, "high": 1}
    assert first["params"] == 42
    assert first["cost"]["train_seconds"]["value"] == 2.0
    json.dumps(document, allow_nan=False)


def test_nothing_can_be_written_into_a_row() -> None:
    leaderboard = make([cell()], "quick")
    with pytest.raises(ValidationError):
        leaderboard.rows[0].reason = "edited"
    with pytest.raises(ValidationError):
        leaderboard.rows[0].scores["error"].value = 0.0
    with pytest.raises(ValidationError):
        leaderboard.rows = []


def test_no_records_make_an_empty_board() -> None:
    assert make([], "quick").rows == []


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.sampled_from(["error", "lie_derivative", "lie_derivative.chance", "error.n", "x.y.z"])
TRIALS = st.lists(
    st.builds(
        TrialRecord,
        n_train=st.integers(-3, 5),
        seed=st.integers(0, 3),
        status=st.sampled_from(["ok", "diverged"]),
        scores=st.dictionaries(NAMES, NUMBERS, max_size=5),
        cost=st.dictionaries(st.sampled_from(["parameters", "train_seconds"]), NUMBERS),
    ),
    max_size=20,
)
SETTINGS = st.dictionaries(
    st.sampled_from(list(PROTOCOL)), st.one_of(NUMBERS, st.text(max_size=3), st.none())
)


@settings(max_examples=60, deadline=None)
@given(TRIALS, st.lists(st.integers(-3, 5), max_size=4), SETTINGS)
def test_any_record_makes_a_board_without_infinities(
    trials: list[TrialRecord], sizes: list[int], protocol: dict[str, Any]
) -> None:
    record = cell(trials=trials, identity={"sizes": sizes, "protocol": protocol})
    baseline = cell(trials=trials, identity={"sizes": sizes, "protocol": {"baseline": "mlp"}})
    document = make([record, baseline, cell("third")], "quick").document()
    json.dumps(document, allow_nan=False)
