"""What a run says while it works: steps, losses, failures, and an honest time left."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from symbench.cli import progress
from symbench.cli.progress import Watch, seconds_left, time_left
from symbench.runs.run import CellOutcome
from symbench.training.setup import Progress


def cell(task, model, reason=None):
    return SimpleNamespace(task=task, model=model, key=f"{task} {model}", reason=reason, error=None)


def outcome(task, model, seconds=1.0, status="ok", reused=False):
    return CellOutcome(task, model, f"{task} {model}", status, seconds, reused)


def run(cells, *outcomes):
    return SimpleNamespace(cells=cells, outcomes=list(outcomes))


GRID = [cell(task, model) for task in ("a", "b", "c") for model in ("x", "y")]


def test_nothing_is_said_of_the_time_left_before_a_cell_has_finished():
    assert seconds_left(run(GRID), {}, 1) is None


def test_a_cell_like_no_other_takes_the_median_of_all():
    assert seconds_left(run(GRID, outcome("a", "x", 2.0)), {}, 1) == 5 * 2.0


def test_a_cell_takes_what_others_of_its_model_took_or_else_of_its_task():
    known = run(GRID, outcome("a", "x", 2.0), outcome("a", "y", 10.0))
    assert seconds_left(known, {}, 1) == 2 * (2.0 + 10.0)
    by_task = run([cell("a", "x"), cell("a", "y")], outcome("a", "x", 2.0))
    assert seconds_left(by_task, {}, 1) == 2.0


def test_cells_beside_each_other_share_the_time_but_none_is_split():
    known = run(GRID, outcome("a", "x", 2.0), outcome("a", "y", 10.0))
    assert seconds_left(known, {}, 2) == 12.0
    assert seconds_left(known, {}, 8) == 10.0


def test_what_runs_already_counts_for_what_it_still_needs():
    known = run(GRID[:3], outcome("a", "x", 2.0), outcome("a", "y", 10.0))
    assert seconds_left(known, {"b x": 0.5}, 1) == 1.5
    assert seconds_left(known, {"b x": 60.0}, 1) == 0.0


def test_reused_and_declined_cells_tell_nothing_of_the_time():
    cells = [*GRID[:2], cell("z", "z", "declines")]
    assert seconds_left(run(cells, outcome("a", "x", 3.0, reused=True)), {}, 1) is None
    assert seconds_left(run(cells, outcome("a", "x", 0.0, status="declined")), {}, 1) is None
    assert seconds_left(run(cells, outcome("a", "x"), outcome("a", "y")), {}, 1) == 0.0


def with_declined(*, verbose):
    this = run([*GRID[:1], cell("z", "z", "z reads graphs")])
    watch = Watch(verbose=verbose)
    with watch.bars:
        watch.symbench_run_started(this)
        this.outcomes.append(outcome("z", "z", 0.0, status="declined"))
        declined = SimpleNamespace(status="declined", error=SimpleNamespace(message="z reads x"))
        watch.symbench_cell_finished(cell("z", "z"), declined)
        this.outcomes.append(outcome("a", "x", 2.0))
        watch.symbench_cell_finished(GRID[0], SimpleNamespace(status="ok", error=None))


def test_declined_cells_are_one_line(screen):
    text = screen(False)
    with_declined(verbose=False)
    assert text.getvalue().splitlines() == [
        "task-model pairs that do not apply: 1 (--verbose lists them)",
        "[1/1] a x ok (2.0 s)",
    ]


def test_a_verbose_run_lists_what_is_declined(screen):
    text = screen(False)
    with_declined(verbose=True)
    assert text.getvalue().splitlines() == [
        "task-model pairs that do not apply: 1",
        "[0/1] z z declined (0.0 s, time left unknown): z reads x",
        "[1/1] a x ok (2.0 s)",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "time left unknown"), (0.0, "about 0 s left"), (89.0, "about 89 s left"),
        (600.0, "about 10 min left"), (7200.0, "about 2.0 h left"),
    ],
)  # fmt: skip
def test_an_estimate_in_words(seconds, words):
    assert time_left(seconds) == words


@pytest.fixture
def screen(monkeypatch):
    def make(terminal):
        text = io.StringIO()
        monkeypatch.setattr(
            progress, "Console", lambda **_: Console(file=text, force_terminal=terminal, width=200)
        )
        return text

    return make


def watched(failure=None):
    this = run(GRID[:2])
    record = SimpleNamespace(status="ok", error=failure)
    watch = Watch()
    with watch.bars:
        watch.symbench_run_started(this)
        watch.symbench_cell_started(GRID[0])
        watch.symbench_cell_progressed(GRID[0], Progress(0.5, 175, 350, 0.0123))
        watch.bars.refresh()
        this.outcomes.append(outcome("a", "x", 2.0, "failed" if failure else "ok"))
        watch.symbench_cell_finished(GRID[0], record)
        # a late report of a cell that has finished
        watch.symbench_cell_progressed(GRID[0], Progress(0.7, 245, 350, 0.01))


def test_a_running_cell_shows_its_step_and_loss_on_a_terminal(screen):
    text = screen(True)
    watched()
    assert "update 175/350, loss 0.0123" in text.getvalue()
    assert "time left unknown" in text.getvalue()
    assert "about 2 s left" in text.getvalue()


def test_off_a_terminal_there_are_plain_lines_alone(screen):
    text = screen(False)
    watched()
    assert text.getvalue() == "[1/2] a x ok (2.0 s, about 2 s left)\n"


def test_a_failure_is_told_as_it_happens_with_nothing_that_steers_the_terminal(screen):
    text = screen(False)
    watched(SimpleNamespace(message="no [red]luck\x1b[2J\ntoday"))
    (line,) = text.getvalue().splitlines()
    assert line.startswith("[1/2] a x failed (2.0 s, about 2 s left): no [red]luck")
    assert "\x1b" not in line
