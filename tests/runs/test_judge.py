"""Replaced functions that models share are noticed, on import and while a cell runs."""

from __future__ import annotations

import functools
import importlib
import sys

import pytest
import torch
import toys
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from symbench import draws
from symbench.metrics.error import Error
from symbench.runs import score
from symbench.runs.cell import run_cell
from symbench.runs.judge import hooked, replaced, replaced_in
from symbench.runs.plan import Selection, make_plan
from symbench.training import train


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
        (train, "_optimise", perfect, "symbench.training.train._optimise"),
        (draws.Draws, "train", perfect, "symbench.draws.Draws.train"),
        (score, "predict", functools.wraps(score.predict)(lambda *_: 0.0), "score.predict"),
        (Error.score, "__code__", perfect.__code__, "symbench.metrics.error.Error.score"),
    ],
)
def test_a_replaced_function_is_named(monkeypatch, place, name, function, expected):
    if name == "__code__":
        function = (lambda self, trained, task, generator: 0.0).__code__
    monkeypatch.setattr(place, name, function)
    assert f"{expected} (now of test_judge.py)" in str(replaced())


def test_the_functions_of_torch_are_its_own():
    assert hooked() is None


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (nn.init, "kaiming_uniform_"),
        (nn.functional, "linear"),
        (nn.Linear, "reset_parameters"),
        (nn.Module, "__call__"),
        (torch.optim.Adam, "__init__"),
        (torch.optim.Optimizer, "zero_grad"),
    ],
)
def test_a_replaced_function_of_torch_is_named(monkeypatch, place, name):
    original = getattr(place, name)

    @functools.wraps(original)
    def replacement(*some, **named):
        return original(*some, **named)

    monkeypatch.setattr(place, name, replacement)
    assert f"{name} (now of test_judge.py)" in str(replaced())


@pytest.mark.parametrize(
    ("add", "name"),
    [
        (nn.modules.module.register_module_forward_hook, "module._global_forward_hooks"),
        (register_optimizer_step_post_hook, "optimizer._global_optimizer_post_hooks"),
    ],
)
def test_hooks_of_all_modules_are_named(add, name):
    handle = add(lambda *_: None)
    try:
        assert name in str(hooked())
    finally:
        handle.remove()
    assert hooked() is None


RIVAL = """
from symbench import hookimpl

@hookimpl
def symbench_register(registry):
    pass

def build(self, problem):
    raise RuntimeError
"""


@pytest.mark.parametrize("known", [False, True])
def test_a_function_that_a_plugin_puts_into_another_is_named(tmp_path, monkeypatch, known):
    own = f"own_{known}".lower()
    owner, rival = tmp_path / f"{own}.py", tmp_path / f"rival_of_{own}.py"
    rival.write_text(RIVAL)
    source = "class Owned:\n    def build(self, problem):\n        return None\n"
    owner.write_text(f"import {rival.stem}\n{source}" if known else source)
    monkeypatch.syspath_prepend(tmp_path)
    modules = [importlib.import_module(file.stem) for file in (owner, rival)]
    for module in modules:
        monkeypatch.delitem(sys.modules, module.__name__)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert replaced_in(modules[0].Owned) is None
    modules[0].Owned.build = modules[1].build
    named = f"{own}.Owned.build (now of {rival.name})"
    assert replaced_in(modules[0].Owned) == (None if known else named)


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
    assert "symbench.metrics.error.Error.score (now of test_judge.py) is not the" in (
        record.error.message
    )


def _loading(load, patched):
    return lambda card: Patching if card is patched else load(card)
