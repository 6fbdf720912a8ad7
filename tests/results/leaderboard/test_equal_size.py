"""Comparison at equal size: who is near the reference, and that nobody is left out silently."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import broken, cell, row

from symbench.cli import main
from symbench.errors import InputError
from symbench.records.record import Record
from symbench.records.store import Store
from symbench.results.leaderboard import ParameterWindow, make
from symbench.results.leaderboard.over_tasks import summarise
from symbench.results.report import FORMATS, render, summaries

COUNTS = {"tiny": 10, "small": 90, "middle": 100, "mlp": 150, "giant": 5_000}


def sized(model: str, params: float | None, **parts: Any) -> Record:
    record = cell(model, **parts)
    for trial in record.trials:
        trial.cost = {} if params is None else {"parameters": float(params)}
    return record


def records(**parts: Any) -> list[Record]:
    return [sized(model, count, **parts) for model, count in COUNTS.items()]


def test_only_models_near_the_median_are_compared() -> None:
    leaderboard = make(records(), "quick", window=ParameterWindow())
    assert {found.model for found in leaderboard.rows} == {"small", "middle", "mlp"}
    assert leaderboard.equal_size is not None
    assert leaderboard.equal_size.references == {"o5": 100}
    assert leaderboard.equal_size.left_out == {"o5": {"giant": 5_000, "tiny": 10}}


def test_ranks_are_those_of_the_compared_models_alone() -> None:
    better = sized("giant", 5_000, errors=(0.1, 0.001, 0.0001))
    others = [sized("small", 90), sized("mlp", 100, errors=(1.0, 0.5, 0.4))]
    windows = (None, ParameterWindow(100))
    whole, equal = (make([better, *others], "quick", window=window) for window in windows)
    ranks = [row(leaderboard, "small").rank for leaderboard in (whole, equal)]
    assert [rank.low for rank in ranks if rank] == [2, 1]


def test_without_a_size_nothing_is_left_out_and_nothing_said() -> None:
    leaderboard = make(records(), "quick")
    assert len(leaderboard.rows) == 5
    assert "equal_size" not in leaderboard.document()


@pytest.mark.parametrize(("count", "inside"), [(49, False), (50, True), (200, True), (201, False)])
def test_the_ends_of_the_range_count_as_inside(count: int, inside: bool) -> None:
    assert ParameterWindow(100, 2).holds(count, 100) is inside


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.floats(1, 1e6))
def test_nearness_is_symmetric(first: int, second: int, factor: float) -> None:
    size = ParameterWindow(factor=factor)
    assert size.holds(first, second) == size.holds(second, first)
    assert size.holds(first, first)


def test_the_median_is_always_the_count_of_some_model() -> None:
    leaderboard = make([sized("a", 10), sized("b", 100_000)], "quick", window=ParameterWindow())
    assert [found.model for found in leaderboard.rows] == ["a"]


def test_models_without_parameters_or_with_an_unknown_count_are_left_out_and_named() -> None:
    whole = [sized("mlp", 100), sized("constant", 0), sized("odd", None)]
    leaderboard = make(whole, "quick", window=ParameterWindow())
    assert leaderboard.equal_size is not None
    assert leaderboard.equal_size.left_out == {"o5": {"constant": 0, "odd": None}}
    assert "left out: constant 0, odd unknown" in render(leaderboard, "table")


def test_failed_cells_stay_visible() -> None:
    leaderboard = make(
        [*records(), broken("bad", "failed", "boom")], "quick", window=ParameterWindow()
    )
    assert row(leaderboard, "bad").reason == "boom"


def test_a_task_whose_models_are_all_left_out_is_told() -> None:
    leaderboard = make(records(), "quick", window=ParameterWindow(10**9))
    assert leaderboard.rows == []
    text = render(leaderboard, "table", 400)
    for model, count in COUNTS.items():
        assert f"{model} {count:,}" in text


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "csv"])
def test_every_format_names_who_is_left_out(form: str) -> None:
    assert "giant" in render(make(records(), "quick", window=ParameterWindow()), form, 400)


def test_an_empty_store_has_nothing_to_compare() -> None:
    assert make([], "quick", window=ParameterWindow()).rows == []


def test_the_summary_compares_at_equal_size_too() -> None:
    many = [record for task in ("t1", "t2") for record in records(identity={"task": task})]
    summary = summarise(many, "quick", window=ParameterWindow(factor=3))
    assert {one.model for one in summary.rankings[0].standings} == {"small", "middle", "mlp"}
    text = summaries.render(summary, "md")
    assert "within a factor of 3 of: t1 100, t2 100" in text
    assert "giant (t1 5,000, t2 5,000); tiny (t1 10, t2 10)" in text
    document = json.loads(summaries.render(summary, "json"))
    assert document["equal_size"]["left_out"]["t1"] == {"giant": 5000, "tiny": 10}


@pytest.mark.parametrize(("reference", "factor"), [(0, 2), (-5, 2), (10, 0.5), (10, float("nan"))])
def test_sizes_out_of_range_are_refused(reference: int, factor: float) -> None:
    with pytest.raises(InputError, match="--match-"):
        ParameterWindow(reference, factor)


@pytest.fixture
def written(tmp_path: Path) -> str:
    for record in records():
        Store(tmp_path).write(record)
    return str(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setenv("SYMBENCH_PLUGINS", "")
    monkeypatch.setattr(sys, "argv", ["symbench", "leaderboard", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.parametrize(("wanted", "models"), [("median", 3), ("5000", 1)])
def test_the_command_compares_at_equal_size(written, capsys, monkeypatch, wanted, models) -> None:
    assert run(monkeypatch, "--store", written, "--match-params", wanted, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["rows"]) == models
    assert sum(map(len, document["equal_size"]["left_out"].values())) == 5 - models


@pytest.mark.parametrize("summary", [[], ["--summary"]])
def test_the_command_tells_who_is_left_out(written, capsys, monkeypatch, summary) -> None:
    arguments = ["--store", written, "--match-params", "100", "--match-factor", "3", *summary]
    assert run(monkeypatch, *arguments) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "within a factor of 3 of" in out
    assert "5,000" in out


@pytest.mark.parametrize(
    "arguments",
    [["--match-params", "mean"], ["--match-params", "0"], ["--match-factor", "3"],
     ["--match-params", "9", "--match-factor", "0.1"]],
)  # fmt: skip
def test_the_command_refuses_in_one_line(written, capsys, monkeypatch, arguments) -> None:
    assert run(monkeypatch, "--store", written, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--match-" in line
