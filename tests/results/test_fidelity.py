"""A row that twice the updates would improve is marked, shown and not ranked."""

from __future__ import annotations

import math

import pytest
from made_records import cell, row

from symbench.contract.board import Board
from symbench.errors import InputError
from symbench.publish.submission import make as publish
from symbench.publish.submission.contradictions import find
from symbench.results import fidelity, report
from symbench.results.fidelity import Fidelity, Measured, Training, agreement
from symbench.results.leaderboard import make
from symbench.results.leaderboard.boards import standings
from symbench.results.leaderboard.over_tasks import summarise
from symbench.results.leaderboard.pair import compare_pair

RECORDS = [cell("mlp", (1.0, 0.1, 0.02)), cell("slow", (1.0, 0.2, 0.01)), cell("done")]


def measured(*errors: float) -> Measured:
    return Measured(errors, 1.0, "2026-11-30")


def table(**gains: float) -> Fidelity:
    """Measurements by which each model gains so much by twice its updates."""
    rows = {}
    for record in RECORDS:
        training = Training.of(record.identity)
        if record.identity.model in gains:
            rows[training] = measured(0.09, 0.1)
            rows[training.times(2)] = measured(*(e / gains[training.model] for e in (0.09, 0.1)))
    return Fidelity(rows)


@pytest.fixture
def shipped(monkeypatch):
    """The shipped table is one in which ``slow`` has not converged."""
    monkeypatch.setattr(fidelity, "shipped", lambda: table(mlp=1.1, slow=1.6))


def test_a_training_has_converged_if_twice_its_updates_gain_at_most_one_and_a_half():
    known = table(mlp=1.49, slow=1.51)
    verdicts = [known.verdict(record.identity) for record in RECORDS]
    assert verdicts == ["converged", "not converged", "unmeasured"]
    assert known.gain(Training.of(RECORDS[1].identity)) == pytest.approx(1.51)


def test_errors_below_the_floor_are_equal():
    assert table(mlp=9.0).gain(Training.of(RECORDS[0].identity), floor=0.2) == 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"task_version": "2"},
        {"task_fingerprint": "cd"},
        {"model_version": "2"},
        {"config": {"width": 64}},
        {"sizes": [100, 1000]},
        {"protocol": {"updates": 1600}},
        {"protocol": {"version": "1"}},
        {"protocol": {"recipe": {"learning_rate": 0.1}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_measurement_of_other_data_settings_or_updates_is_not_applied(change):
    identity = RECORDS[1].identity
    if protocol := change.get("protocol"):
        change = {"protocol": {**identity.protocol, **protocol}}
    assert table(slow=2.0).verdict(identity) == "not converged"
    assert table(slow=2.0).verdict(identity.model_copy(update=change)) == "unmeasured"


def test_a_source_edit_keeps_the_measurement():
    edited = RECORDS[1].identity.model_copy(update={"model_source_sha256": "new"})
    assert table(slow=2.0).verdict(edited) == "not converged"


def test_the_order_agrees_over_the_pairs_that_the_longer_training_tells_apart():
    longer = [[0.0, 0.1], [1.0, 1.1], [2.0, 2.1], [2.05, 2.15]]
    assert agreement(longer, longer) == fidelity.Agreement(1.0, 5, 4)
    assert agreement(longer[::-1], longer).tau == -1.0
    swapped = [longer[1], longer[0], longer[2], longer[3]]
    assert agreement(swapped, longer).tau == pytest.approx(3 / 5)


def test_seeds_that_disagree_tell_no_models_apart():
    assert agreement([[0.0, 0.1]] * 2, [[0.0, 3.0], [1.0, 1.1]]).tau is None
    assert agreement([], []) == fidelity.Agreement(None, 0, 0)


def test_a_row_that_has_not_converged_is_marked_and_not_ranked(shipped):
    board = make(RECORDS, "quick")
    slow, done = row(board, "slow"), row(board, "done")
    assert (slow.flags, slow.rank, slow.group) == (["not converged"], None, None)
    assert slow.reason == "not ranked: twice the updates lower its error more than 1.5 times"
    assert slow.scores["error"].value == pytest.approx(0.01)
    assert done.rank is not None
    assert not done.flags
    (ranking,) = summarise(RECORDS, "quick").rankings
    assert [one.model for one in ranking.standings] == ["done", "mlp"]


def test_a_board_names_the_task_on_which_a_model_has_not_converged(shipped):
    board = Board("b", "Does it pay?", ("o5", "o6"), "error")
    other = [cell("slow", (1.0, 0.1, 0.1), identity={"task": "o6"})]
    made = standings(board, [*RECORDS, *other], make([*RECORDS, *other], "quick"))
    (slow,) = [entry for entry in made.entries if entry.model == "slow"]
    assert (slow.place, slow.without) == (None, {"o5": "not converged"})


def test_every_format_shows_the_mark(shipped):
    board = make(RECORDS, "quick")
    for name in report.FORMATS:
        assert "not converged" in report.render(board, name)


def test_two_models_are_not_compared_on_a_task_where_one_has_not_converged(shipped):
    with pytest.raises(InputError, match="slow: not converged"):
        compare_pair(RECORDS, "quick", ("slow", "done"))


def test_a_publication_keeps_the_marks_of_the_version_that_made_it(shipped, monkeypatch):
    made = publish(RECORDS, "quick")
    monkeypatch.setattr(fidelity, "shipped", lambda: Fidelity({}))
    assert find(made) == []
    monkeypatch.setattr(fidelity, "shipped", lambda: table(mlp=9.0))
    assert find(made) == []


def test_the_shipped_table_can_be_read():
    for training, one in fidelity.read(fidelity.TABLE).rows.items():
        assert training.updates > 0
        assert all(math.isfinite(error) and error >= 0 for error in one.errors)


def test_a_line_that_is_no_measurement_is_named(tmp_path):
    file = tmp_path / "fidelity.csv"
    file.write_text(",".join(("date", *Training._fields, "errors", "seconds")) + "\nx\n")
    with pytest.raises(InputError, match="line 2"):
        fidelity.read(file)
    assert fidelity.read(tmp_path / "missing.csv").rows == {}
