"""A model that announces generators is trained once more, on moved data."""

from __future__ import annotations

import types

import pytest
import torch
import toys

from symbench import hookimpl
from symbench.results.leaderboard import make
from symbench.runs.cell import run_cell
from symbench.runs.plan import Selection, make_plan


class Learning(toys.Finding):
    """Announces matrices that depend on all digits of its training inputs."""

    name = "learning"

    def fit(self, problem, data, context):
        module = self.build(problem)
        module.calibrate(data.x, data.y)
        stream = torch.Generator().manual_seed(int(1e6 * data.x.abs().sum()))
        module.L = torch.randn(3, 3, generator=stream)
        return module


class Careful(Learning):
    """Refuses data whose targets are not those of the task."""

    name = "careful"

    def fit(self, problem, data, context):
        if not torch.allclose(toys.Norms().target(data.x), data.y, atol=1e-4):
            raise ValueError("what is this")
        return super().fit(problem, data, context)


def run(model, **selection):
    registry, plugin = toys.toy_registry(), types.ModuleType("moved_plugin")

    @hookimpl
    def symbench_register(registry):
        for cls in (Learning, Careful):
            registry.model(cls)

    plugin.symbench_register = symbench_register
    registry.add(plugin, "moved_plugin", "", "here")
    selection = Selection(("norms",), (model,), "smoke", sizes=(16, 64), seeds=2, **selection)
    (cell,) = make_plan(registry, selection)
    record = run_cell(registry, cell)
    assert (record.status, record.error) == ("ok", None)
    return record


def trials(model, **selection):
    return run(model, **selection).trials


def scored(found):
    """The score of the trials that have it, by n_train and seed."""
    name = "announced_unmoved"
    return {(t.n_train, t.seed): t.scores[name] for t in found if name in t.scores}


def test_a_generator_that_is_built_in_is_found_in_one_trial_of_the_largest_size() -> None:
    assert scored(trials("finding")) == {(64, 0): pytest.approx(1, abs=1e-6)}


def test_a_generator_that_depends_on_the_data_is_not_built_in() -> None:
    (value,) = scored(trials("learning")).values()
    assert value < 0.9


def test_other_scores_are_those_of_a_model_that_is_trained_once(monkeypatch) -> None:
    both = trials("learning")
    monkeypatch.setattr("symbench.runs.cell.train_on_moved_data", lambda *_: None)
    once = trials("learning")
    assert scored(once) == {}
    for one, other in zip(both, once, strict=True):
        assert {n: v for n, v in one.scores.items() if n != "announced_unmoved"} == other.scores


def test_the_record_of_a_model_that_fails_on_moved_data_says_why_it_has_no_score() -> None:
    record = run("careful")
    assert scored(record.trials) == {}
    why = "training on moved data failed: ValueError: what is this"
    assert record.provenance.absent["announced_unmoved"] == why
    (row,) = make([record], "smoke").rows
    assert row.absent["announced_unmoved"] == why


def test_a_model_that_announces_nothing_is_trained_once(monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("it is trained again")

    monkeypatch.setattr("symbench.runs.moved.train", refuse)
    assert scored(trials("small")) == {}
