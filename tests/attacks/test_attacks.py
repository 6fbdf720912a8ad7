"""What models gain that try to look better than they are: nothing that is compared.

Each trick of the plugins beside this file is trained beside the honest model that it changes.
``docs/attacks.md`` lists them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import symbench
from symbench.registry import load
from symbench.results import leaderboard, report

TRICKS = sorted(Path(__file__).parent.glob("*_tricks.py"))
PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"
SIZES = (100, 300)
TASKS = {
    "o5-invariant": (
        "mlp", "honest-loop", "trick-built-in", "trick-nearly", "trick-disguised",
        "trick-validated", "trick-so", "trick-gl", "trick-covariance", "trick-double",
        "trick-wave", "trick-staircase", "trick-shrinking",
    ),
    "hidden-conjugate": ("mlp", "trick-so", "trick-covariance"),
    "no-symmetry": ("mlp", "trick-so"),
    "scrambled-digits-rotated": ("mlp", "trick-logits"),
    "max-cut": ("mlp-adjacency", "trick-small"),
    "rotation-fixed": ("mlp", "trick-pixels"),
    "pendulum": ("node-mlp", "trick-still", "trick-zero"),
    "lorentz-scattering": ("mlp", "trick-hard-coded"),
    "double-pendulum": ("node-angles", "trick-freezing"),
}  # fmt: skip
SEEDS = {"rotation-fixed": 1, "double-pendulum": 2}  # which take long to score
UPDATES = {
    "double-pendulum": 120,
    "pendulum": 120,
    "rotation-fixed": 120,
    "scrambled-digits-rotated": 200,
}  # the others: 350; enough for every trick to show
LADDERS = {"double-pendulum": (1000,)}  # with fewer examples no network learns it
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def few_updates():
    """Every task has fewer updates than in the quick tier."""
    with pytest.MonkeyPatch.context() as patch:
        for name in TASKS:
            updates = {"quick": UPDATES.get(name, 350)}
            patch.setattr(type(symbench.task(name)), "updates", updates)
        yield


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """The rows of every task, by task and model, of the quick tier at small sizes."""
    store = tmp_path_factory.mktemp("attacks")
    found = {}
    for task, models in TASKS.items():
        result = symbench.run(
            [task], models, "quick", store, sizes=LADDERS.get(task, SIZES),
            seeds=SEEDS.get(task, 5), device="cpu", plugin_files=TRICKS,
        )  # fmt: skip
        assert result.exit_code == 0
        found |= {(row.task, row.model): row for row in result.leaderboard.rows}
    return found


def compared(row, name):
    """The value of a score that is compared with those of other rows; None if it is not."""
    estimate = row.scores.get(name)
    return None if estimate is None or estimate.greyed else estimate.value


def test_labels_of_the_validation_data_are_labels_of_the_training_data(rows):
    trick, honest = (rows["o5-invariant", m] for m in ("trick-validated", "honest-loop"))
    at_100 = [next(p.error.value for p in row.curve if p.n_train == 100) for row in (trick, honest)]
    assert at_100[0] > 0.7 * at_100[1]
    assert trick.scores["error"].value > 0.7 * honest.scores["error"].value


@pytest.mark.parametrize("model", ["trick-longer", "trick-calibrating"])
def test_more_updates_than_the_budget_are_noticed_and_not_ranked(rows, tmp_path, model):
    result = symbench.run(
        ["o5-invariant"], [model], "quick", tmp_path, sizes=(100,), seeds=1,
        device="cpu", plugin_files=TRICKS,
    )  # fmt: skip
    (trick,) = result.leaderboard.rows
    assert trick.rank is None
    assert "over budget" in trick.flags
    assert "more updates or forward passes than the budget allows" in trick.reason
    assert rows["o5-invariant", "honest-loop"].rank is not None


def test_data_of_other_trials_are_of_no_use(tmp_path):
    result = symbench.run(
        ["o5-invariant"], ["trick-hoarding"], "quick", tmp_path, sizes=(30, 100), seeds=2,
        device="cpu", plugin_files=TRICKS,
    )  # fmt: skip
    (row,) = result.leaderboard.rows
    assert row.status == "failed"
    assert "Hoarding.hoard" in row.reason


@pytest.mark.parametrize("model", ["trick-nearly", "trick-disguised"])
def test_what_is_nearly_built_in_or_disguised_is_flagged(rows, model):
    assert "built in" in rows["o5-invariant", model].flags


def test_what_is_built_in_is_flagged(rows):
    trick = rows["o5-invariant", "trick-built-in"]
    assert "built in" in trick.flags
    assert trick.scores["equivariance_error"].untrained < 1e-10
    assert rows["o5-invariant", "mlp"].flags == []


@pytest.mark.parametrize("model", ["trick-so", "trick-gl", "trick-covariance"])
def test_announcing_what_no_label_told_is_no_better_than_a_guess(rows, model):
    row = rows["o5-invariant", model]
    assert compared(row, "announced_overlap") is None
    assert row.scores["announced_overlap"].guess > 0.999


def test_announcing_the_same_whatever_the_data_are_is_built_in(rows):
    row = rows["lorentz-scattering", "trick-hard-coded"]
    assert row.scores["announced_overlap"].value > 0.999
    assert row.scores["announced_overlap"].guess < 0.5
    assert row.scores["announced_unmoved"].value > 0.999
    assert compared(row, "announced_overlap") is None
    assert "built in" in row.flags


def test_announcing_everything_is_precise_in_nothing(rows):
    scores = rows["o5-invariant", "trick-gl"].scores
    assert scores["announced_overlap"].value < 0.01
    assert scores["announced_count"].value == 25
    assert "unconnected" in rows["o5-invariant", "trick-gl"].flags


def test_announcing_all_maps_of_the_pixels_is_charged_for_their_number(rows):
    scores = rows["rotation-fixed", "trick-pixels"].scores
    assert scores["announced_count"].value == 49 * 48 / 2
    for name in ("pixel-generator.raw", "pixel-generator.skew"):
        assert scores[name].value < scores[name].chance + 0.01
    assert compared(rows["rotation-fixed", "trick-pixels"], "announced_overlap") in (
        None, pytest.approx(0, abs=0.01),
    )  # fmt: skip


def test_a_guess_is_a_guess_behind_a_change_of_basis(rows):
    for model in ("trick-so", "trick-covariance"):
        assert compared(rows["hidden-conjugate", model], "announced_overlap") is None


def test_announcing_anything_on_a_control_is_a_false_finding(rows):
    assert rows["no-symmetry", "trick-so"].scores["false_finding"].value == 1
    assert rows["no-symmetry", "mlp"].scores["false_finding"].value == 0


def test_another_function_in_float64_has_no_symmetry_score(rows):
    scores = rows["o5-invariant", "trick-double"].scores
    for name in ("equivariance_error", "lie_derivative", "generator_overlap", "symmetric_share"):
        assert name not in scores


@pytest.mark.parametrize("model", ["trick-wave", "trick-staircase"])
def test_derivatives_that_say_nothing_of_the_function_gain_nothing(rows, model):
    trick, honest = (rows["o5-invariant", m].scores for m in (model, "mlp"))
    assert trick["equivariance_error"].value > 0.9 * honest["equivariance_error"].value
    for name in ("lie_derivative", "generator_overlap", "generators_found", "n_to_discover"):
        assert name in honest
        assert name not in trick


def test_small_logits_gain_nothing(rows):
    trick, honest = (rows["scrambled-digits-rotated", m].scores for m in ("trick-logits", "mlp"))
    for name in ("equivariance_error", "decision_change", "lie_derivative"):
        assert trick[name].value == pytest.approx(honest[name].value, rel=0.02)


def test_small_outputs_gain_nothing_where_only_signs_count(rows):
    trick, honest = (rows["max-cut", m].scores for m in ("trick-small", "mlp-adjacency"))
    assert trick["equivariance_error"].value > 0.5 * honest["equivariance_error"].value
    assert trick["decision_change"].value > 0.5 * honest["decision_change"].value


@pytest.mark.parametrize("model", ["trick-still", "trick-zero"])
def test_what_does_not_move_is_not_compared_in_what_it_conserves(rows, model):
    row, honest = rows["pendulum", model], rows["pendulum", "node-mlp"]
    for name in ("conservation_error.energy", "energy_mse"):
        assert row.scores[name].value == 0
        assert compared(row, name) is None
        assert compared(honest, name) is not None


def test_what_stops_moving_is_not_compared_in_what_it_conserves(rows):
    row, honest = (rows["double-pendulum", m] for m in ("trick-freezing", "node-angles"))
    assert row.scores["rollout_error"].value < 1.2 * honest.scores["rollout_error"].value
    assert row.scores["rollout_motion"].value == 0
    for name in ("conservation_error.energy", "energy_mse"):
        assert compared(row, name) is None
        assert compared(honest, name) is not None
    assert honest.scores["rollout_motion"].value > 0.5


def test_answering_less_is_paid_for_in_the_error(rows):
    trick, honest = (rows["o5-invariant", m] for m in ("trick-shrinking", "mlp"))
    assert trick.scores["equivariance_error"].value < honest.scores["equivariance_error"].value
    assert trick.rank.low > honest.rank.high
    assert trick.scores["error"].value > 10 * honest.scores["error"].value


def test_no_trick_is_first_among_models_of_its_prior(rows):
    for task in TASKS:
        ranked = [row for (name, _), row in rows.items() if name == task and row.rank is not None]
        for prior in {row.prior for row in ranked}:
            first = min((row for row in ranked if row.prior == prior), key=lambda row: row.rank.low)
            assert first.rank.low == min(row.rank.low for row in ranked if row.prior == prior)
            tricks = [row for row in ranked if row.prior == prior and "trick" in row.model]
            honest = [row for row in ranked if "trick" not in row.model]
            for row in tricks:
                alone = all(row.rank.high < other.rank.low for other in honest)
                assert not alone or "built in" in row.flags


def test_the_page_names_every_trick():
    registry = load(tuple(TRICKS))
    named = {name for name in registry.models if name.startswith("trick-")}
    assert named <= {word.strip("`|,") for word in PAGE.read_text().split()}


def test_the_tables_show_the_marks(rows):
    shown = report.render(
        leaderboard.Leaderboard(
            tier="quick",
            coverage=leaderboard.Coverage(planned=0, finished=0, failed=0, stale=0),
            rows=[row for (task, _), row in rows.items() if task == "o5-invariant"],
        ),
        "table",
        200,
    )
    for mark in ("built in", "unconnected"):
        assert mark in shown
