"""Boards: figures over a fixed list of tasks, and findings that the records support."""

from __future__ import annotations

import pytest
from made_records import broken, cell

from symbench.contract.board import Board, Finding
from symbench.errors import InputError
from symbench.results.leaderboard import make
from symbench.results.leaderboard.boards import standings
from symbench.results.leaderboard.findings import supported
from symbench.results.report import boards as report

TASKS = ("t1", "t2", "t3")
BOARD = Board("b", "Does it pay?", TASKS, "error")
LEVELS = {"mlp": 0.1, "emlp": 0.001, "scalars": 0.0001}


def on(task, model, level=0.1, **more):
    return cell(model, (level, level, level), identity={"task": task}, **more)


def declined(task, model):
    record = broken(model, "declined", "reads images")
    return record.model_copy(update={"identity": record.identity.model_copy(update={"task": task})})


def records():
    """Three models on three tasks, of which scalars declines two."""
    found = [on(task, model, LEVELS[model]) for task in TASKS for model in ("mlp", "emlp")]
    found += [on("t1", "scalars", LEVELS["scalars"])]
    return [*found, declined("t2", "scalars"), declined("t3", "scalars")]


def made(some, board=BOARD):
    return standings(board, some, make(some, "quick"))


def by_model(board):
    return {entry.model: entry for entry in board.entries}


def test_a_declined_task_is_named_and_counts_as_a_guess():
    board = made(records())
    entry = by_model(board)["scalars"]
    assert entry.own.value == pytest.approx(1e-4, rel=0.01)
    assert entry.charged.value == pytest.approx(10 ** (-4 / 3), rel=0.01)
    assert entry.without == {"t2": "declined", "t3": "declined"}
    assert (entry.answered, entry.place) == (1, (2, 2))
    assert [one.model for one in board.entries] == ["emlp", "scalars", "mlp"]
    assert "2 declined" in report.render(board, [], "table", 80)


def test_ten_clones_move_no_figure_and_no_model_past_another():
    clones = [on(task, f"clone-{i}", LEVELS["mlp"]) for task in TASKS for i in range(10)]
    before, after = made(records()), made([*records(), *clones])
    for model, entry in by_model(before).items():
        same = by_model(after)[model]
        assert (same.own, same.charged, same.without) == (entry.own, entry.charged, entry.without)
    kept = [one.model for one in after.entries if not one.model.startswith("clone-")]
    assert kept == [one.model for one in before.entries]
    assert by_model(after)["scalars"].place == (2, 2)
    assert by_model(after)["mlp"].place == by_model(after)["clone-3"].place == (3, 13)


def test_a_task_that_was_not_run_leaves_a_model_without_a_place():
    some = [one for one in records() if one.identity.model != "emlp" or one.identity.task == "t1"]
    entry = by_model(made(some))["emlp"]
    assert entry.place is None
    assert entry.without == {"t2": "not run", "t3": "not run"}
    assert made(some).entries[-1].model == "emlp"


def test_a_failed_task_counts_as_a_guess_and_few_seeds_give_no_place():
    failed = broken("emlp", "failed", "no network")
    identity = failed.identity.model_copy(update={"task": "t3"})
    some = [one for one in records() if (one.identity.task, one.identity.model) != ("t3", "emlp")]
    some += [failed.model_copy(update={"identity": identity})]
    some += [on(task, "brief", 0.01, seeds=2) for task in TASKS]
    found = by_model(made(some))
    assert found["emlp"].without == {"t3": "failed"}
    assert found["emlp"].charged.value == pytest.approx(1e-2, rel=0.01)
    assert found["brief"].place is None


def test_a_result_that_is_not_compared_is_named_so_and_gives_no_place():
    some = [one for one in records() if (one.identity.task, one.identity.model) != ("t3", "emlp")]
    over = on("t3", "emlp", 0.001)
    for trial in over.trials:
        trial.cost["over_budget"] = 1.0
    entry = by_model(made([*some, over]))["emlp"]
    assert (entry.without, entry.place) == ({"t3": "over budget"}, None)


def test_more_models_than_can_be_compared_are_refused(monkeypatch):
    monkeypatch.setattr("symbench.results.leaderboard.boards.MOST_MODELS", 2)
    with pytest.raises(InputError, match="3 models: rank at most 2 together; choose with -m"):
        made(records())


def test_tasks_without_any_result_are_named_and_left_out():
    board = made([one for one in records() if one.identity.task != "t3"])
    assert (board.tasks, board.not_run) == (["t1", "t2"], ["t3"])
    assert "without results here: t3" in report.render(board, [], "md")
    empty = made([on("other", "mlp")])
    assert (empty.entries, empty.tasks) == ([], [])


def test_an_exact_task_counts_no_more_than_a_millionth():
    exact = [on(task, "exact", 1e-12 if task == "t1" else 0.1) for task in TASKS]
    assert by_model(made([*records(), *exact]))["exact"].own.value == pytest.approx(
        10 ** ((-6 - 1 - 1) / 3), rel=0.01
    )


def test_pairs_are_counted_of_all_pairs():
    protocol = {"headline": "pairs", "chance_error": None}

    def pairs(task, model, count, there):  # fmt: skip
        return on(task, model, protocol=protocol, scores={"pairs": count, "pairs.truth": there})

    some = [
        pairs("t1", "gin", 3.0, 30.0),
        pairs("t2", "gin", 1.0, 5.0),
        pairs("t1", "wl", 20.0, 30.0),
    ]
    some += [declined("t2", "wl")]
    board = made(some, Board("b", "Q?", TASKS, "headline"))
    assert board.most == 35
    assert [one.model for one in board.entries] == ["wl", "gin"]
    rows = {cells[1]: cells[3:] for cells in report.rows(board)}
    assert rows["wl"] == ("20 of 30", "20 of 35", "1 declined")
    assert rows["gin"] == ("4 of 35", "4 of 35", "")


CLAIM = Finding("Symmetry divides the error by {ratio}", "mlp", "emlp", TASKS)


def test_a_finding_states_its_number_and_disappears_with_its_support():
    board = Board("b", "Q?", TASKS, "error", findings=(CLAIM,))
    (one,) = supported(board, records(), "quick")
    assert report.sentence(one) == (
        "Symmetry divides the error by 100 [100, 100] (error of mlp ÷ emlp, 3 tasks, 5 seeds)."
    )
    no_better = [on(task, "emlp", 0.1) for task in TASKS]
    kept = [record for record in records() if record.identity.model != "emlp"]
    assert supported(board, [*kept, *no_better], "quick") == []  # the ratio is 1
    assert supported(board, kept, "quick") == []  # a model is missing
    few = [on(task, "emlp", 0.001, seeds=2) for task in TASKS]
    assert supported(board, [*kept, *few], "quick") == []  # two seeds


def test_a_finding_needs_the_whole_interval_above_one():
    def scored(task, model, factors):  # fmt: skip
        record = on(task, model)
        trials = [
            trial.model_copy(update={"scores": {"s": factors[trial.seed]}})
            for trial in record.trials
        ]
        return record.model_copy(update={"trials": trials})

    finding = Finding("by {ratio}", "a", "b", ("t1",), score="s")
    board = Board("b", "Q?", TASKS, "error", findings=(finding,))
    same = scored("t1", "b", [1.0] * 5)
    noisy = [scored("t1", "a", [9.0, 0.2, 4.0, 0.5, 3.0]), same]
    assert supported(board, noisy, "quick") == []
    clear = [scored("t1", "a", [9.0, 7.0, 8.0, 8.5, 7.5]), same]
    (one,) = supported(board, clear, "quick")
    assert one.ratio.low > 1
    assert "s of a ÷ b, t1, 5 seeds" in report.sentence(one)


def test_a_score_at_the_floor_gives_a_bound():
    exact = [on("t1", "emlp", 1e-15), on("t1", "mlp", 0.1)]
    finding = Finding("by {ratio}", "mlp", "emlp", ("t1",))
    (one,) = supported(Board("b", "Q?", TASKS, "error", findings=(finding,)), exact, "quick")
    assert report.sentence(one).startswith("by at least ")
