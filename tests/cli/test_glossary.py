"""``symbench show`` explains the words and columns of the glossary."""

from __future__ import annotations

import json
from typing import Any

import pytest

from symbench.cli import glossary
from symbench.results.report.columns import columns


def test_every_column_of_the_tables_is_explained_under_its_heading_and_its_score() -> None:
    explained = {(one.name, one.score or one.name) for one in glossary.entries()}
    assert {(column.title, column.name) for column in columns([])} <= explained  # or a word


def test_the_columns_are_in_order() -> None:
    names = [one.name for one in glossary.entries() if one.kind == "column"]
    assert names == sorted(set(names))


@pytest.mark.parametrize("name", ["n to solve", "n_to_threshold", "N_to_solve"])
def test_a_column_is_found_by_its_heading_and_its_score(call: Any, name: str) -> None:
    (card,) = json.loads(call("show", name, "--json").out)["cards"]
    assert (card["kind"], card["name"], card["score"]) == ("column", "n to solve", "n_to_threshold")
    assert card["definition"].startswith("The number of training examples at which the error ")


@pytest.mark.parametrize("name", ["prior", "group", "told", "tie group"])
def test_a_word_is_explained(call: Any, name: str) -> None:
    assert call("show", name).out.startswith(f"word {name}\n")


def test_a_score_is_shown_as_a_metric_and_as_a_column(call: Any) -> None:
    cards = json.loads(call("show", "symmetric_share", "--json").out)["cards"]
    assert [card["kind"] for card in cards] == ["metric", "column"]


def test_only_close_names_are_suggested(call: Any) -> None:
    assert "did you mean n_to_threshold" in call("show", "n_to_treshold").err
    done = call("show", "nonsense")
    assert done.code == 2
    assert done.err.endswith("unknown name 'nonsense': `symbench list` shows all\n")
