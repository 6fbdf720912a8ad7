"""The discovery board: figures of merit, guesses, controls and what a method declines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from symbench.contract.board import Board
from symbench.errors import InputError
from symbench.records.record import Identity, Record, TrialRecord
from symbench.results.leaderboard import make
from symbench.results.leaderboard.boards import standings
from symbench.results.leaderboard.discovery import DiscoveryBoard, Method, discovery_board
from symbench.results.report.discovery import figures, render, sentence

GUESS, M = 0.2, 25.0


def record(
    task: str,
    model: str,
    scores: list[dict[str, float]],
    prior: str = "discovers",
    diverged: int = 0,
    **protocol: Any,
) -> Record:
    """A record of one size whose seeds have these scores; further seeds have diverged."""
    trials = [
        TrialRecord(n_train=100, seed=seed, status="ok", scores={"error": 0.1, **values},
                    cost={"train_seconds": 2.0})
        for seed, values in enumerate(scores)
    ]  # fmt: skip
    trials += [
        TrialRecord(n_train=100, seed=len(scores) + i, status="diverged") for i in range(diverged)
    ]
    identity = Identity(
        task=task, task_version="1", task_fingerprint="ab", task_source_sha256="ef", model=model,
        model_version="1", model_source_sha256="cd", config={}, tier="quick", sizes=[100],
        seeds=[0, 1], protocol={"prior": prior, "chance_error": 1.0, **protocol},
    )  # fmt: skip
    return Record(identity=identity, status="ok", trials=trials, provenance={"metrics": {}})


def announced(overlap: float, count: float = 6, guess: float = GUESS) -> dict[str, float]:
    return {
        "announced_overlap": overlap, "announced_overlap.guess": guess, "announced_count": count,
        "generators_found": 0.0, "generators_found.truth": 6.0,
    }  # fmt: skip


def extracted(count: float, recall: float, true: float = 6.0) -> dict[str, float]:
    return {
        "generators_found": count, "generators_found.truth": true, "generator_recall": recall,
        "generator_cosine": 1.0, "generator_cosine.chance": (true / M) ** 0.5,
    }  # fmt: skip


def control(model: str, found: list[float], prior: str = "discovers") -> Record:
    scores = [{"false_finding": one, "announced_count": one} for one in found]
    if prior == "none":
        scores = [{"false_finding": one, "generators_found": one} for one in found]
    return record("none", model, scores, prior)


def method(board: DiscoveryBoard, model: str) -> Method:
    (found,) = [one for one in board.methods if one.model == model]
    return found


@pytest.mark.parametrize(
    ("overlap", "merit"), [(0.0, 0.0), (-0.3, 0.0), (GUESS, 0.0), (0.6, 0.5), (1.0, 1.0)]
)
def test_the_figure_starts_at_the_guess_and_ends_at_the_truth(overlap: float, merit: float) -> None:
    board = discovery_board([record("t", "m", [announced(overlap)] * 2)], "quick")
    assert method(board, "m").figures["continuous"].value == pytest.approx(merit)
    assert method(board, "m").figure == pytest.approx(merit)
    assert board.tasks == {"continuous": ["t"]}


def test_a_guess_below_chance_gives_nothing_away() -> None:
    board = discovery_board([record("t", "m", [announced(0.5, guess=-0.4)])], "quick")
    assert method(board, "m").figure == pytest.approx(0.5)


def test_a_task_on_which_the_guess_is_right_is_shown_and_does_not_count() -> None:
    cells = [record("t", "m", [announced(0.5)]), record("easy", "m", [announced(1.0, guess=1.0)])]
    board = discovery_board(cells, "quick")
    assert board.certain == ["easy"]
    assert method(board, "m").figure == pytest.approx(0.375)
    assert method(board, "m").found["easy"].overlap is not None
    assert "is right: the task does not count" in render(board, "table")


def test_a_task_that_a_method_declines_counts_zero() -> None:
    cells = [record(t, "both", [announced(1.0)]) for t in ("t", "u")]
    cells += [record("t", "one", [announced(1.0)])]
    board = discovery_board(cells, "quick")
    assert [(m.model, m.figure) for m in board.methods] == [("both", 1.0), ("one", 0.5)]


def test_a_diverged_trial_has_found_nothing() -> None:
    board = discovery_board([record("t", "m", [announced(1.0)], diverged=1)], "quick")
    assert method(board, "m").figure == pytest.approx(0.5)


def test_kinds_count_alike_however_many_tasks_they_have() -> None:
    cells = [record(t, "m", [announced(1.0)]) for t in ("a", "b", "c")]
    cells += [record("d", "m", [announced(GUESS)], discovery="broken")]
    board = discovery_board(cells, "quick")
    assert board.tasks == {"continuous": ["a", "b", "c"], "broken": ["d"]}
    assert method(board, "m").figure == pytest.approx(0.5)


def test_controls_take_away_what_a_method_finds_everywhere() -> None:
    cells = [record("t", "careful", [announced(1.0)] * 4), control("careful", [0, 0, 0, 0])]
    cells += [record("t", "eager", [announced(1.0)] * 4), control("eager", [3, 0, 1, 1])]
    cells += [record("t", "silent", [announced(0.0, 0)] * 4), control("silent", [0, 0, 0, 0])]
    board = discovery_board(cells, "quick")
    found = {m.model: m.figures["control"].value for m in board.methods}
    assert found == pytest.approx({"careful": 1.0, "eager": 0.25, "silent": 0.0})
    assert [m.model for m in board.methods] == ["careful", "eager", "silent"]
    assert method(board, "silent").figure == 0
    assert method(board, "eager").false is not None


def test_a_function_is_judged_by_the_number_that_it_keeps() -> None:
    exact, none = extracted(6, 1.0), extracted(0, 0.0)
    everything = extracted(M, 1.0)
    for values, expected in ((exact, 1.0), (none, 0.0), (everything, 0.0)):
        board = discovery_board([record("t", "mlp", [values], "none")], "quick")
        assert method(board, "mlp").source == "extracted"
        assert method(board, "mlp").figure == pytest.approx(expected, abs=1e-12)


def test_told_models_are_no_methods_of_discovery() -> None:
    cells = [record("t", "emlp", [extracted(6, 1.0)], "told"), record("t", "m", [announced(1.0)])]
    assert [m.model for m in discovery_board(cells, "quick").methods] == ["m"]


def test_a_control_has_no_overlap_and_no_figure_of_its_own() -> None:
    board = discovery_board([control("m", [0.0])], "quick")
    assert board.tasks == {"control": ["none"]}
    assert method(board, "m").figures["control"].value == 0


def test_every_format_holds_every_method_and_escapes_names() -> None:
    name = "<b>|x"
    cells = [record("t", name, [announced(1.0)] * 2), record("t", "mlp", [extracted(6, 1)], "none")]
    board = discovery_board(cells, "quick")
    document = json.loads(render(board, "json"))
    assert [one["model"] for one in document["methods"]] == [name, "mlp"]
    assert document["methods"][0]["found"]["t"]["overlap"]["value"] == 1
    assert document["guesses"] == {"t": GUESS}
    text = render(board, "md")
    assert "mlp" in text
    assert name not in text
    assert name in render(board, "table")
    with pytest.raises(InputError, match="unknown format 'csv'"):
        render(board, "csv")


def test_the_own_figure_of_a_method_is_above_the_guess_that_other_records_hold() -> None:
    cells = [record("t", "m", [announced(0.6)] * 5),
             record("t", "mlp", [extracted(6, 0.8)] * 5, "none")]  # fmt: skip
    made = standings(Board("b", "What?", ("t",), "discovery"), cells, make(cells, "quick"))
    assert [entry.model for entry in made.entries] == ["mlp", "m"]
    for entry in made.entries:
        assert 0 < entry.own.value < 1
        assert entry.own == entry.charged


def test_no_interval_is_broken_in_a_narrow_terminal() -> None:
    cells = [
        record(f"t-{kind}", "guess-covariance", [announced(0.3), announced(0.4)], discovery=kind)
        for kind in ("continuous", "broken", "hidden")
    ]
    board = discovery_board([*cells, control("guess-covariance", [1.0, 0.0])], "quick")
    lines = render(board, "table", 80).splitlines()
    assert max(map(len, lines)) <= 80
    (figure,) = [cells[1] for cells in figures(board)]
    assert any(f"guess-covariance  {figure} " in line for line in lines)
    assert sum(line.startswith("method  ") for line in render(board, "table", 45).splitlines()) > 5


@pytest.mark.parametrize(("first", "sure"), [([1.0] * 5, True), ([1.0, 0.2, 1.0, 0.2, 1.0], False)])
def test_the_best_method_is_named_with_its_interval(first: list[float], sure: bool) -> None:
    cells = [record("t", "m", [announced(one) for one in first]),
             record("t", "next", [announced(0.5)] * 5)]  # fmt: skip
    board = discovery_board(cells, "quick")
    said = sentence(board)
    assert said is not None
    assert f"m finds symmetries best: figure of merit {next(figures(board))[1]}," in said
    assert said.endswith("the intervals overlap.") != sure
    assert sentence(discovery_board(cells[:1], "quick")) is None
    extracts = [record("t", one, [extracted(6, 1)] * 5, "none") for one in ("mlp", "cnn")]
    assert sentence(discovery_board(extracts, "quick")) is None


def test_no_method_is_best_where_none_finds_anything() -> None:
    cells = [record("t", one, [announced(0.01)] * 5) for one in ("m", "next")]
    said = sentence(discovery_board(cells, "quick"))
    assert said is not None
    assert said.startswith("None of 2 methods finds a symmetry: every figure of merit is below")


@pytest.mark.parametrize("form", ["table", "md"])
def test_an_empty_board_says_so(form: str) -> None:
    text = render(discovery_board([], "quick"), form)
    assert "no record of tier quick has scores of discovery" in text


def test_stale_cells_are_left_out_and_counted() -> None:
    cells = [record("t", "m", [announced(1.0)]), record("t", "old", [announced(1.0)])]
    board = discovery_board(cells, "quick", lambda r: r.identity.model == "old")
    assert [one.model for one in board.methods] == ["m"]
    assert "stale records left out: 1" in render(board, "md")
    nothing = discovery_board(cells, "quick", lambda _: True)
    assert "stale records left out: 2; run them again" in render(nothing, "table", 200)


@pytest.mark.parametrize(
    ("scores", "merit"),
    [
        ({"elements_recall": 1.0, "elements_precision": 0.5, "elements_count": 11.0}, 0.5),
        ({"elements_recall": 0.0, "elements_count": 1.0}, 0.0),
        ({"announced_count": 0.0}, 0.0),
    ],
)
def test_elements_of_a_finite_group_count_by_precision_and_recall(
    scores: dict[str, float], merit: float
) -> None:
    values = {**scores, "elements_count.truth": 6.0, "false_finding": 0.0}
    board = discovery_board([record("t", "m", [values] * 2, discovery="finite")], "quick")
    assert board.tasks == {"finite": ["t"]}
    assert method(board, "m").source == "announced"
    assert method(board, "m").figures["finite"].value == merit
