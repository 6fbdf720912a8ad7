"""A model that takes data by itself, or changes those that are kept, fails its cell."""

from __future__ import annotations

import gc
import threading

import pytest
import torch
import toys
from torch import nn

from symbench import Data, Metric, draws
from symbench.draws import Draws, fingerprint
from symbench.errors import PluginError
from symbench.runs.cell import run_cell
from symbench.runs.plan import Selection, make_plan
from symbench.runs.watch import watched

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")


def taken(task=TASK, split="test"):
    """What a helper function of a model returns."""
    return task.sample(256, 0, split)


class Net(nn.Linear):
    def forward(self, x):
        return super().forward(x)


class Own(toys.Small):
    """Takes nothing."""

    name = "own"

    def build(self, problem):
        return Net(problem.input_size, problem.output_size)


class InBuild(Own):
    def build(self, problem):
        taken()
        return super().build(problem)


class InFit(Own):
    def fit(self, problem, data, context):
        TASK.sample(10_000, 7, "train")  # more examples than it is given
        return self.build(problem)


class InForward(Own):
    class Net(Net):
        def forward(self, x):
            return super().forward(x) + taken().y.mean()

    def build(self, problem):
        return self.Net(problem.input_size, problem.output_size)


class InScoring(Own):
    class Net(Net):
        def forward(self, x):
            return taken().y if len(x) == 256 else super().forward(x)

    def build(self, problem):
        return self.Net(problem.input_size, problem.output_size)


class InCalibrate(Own):
    class Net(Net):
        def calibrate(self, x, y):
            self.y = list(map(lambda split: taken(split=split).y, ["valid"]))  # noqa: C417

    def build(self, problem):
        return self.Net(problem.input_size, problem.output_size)


class InThread(Own):
    def build(self, problem):
        thread = threading.Thread(target=taken)
        thread.start()
        thread.join()
        return super().build(problem)


class Caught(Own):
    def build(self, problem):
        try:
            taken()
        except PluginError:
            return super().build(problem)


class ByDraws(Own):
    def build(self, problem):
        Draws.of(TASK).test()
        return super().build(problem)


def record_of(model, monkeypatch, task="norms"):
    """The record of a cell of the toy ``small``, for which the model stands."""
    card = REGISTRY.card("model", "small")
    load = type(card).load
    model.name = "small"
    monkeypatch.setattr(type(card), "load", lambda one: model if one is card else load(one))
    (cell,) = make_plan(REGISTRY, Selection((task,), ("small",), "smoke"))
    return run_cell(REGISTRY, cell)


@pytest.fixture(autouse=True)
def nothing_in_memory():
    draws._drawn.cache_clear()
    yield
    draws._drawn.cache_clear()


def test_a_model_that_takes_nothing_passes(monkeypatch):
    sample = vars(type(TASK))["sample"]
    assert record_of(Own, monkeypatch).status == "ok"
    assert vars(type(TASK))["sample"] is sample


@pytest.mark.parametrize(
    ("model", "place"),
    [
        (InBuild, "the split test, in taken"),
        (InFit, "the split train, in InFit.fit"),
        (InForward, "the split test, in taken"),
        (InScoring, "the split test, in taken"),
        (InCalibrate, "the split valid, in taken"),
        (InThread, "the split test, in taken"),
        (Caught, "the split test, in taken"),
        (ByDraws, "the split test, in ByDraws.build"),
    ],
)
def test_a_model_that_draws_data_of_the_task_fails(model, place, monkeypatch):
    record = record_of(model, monkeypatch)
    assert record.status == "failed"
    assert "small draws data of norms by itself" in record.error.message
    assert place in record.error.message
    assert not record.trials


def test_tasks_and_metrics_may_draw():
    class Again(Metric):
        name, version, summary = "again", "1", "draws again"

        def score(self, trained, task, generator):
            return float(taken(task).x.sum())

    class Twice(toys.Norms):
        name = "twice"

        def sample(self, n, seed, split):
            return super().sample(n, seed, split)

        @property
        def threshold(self):
            return float(self.sample(3, 0, "test").y.mean())

    task = Twice()
    with watched(Draws.of(task), Own()):
        assert Again().score(None, task, None)
        assert task.threshold
    assert vars(Twice)["sample"].__qualname__.endswith("Twice.sample")


class Spoiling(Own):
    """Changes the test data in memory."""

    def build(self, problem):
        for held in gc.get_objects():
            if isinstance(held, draws._Drawn) and held.digest:
                held.data.y.zero_()
        return super().build(problem)


def test_test_data_that_are_changed_in_memory_fail_the_cell_and_are_drawn_again(monkeypatch):
    true = Draws.of(TASK).test()
    record = record_of(Spoiling, monkeypatch)
    assert "the test data of norms were changed in memory" in record.error.message
    assert torch.equal(Draws.of(TASK).test().y, true.y)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Keep all draws on disk."""
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(draws, "_SLOW", 0.0)
    monkeypatch.setattr("symbench.registry.edited._STARTED", float("inf"))
    for cached in (draws._drawn, draws._fingerprint, draws._source, draws._surroundings):
        cached.cache_clear()
    yield Draws(TASK, fingerprint(TASK))
    for cached in (draws._drawn, draws._fingerprint, draws._source, draws._surroundings):
        cached.cache_clear()


class Planting(Own):
    """Puts easy test data into the cache."""

    def build(self, problem):
        mine = Draws(TASK, fingerprint(TASK))
        draws._save(mine._path_of_test(), Data(torch.zeros(256, 6), torch.zeros(256, 1)))
        return super().build(problem)


@pytest.mark.parametrize("before", [True, False])
def test_test_data_that_are_changed_on_disk_fail_the_cell_and_are_removed(
    before, kept, monkeypatch
):
    if before:
        kept.test()
    record = record_of(Planting, monkeypatch)
    assert "were changed in" in record.error.message
    assert not kept._path_of_test().exists()
    assert record_of(Own, monkeypatch).status == "ok"
    assert kept._path_of_test().exists()


def test_a_draw_that_another_process_keeps_meanwhile_is_accepted(kept):
    data = TASK.sample(256, 0, "test")
    with watched(kept, Own()):
        draws._save(kept._path_of_test(), data)
        assert len(kept.test()) == 256
