"""Replaced functions of the core's scores are noticed, on import and while a cell runs."""

from __future__ import annotations

import functools

import pytest
import torch
import toys

from symbench.metrics.error import Error
from symbench.runs import score
from symbench.runs.cell import run_cell
from symbench.runs.judge import replaced
from symbench.runs.plan import Selection, make_plan


def perfect(*arguments):
    return 0.0


def test_the_functions_of_symbench_are_its_own():
    assert replaced() is None


@pytest.mark.parametrize(
    ("place", "name", "function", "expected"),
    [
        (Error, "score", perfect, "symbench.metrics.error.Error.score"),
        (Error, "score", staticmethod(perfect), "symbench.metrics.error.Error.score"),
        (score, "predict", perfect, "symbench.runs.score.predict"),
        (score, "predict", functools.wraps(score.predict)(lambda *_: 0.0), "score.predict"),
        (Error.score, "__code__", perfect.__code__, "symbench.metrics.error.Error.score"),
    ],
)
def test_a_replaced_function_is_named(monkeypatch, place, name, function, expected):
    if name == "__code__":
        function = (lambda self, trained, task, generator: 0.0).__code__
    monkeypatch.setattr(place, name, function)
    assert str(replaced()).endswith(expected)


class Patching(toys.Small):
    """A model that scores itself."""

    name = "patching"

    def build(self, problem):
        Error.score = perfect
        return torch.nn.Linear(problem.input_size, problem.output_size)


def test_a_cell_whose_model_replaces_a_score_fails_with_its_name(monkeypatch):
    monkeypatch.setattr(Error, "score", Error.score)  # put back afterwards
    registry = toys.toy_registry()
    card = registry.card("model", "small")
    monkeypatch.setattr(type(card), "load", _loading(type(card).load, card))
    (cell,) = make_plan(registry, Selection(("norms",), ("small",), "smoke"))
    record = run_cell(registry, cell)
    assert record.status == "failed"
    assert "symbench.metrics.error.Error.score is not the function of symbench" in (
        record.error.message
    )


def _loading(load, patched):
    return lambda card: Patching if card is patched else load(card)
