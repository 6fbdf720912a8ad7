"""The end of a run: tables of a few tasks, else the matrix, the questions and where the rest is."""

from __future__ import annotations

from pathlib import Path

from made_records import broken, cell

from symbench.cli.ending import ending, store_option
from symbench.contract.board import Board
from symbench.results.leaderboard import make

BOARDS = (
    Board("known", "What is knowing the group worth?", ("task-0", "task-9"), "error"),
    Board("other", "What is elsewhere?", ("elsewhere",), "error"),
)


def records(tasks: int) -> list:
    levels = {"mlp": (0.1, "none"), "emlp": (0.001, "told")}
    return [
        cell(model, (level,) * 3, identity={"task": f"task-{i}"}, protocol={"prior": prior})
        for i in range(tasks)
        for model, (level, prior) in levels.items()
    ]


def shown(some: list, width: int = 80) -> list[str]:
    return ending(make(some, "quick"), some, BOARDS, " --store 'my results'", width).splitlines()


def test_many_tasks_end_with_the_matrix_the_questions_and_where_the_rest_is() -> None:
    lines = shown(records(40))
    assert lines[0].split() == ["task", "told", "soft", "discovers", "none", "best", "model"]
    assert lines[1].split() == ["task-0", "100×", "=", "emlp"]
    assert "  known  What is knowing the group worth?" in lines
    assert not [line for line in lines if "elsewhere" in line]  # a board without a result
    assert "  one task:      symbench leaderboard -t TASK --store 'my results'" in lines
    assert lines[-1] == "80 of 80 cells finished, 0 failed, 0 stale."
    assert len(lines) < 70
    assert max(map(len, lines)) <= 80


def test_few_tasks_end_with_their_tables() -> None:
    lines = shown(records(2))
    assert lines[0].startswith("task-0 · quick")
    assert any("equivariance" in line or "error" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_the_first_cells_without_a_result_are_named_with_their_reason() -> None:
    failed = broken("wide", "failed", "no network today")
    some = [
        failed.model_copy(update={"identity": failed.identity.model_copy(update={"task": f"t{i}"})})
        for i in range(12)
    ]
    lines = shown([*records(5), *some])
    assert "failed: t0 wide (no network today)" in lines
    assert "and 2 more without a result" in lines


def test_the_default_store_needs_no_option() -> None:
    assert store_option(Path("a"), Path("a")) == ""
    assert store_option(Path("b c"), Path("a")) == " --store 'b c'"
