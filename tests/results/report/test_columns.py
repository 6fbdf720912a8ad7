"""Columns that are asked for: by the name of a score or a heading, in every format but JSON."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from made_records import cell

from symbench.errors import InputError
from symbench.results.leaderboard import Leaderboard, make
from symbench.results.report import render
from symbench.results.report.tables import tables


@pytest.fixture(scope="module")
def table() -> Leaderboard:
    scores = {"equivariance_error": 0.1, "flops": 5.0, "my_score": 2.0}
    records = [cell("mlp"), cell("other", (0.9, 0.05, 0.002), scores=scores)]
    return make(records, "quick")


def headings(table: Leaderboard, *names: str) -> list[str]:
    (one,) = tables(table, names)
    return [column.title for column in one.columns]


def test_columns_are_shown_in_the_order_in_which_they_are_asked_for(table: Leaderboard) -> None:
    assert headings(table, "n_to_threshold", "error") == ["model", "n to solve", "error"]


@pytest.mark.parametrize("name", ["n_to_threshold", "n to solve", "N to solve", " n_to_solve "])
def test_a_score_and_its_heading_name_the_same_column(table: Leaderboard, name: str) -> None:
    assert headings(table, name) == ["model", "n to solve"]


def test_scores_that_the_tables_leave_out_can_be_asked_for(table: Leaderboard) -> None:
    assert headings(table, "flops", "my_score") == ["model", "flops", "my_score"]


def test_a_column_is_shown_even_if_it_is_empty_and_only_once(table: Leaderboard) -> None:
    assert headings(table, "tuning", "tuning", "model") == ["model", "tuning"]


def test_an_unknown_column_is_refused_with_a_suggestion(table: Leaderboard) -> None:
    with pytest.raises(InputError, match=r"unknown column 'eror': did you mean error"):
        tables(table, ["eror"])
    with pytest.raises(InputError, match=r"unknown column 'zzz': take the name of a score"):
        tables(table, ["zzz"])


@pytest.mark.parametrize("form", ["table", "md", "html", "latex"])
def test_every_document_shows_only_these_columns(table: Leaderboard, form: str) -> None:
    first = render(table, form, columns=["error", "params"]).split("Median over seeds at")[0]
    assert "error" in first
    assert "params" in first
    assert "curve area" not in first


def test_csv_keeps_its_labels_and_only_these_scores(table: Leaderboard) -> None:
    lines = csv.DictReader(StringIO(render(table, "csv", columns=["n to solve", "error"])))
    assert list(lines.fieldnames or ())[:3] == ["task", "model", "tier"]
    scores = [name.rpartition(".")[0] for name in lines.fieldnames or () if "." in name]
    assert list(dict.fromkeys(scores)) == ["n_to_threshold", "error"]


def test_json_holds_every_score(table: Leaderboard) -> None:
    with pytest.raises(InputError, match="holds every score"):
        render(table, "json", columns=["error"])


def test_a_latex_table_is_a_float_with_a_caption_and_rules(table: Leaderboard) -> None:
    shown = render(table, "latex")
    for part in (
        r"\begin{table}", r"\caption{o5 $\cdot$ quick", r"\label{tab:o5}", r"\toprule",
        "95 \\% intervals. Bold: not distinguished from the best.}", r"\end{table}",
    ):  # fmt: skip
        assert part in shown
    assert "?" not in shown
    assert "ldots" not in shown
