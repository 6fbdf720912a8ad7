"""What is compared: scores that are greyed, rows that are flagged, and conservation."""

from __future__ import annotations

from typing import Any

import pytest
from made_records import SIZES, cell, row

from symbench.records.record import Record
from symbench.results.leaderboard import Leaderboard, make
from symbench.results.leaderboard.over_tasks import summarise

BAD = (1.0, 0.95, 0.9)  # errors of a model that has not learned the task
ANNOUNCED = {
    "announced_overlap": 0.9, "announced_overlap.chance": 0.1, "announced_overlap.guess": 0.5,
    "announced_overlap.reference": 1.0, "announced_recall": 1.0, "announced_defect": 0.01,
    "announced_defect.bound": 0.02, "announced_count": 10.0, "announced_count.truth": 10.0,
    "announced_unconnected": 0.0,
}  # fmt: skip


def leaders(board: Leaderboard, score: str) -> list[str]:
    """The models by a score, the smallest first, without those that are not compared."""
    known = [r for r in board.rows if score in r.scores and not r.scores[score].greyed]
    return [r.model for r in sorted(known, key=lambda r: r.scores[score].value)]


def moving(model: str, rollout: float, conserved: float, **parts: Any) -> Record:
    scores = {"rollout_error": rollout, "conservation_error.energy": conserved}
    return cell(model, scores=scores, **parts)


def test_standing_still_the_zero_field_and_a_constant_head_no_conservation() -> None:
    """Standing still has a good derivative but a poor trajectory; the others learn nothing."""
    records = [
        moving("node", 0.05, 0.16),
        moving("hnn", 0.09, 0.02),
        moving("stands-still", 0.43, 0.0),
        moving("zero-field", 0.40, 0.0, errors=(1.02, 1.02, 1.02)),
        cell("constant", BAD, scores={"conservation_error.energy": 0.0}),
    ]
    board = make(records, "quick")
    assert leaders(board, "conservation_error.energy") == ["hnn", "node"]
    assert not any(r.scores["rollout_error"].greyed for r in board.rows if r.model != "constant")


def test_conservation_is_compared_within_a_factor_of_two_of_the_least_rollout_error() -> None:
    records = [moving("a", 0.05, 0.3), moving("b", 0.0999, 0.2), moving("c", 0.1001, 0.1)]
    assert leaders(make(records, "quick"), "conservation_error.energy") == ["b", "a"]


def test_where_all_rollouts_are_poor_standing_still_heads_no_conservation() -> None:
    """The double pendulum: standing still is within a factor of two of the best rollout."""
    records = [moving("lnn", 0.093, 0.5), moving("still", 0.17, 0.0), moving("node", 0.146, 0.8)]
    for record in records:
        for trial in record.trials:
            trial.scores["rollout_error.still"] = 0.17
    assert leaders(make(records, "quick"), "conservation_error.energy") == ["lnn", "node"]
    assert leaders(make(records[1:2], "quick"), "conservation_error.energy") == []


def test_a_flow_that_stops_moving_heads_no_conservation() -> None:
    records = [moving("node", 0.146, 0.8), moving("stops", 0.147, 0.1), moving("slow", 0.15, 0.2)]
    for record, motion in zip(records, (0.9, 0.0, 0.26), strict=True):
        for trial in record.trials:
            trial.scores["rollout_motion"] = motion
    assert leaders(make(records, "quick"), "conservation_error.energy") == ["slow", "node"]


def test_a_poor_model_does_not_set_the_least_rollout_error() -> None:
    """Neither one that has not learned the task, nor one that is not compared."""
    records = [
        moving("good", 0.1, 0.1),
        moving("lucky", 0.001, 0.0, errors=BAD),
        moving("greedy", 0.001, 0.2, protocol={"experiment": {"updates": 9000}}),
    ]
    assert "good" in leaders(make(records, "quick"), "conservation_error.energy")


def test_without_a_trajectory_conservation_is_compared_as_before() -> None:
    records = [
        cell(m, scores={"conservation_error.energy": v}) for m, v in (("a", 0.2), ("b", 0.1))
    ]
    assert leaders(make(records, "quick"), "conservation_error.energy") == ["b", "a"]


def test_a_constant_heads_no_conservation_along_a_path() -> None:
    scores = {"path_conservation.energy": 1e-15, "path_conservation.unconverged": 0.0}
    records = [cell("constant", BAD, scores=scores), cell(scores=scores)]
    assert leaders(make(records, "quick"), "path_conservation.energy") == ["mlp"]


@pytest.mark.parametrize(
    ("overlap", "guess", "chance", "greyed"),
    [
        (0.9, 0.5, 0.1, False), (0.5, 0.5, 0.1, True), (0.4, 0.5, 0.1, True),
        (0.3, 0.1, 0.4, True), (1.0, 1.0, 0.0, True), (0.9999999, 1.0, 0.0, True),
        (0.51, 0.5, 0.1, False),
    ],
)  # fmt: skip
def test_announced_generators_no_better_than_a_guess_are_not_compared(
    overlap: float, guess: float, chance: float, greyed: bool
) -> None:
    changed = {
        "announced_overlap": overlap, "announced_overlap.guess": guess,
        "announced_overlap.chance": chance,
    }  # fmt: skip
    scores = row(make([cell(scores=ANNOUNCED | changed)], "quick"), "mlp").scores
    for name in ("announced_overlap", "announced_recall", "announced_defect"):
        assert scores[name].greyed is greyed
    assert not scores["announced_count"].greyed


def test_announced_generators_are_not_judged_by_the_error() -> None:
    record = cell("lie", BAD, scores=ANNOUNCED | {"generator_overlap": 0.9})
    scores = row(make([record], "quick"), "lie").scores
    assert not scores["announced_overlap"].greyed
    assert scores["generator_overlap"].greyed


def test_every_annotation_of_a_score_stands_in_its_entry() -> None:
    scores = row(make([cell(scores=ANNOUNCED)], "quick"), "mlp").scores
    overlap, defect = scores["announced_overlap"], scores["announced_defect"]
    assert (overlap.chance, overlap.guess, overlap.reference) == (0.1, 0.5, 1.0)
    assert (defect.value, defect.bound) == (0.01, 0.02)
    assert scores["announced_count"].truth == 10


def flags(scores: dict[str, float], **parts: Any) -> list[str]:
    return list(row(make([cell(scores=scores, **parts)], "quick"), "mlp").flags)


def test_a_model_told_nothing_that_is_equivariant_untrained_is_built_in() -> None:
    exact = {"equivariance_error": 1e-16, "equivariance_error.untrained": 1e-15}
    assert flags(exact) == ["built in"]
    assert flags(exact, protocol={"prior": "told"}) == []
    assert flags(exact, protocol={"prior": "discovers"}) == ["built in"]
    nearly = {"equivariance_error": 0.03, "equivariance_error.untrained": 0.01}
    assert flags(nearly) == ["built in"]
    assert flags(nearly | {"equivariance_error.untrained": 0.04}) == []


@pytest.mark.parametrize(
    ("after", "errors", "prior", "expected"),
    [
        (1e-16, (1.0, 0.1, 0.01), "none", ["built in"]),
        (0.9e-3, (1.0, 0.1, 0.01), "none", ["built in"]),
        (1.1e-3, (1.0, 0.1, 0.01), "none", []),
        (1e-16, (1.0, 0.1, 1e-33), "none", []),
        (1e-16, BAD, "none", []),
        (1e-16, (1.0, 0.1, 0.01), "discovers", []),
    ],
)
def test_a_model_more_equivariant_than_its_error_allows_has_it_built_in(
    after: float, errors: tuple[float, ...], prior: str, expected: list[str]
) -> None:
    """Whatever network it calls the untrained one."""
    scores = {"equivariance_error": after, "equivariance_error.untrained": 1.0}
    record = cell(errors=errors, scores=scores, protocol={"prior": prior})
    assert row(make([record], "quick"), "mlp").flags == expected


def test_where_the_group_moves_inputs_out_of_their_law_there_is_no_symmetric_share() -> None:
    scores = {"equivariance_error": 7.7, "symmetric_share": 0.5, "equivariance_error.inputs": 0.4}
    found = row(make([cell(scores=scores)], "quick"), "mlp")
    assert found.flags == ["extrapolates"]
    assert "symmetric_share" not in found.scores
    few = scores | {"equivariance_error.inputs_limit": 0.41}
    assert row(make([cell(scores=few)], "quick"), "mlp").flags == []
    assert found.scores["equivariance_error"].inputs == 0.4
    invariant = row(
        make([cell(scores=scores | {"equivariance_error.inputs": 0.05})], "quick"), "mlp"
    )
    assert invariant.flags == []
    assert invariant.scores["symmetric_share"].value == 0.5


def test_generators_that_the_function_does_not_keep_are_flagged() -> None:
    assert flags(ANNOUNCED) == []
    assert flags(ANNOUNCED | {"announced_unconnected": 1.0}) == ["unconnected"]


@pytest.mark.parametrize(("unmoved", "built_in"), [(0.96, True), (0.94, False)])
def test_what_is_announced_from_moved_data_too_is_built_in(unmoved: float, built_in: bool) -> None:
    record = cell(scores=ANNOUNCED)
    record.trials[-1].scores["announced_unmoved"] = unmoved  # only one trial is trained again
    found = row(make([record], "quick"), "mlp")
    assert found.flags == (["built in"] if built_in else [])
    for name in ("announced_overlap", "announced_recall", "announced_defect"):
        assert found.scores[name].greyed is built_in
    assert not found.scores["announced_count"].greyed


def test_a_separate_validation_set_is_flagged_with_its_reason() -> None:
    record = cell(protocol={"separate_validation": "as in the paper"})
    found = row(make([record], "quick"), "mlp")
    assert found.flags == ["separate validation"]
    assert found.separate_validation == "as in the paper"


def test_a_tuned_configuration_was_chosen_by_labels_beyond_n_train() -> None:
    tuning = {"trials": 20, "seeds": 2, "n_train": 100, "sampler_seed": 0}
    found = row(make([cell(protocol={"tuning": tuning})], "quick"), "mlp")
    assert found.flags == ["separate validation"]
    assert found.separate_validation == "its configuration was chosen on the valid split"
    assert found.tuning == 20


def test_a_model_over_its_budget_is_not_ranked_and_is_no_baseline() -> None:
    greedy = cell("mlp", (0.1, 0.01, 0.001))
    for trial in greedy.trials:
        trial.cost["over_budget"] = 1.0
    board = make([greedy, cell("a"), cell("b")], "quick")
    found = row(board, "mlp")
    assert (found.flags, found.rank) == (["over budget"], None)
    assert found.reason == (
        "not ranked: it took more updates or forward passes than the budget allows"
    )
    assert row(board, "a").rank is not None
    assert "data_ratio" not in row(board, "a").scores
    (ranking,) = summarise([greedy, cell("a"), cell("b")], "quick").rankings
    assert {standing.model for standing in ranking.standings} == {"a", "b"}


def experiment(model: str = "mlp", **parts: Any) -> Record:
    settings = {"updates": 3000, "sampler": "haar"}
    return cell(model, (0.1, 0.01, 0.001), protocol={"experiment": settings}, **parts)


def test_an_experiment_is_shown_with_its_settings_and_never_ranked() -> None:
    records = [cell("a"), cell("b"), experiment("c")]
    board = make(records, "quick")
    found = row(board, "c")
    assert (found.flags, found.rank, found.group) == (["experiment"], None, None)
    assert found.reason == "not ranked: an experiment with updates 3000, sampler haar"
    assert row(board, "a").rank is not None
    (ranking,) = summarise(records, "quick").rankings
    assert {standing.model for standing in ranking.standings} == {"a", "b"}


def test_a_later_experiment_replaces_no_result() -> None:
    records = [cell(), cell("b"), experiment(provenance={"started": "2030-01-01T00:00:00+00:00"})]
    board = make(records, "quick")
    both = [r for r in board.rows if r.model == "mlp"]
    assert [(r.flags, r.rank is not None) for r in both] == [(["experiment"], False), ([], True)]


def test_reasons_of_absent_scores_are_those_of_the_record() -> None:
    record = cell(provenance={"absent": {"equivariance_error": "two functions"}})
    found = row(make([record], "quick"), "mlp")
    assert found.absent == {"equivariance_error": "two functions"}
    (plain,) = make([cell()], "quick").document()["rows"]
    assert not {"absent", "flags"} & plain.keys()


def test_the_choice_of_test_inputs_widens_an_interval() -> None:
    names = ("equivariance_error", "equivariance_error.sampling")
    narrow = row(make([cell(scores={names[0]: 0.05})], "quick"), "mlp").scores[names[0]]
    wide = row(make([cell(scores=dict(zip(names, (0.05, 0.1), strict=True)))], "quick"), "mlp")
    found = wide.scores[names[0]]
    assert (narrow.low, narrow.high) == pytest.approx((0.05, 0.05))
    assert found.low is not None
    assert found.high is not None
    assert found.high / found.value == pytest.approx(2.718281828**0.196, rel=1e-3)
    assert found.low * found.high == pytest.approx(0.05**2)


def test_seeds_that_disagree_are_marked_in_the_row() -> None:
    record = cell()
    for trial, error in zip(record.trials[-5:], (0.021, 0.44, 0.42, 0.056, 0.48), strict=True):
        trial.scores["error"] = error
    found = row(make([record], "quick"), "mlp").scores["error"]
    assert (found.spread, found.low, found.value, found.high) == ("bimodal", 0.021, 0.42, 0.48)


def test_the_number_of_generators_has_an_interval_of_whole_numbers() -> None:
    record = cell()
    for trial, count in zip(record.trials[-5:], (0.0, 1.0, 1.0, 0.0, 2.0), strict=True):
        trial.scores |= {"path_conservation.unconverged": count, "generators_found": count}
    scores = row(make([record], "quick"), "mlp").scores
    for name in ("path_conservation.unconverged", "generators_found"):
        assert (scores[name].low, scores[name].value, scores[name].high) == (0, 1, 2)


def test_the_data_ratio_of_parallel_power_laws_and_its_points() -> None:
    """Errors 100 / n of the baseline and 10 / n: it needs ten times the examples."""
    board = make([cell(), cell("better", (0.1, 0.01, 0.001))], "quick")
    found = row(board, "better")
    ratio = found.scores["data_ratio"]
    assert (ratio.value, ratio.at, ratio.censored) == (pytest.approx(10), SIZES[1], None)
    assert [p.data_ratio.value for p in found.curve if p.data_ratio] == pytest.approx([10, 10, 1])
    assert "data_ratio" not in row(board, "mlp").scores
    assert all(point.data_ratio is None for point in row(board, "mlp").curve)


def discovering(found: tuple[float, float, float], overlap: tuple[float, float, float]) -> Record:
    record = cell()
    for trial in record.trials:
        at = SIZES.index(trial.n_train)
        trial.scores |= {
            "generator_overlap": overlap[at], "generators_found": 3.0,
            "generators_found.truth": 6.0, "generators_found.at_10": found[at],
        }  # fmt: skip
    return record


@pytest.mark.parametrize(
    ("found", "overlap", "value", "censored"),
    [
        ((0, 6, 6), (0.2, 0.96, 0.99), SIZES[1], None),
        ((6, 6, 6), (0.2, 0.94, 0.99), SIZES[2], None),
        ((0, 10, 6), (0.99, 0.99, 0.99), SIZES[2], None),
        ((6, 6, 6), (0.99, 0.99, 0.99), SIZES[0], "below"),
        ((0, 0, 10), (0.99, 0.99, 0.99), SIZES[2], "above"),
    ],
)
def test_discovery_needs_the_right_generators_in_their_number(
    found: tuple[float, float, float],
    overlap: tuple[float, float, float],
    value: float,
    censored: str | None,
) -> None:
    score = row(make([discovering(found, overlap)], "quick"), "mlp").scores["n_to_discover"]
    assert (score.value, score.censored) == (value, censored)


def test_a_symmetry_scored_only_at_the_largest_size_has_no_size_of_discovery() -> None:
    record = discovering((6, 6, 6), (0.99, 0.99, 0.99))
    for trial in record.trials[:-5]:
        del trial.scores["generator_overlap"]
    assert "n_to_discover" not in row(make([record], "quick"), "mlp").scores


def test_records_of_earlier_releases_have_no_size_of_discovery() -> None:
    record = discovering((6, 6, 6), (0.99, 0.99, 0.99))
    for trial in record.trials:
        del trial.scores["generators_found.at_10"]
    assert "n_to_discover" not in row(make([record], "quick"), "mlp").scores


def test_announced_generators_have_a_size_of_discovery_of_their_own() -> None:
    record = cell(scores=ANNOUNCED | {"announced_overlap": 0.97})
    for trial in record.trials[:5]:
        trial.scores["announced_count"] = 11.0
    scores = row(make([record], "quick"), "mlp").scores
    assert scores["n_to_discover.announced"].value == SIZES[1]
    assert "n_to_discover" not in scores
    assert not scores["n_to_discover.announced"].greyed


def test_false_findings_are_counted_over_all_controls_at_the_largest_size() -> None:
    def control(task: str, model: str, found: list[float]) -> Record:
        record = cell(model, identity={"task": task})
        for trial in record.trials:
            largest = trial.n_train == SIZES[-1]
            trial.scores["false_finding"] = found[trial.seed] if largest else 1.0
        return record

    records = [
        control("no-symmetry", "lie", [1, 0, 0, 1, 0]), control("noise", "lie", [1, 0, 0, 0, 0]),
        control("noise", "mlp", [0] * 5), cell("mlp"),
    ]  # fmt: skip
    lie, mlp = summarise(records, "quick").false_findings
    assert (lie.model, lie.found, lie.trials, lie.controls) == (
        "lie",
        3,
        10,
        ["no-symmetry", "noise"],
    )
    assert (mlp.found, mlp.trials, mlp.low) == (0, 5, 0.0)
    assert (lie.low, lie.high) == pytest.approx((0.0667, 0.6525), abs=1e-4)
    assert mlp.high == pytest.approx(1 - 0.025 ** (1 / 5))
