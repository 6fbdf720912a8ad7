"""Scoring: a trial's scores do not depend on the trials that are scored with it."""

from __future__ import annotations

import asyncio
import types
from functools import partial

import odd_modules as odd
import pytest
import torch
import toys
from torch import nn

from symbench import hookimpl
from symbench.contract import Metric, seeded
from symbench.draws import Draws
from symbench.errors import PluginError
from symbench.metrics import CORE
from symbench.registry.problem import make_problem
from symbench.runs.score import metrics_for, score
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

REGISTRY = toys.toy_registry()
KEYS = [TrialKey(n, seed) for n in (16, 64) for seed in range(3)]


class Parity(Metric):
    """A metric of a plugin that does not override ``score_together``."""

    name, version, summary = "parity", "1", "the trial's seed and a number of its generator"

    def score(self, trained, task, generator):
        return trained.seed + float(torch.rand(1, generator=generator))


class Thief(Parity):
    name = "thief"

    def score(self, trained, task, generator):
        return {"error": 0.0}


def trained(model, task="norms", fleet="on"):
    task, model = REGISTRY.task(task), model()
    view = partial(make_problem, REGISTRY, task, model)
    setup = TrainingSetup(Draws.of(task), model, view, 20, torch.device("cpu"), fleet=fleet)
    return task, model, view(), train(setup, KEYS)


def scored(trials, task, model, problem, metrics=(*CORE, Parity)):
    chosen = [metric() for metric in metrics]
    chosen = [metric for metric in chosen if metric.applies(task, model)]
    return score(trials, Draws.of(task), problem, chosen, thorough=False).trials


def assert_same(first, second):
    assert (first.n_train, first.seed, first.status) == (second.n_train, second.seed, second.status)
    assert second.scores == pytest.approx(first.scores, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("task", ["norms", "labels"])
def test_a_trials_scores_do_not_depend_on_the_others(task):
    task, model, problem, trials = trained(toys.Small, task)
    together = scored(trials, task, model, problem)
    assert len({(record.n_train, len(record.scores)) for record in together}) == 2
    assert "lie_derivative" in together[0].scores
    for trial, record in zip(trials, together, strict=True):
        assert_same(scored([trial], task, model, problem)[0], record)
    some = scored(trials[::-2], task, model, problem)
    for record, other in zip(together[::-2], some, strict=True):
        assert_same(record, other)


def test_a_diverged_trial_has_no_scores_and_leaves_those_of_the_others():
    task, model, problem, trials = trained(toys.Small)
    healthy = scored(trials, task, model, problem)
    trials[1].diverged = True
    with torch.no_grad():
        for p in trials[4].module.parameters():
            p.fill_(torch.nan)
    records = scored(trials, task, model, problem)
    assert [record.status for record in records] == ["ok", "diverged", "ok", "ok", "diverged", "ok"]
    assert records[1].scores == records[4].scores == {}
    assert records[4].cost["parameters"] > 0
    for place in (0, 2, 3, 5):
        assert_same(healthy[place], records[place])


def test_more_trials_than_fit_are_scored_in_turns(monkeypatch):
    task, model, problem, trials = trained(toys.Small)
    whole = scored(trials, task, model, problem)
    monkeypatch.setattr("symbench.runs.score._TOGETHER", 4)
    for record, other in zip(whole, scored(trials, task, model, problem), strict=True):
        assert_same(record, other)


@pytest.mark.parametrize("model", [toys.Branching, toys.Dropping])
def test_what_cannot_be_stacked_is_scored_one_by_one(model):
    task, model, problem, trials = trained(model, fleet="auto")
    for trial, record in zip(trials, scored(trials, task, model, problem), strict=True):
        assert record.scores == scored([trial], task, model, problem)[0].scores


def test_each_trial_has_the_generator_of_its_own_seed():
    task, model, problem, trials = trained(toys.Small)
    for record in scored(trials, task, model, problem, [Parity]):
        generator = seeded(task.name, task.version, record.seed, "score", "parity")
        assert record.scores == {"parity": record.seed + float(torch.rand(1, generator=generator))}


class Leaves(Parity):
    name = "leaves"

    def score(self, trained, task, generator):
        raise SystemExit(0)


class Cancelled(Parity):
    name = "cancelled"

    def score(self, trained, task, generator):
        raise asyncio.CancelledError


class Interrupts(Parity):
    name = "interrupts"

    def score(self, trained, task, generator):
        raise KeyboardInterrupt


class Endless(Parity):
    name = "endless"

    def score(self, trained, task, generator):
        return torch.inf


class Wordy(Parity):
    name = "wordy"

    def score(self, trained, task, generator):
        return "many"


class Short(Parity):
    name = "short"

    def score_together(self, trials, task, generators):
        return []


@pytest.mark.parametrize("faulty", [Thief, Leaves, Cancelled, Interrupts, Endless, Wordy, Short])
def test_a_plugins_metric_that_gives_no_score_of_its_own_costs_only_its_score(faulty, caplog):
    task, model, problem, trials = trained(toys.Small)
    records = scored(trials, task, model, problem, [*CORE, faulty, Parity])
    without = scored(trials, task, model, problem, [*CORE, Parity])
    assert [record.scores for record in records] == [record.scores for record in without]
    assert f"metric {faulty.name}: " in caplog.text


class Misnamed(Parity):
    name = "error"


class Raising(Parity):
    name = "raising"

    def applies(self, task, model):
        raise RuntimeError("no metric today")


def test_a_plugins_metric_that_cannot_be_asked_or_has_another_name_is_left_out(caplog):
    registry = toys.toy_registry()
    plugin = types.ModuleType("metrics_of_a_stranger")

    @hookimpl
    def symbench_register(registry):
        registry.metric(Misnamed, name="kind")
        registry.metric(Raising)
        registry.metric(Parity)

    plugin.symbench_register = symbench_register
    registry.add(plugin, "stranger", "", "stranger")
    pair, asked = (registry.task("norms"), toys.Small()), ("kind", "raising", "parity")
    assert "parity" not in [m.name for m in metrics_for(registry, *pair)]  # nobody has chosen it
    names = [m.name for m in metrics_for(registry, *pair, asked)]
    assert names[len(names) - 1 :] == ["parity"]
    assert names.count("error") == 1
    assert "metric kind: PluginError: the card says kind 1, the class error 1" in caplog.text
    assert "metric raising: RuntimeError: no metric today" in caplog.text


# What modules and metrics do with what they are handed


class Noisy(odd.Wrapped):
    """Draws from the global generator whenever it is called."""

    def forward(self, x):
        return super().forward(x) + torch.randn(len(x), 1)


@pytest.mark.parametrize("module", [odd.EvalCache, odd.PlainTensor, odd.Calibrated, Noisy])
def test_a_trial_is_scored_with_its_own_state(module):
    task, model, problem, trials = trained(lambda: odd.built(module), fleet="auto")
    together = scored(trials, task, model, problem)
    for trial, record in zip(trials, together, strict=True):
        assert_same(scored([trial], task, model, problem)[0], record)


@pytest.mark.parametrize("module", odd.UNUSUAL)
def test_what_torch_trains_is_scored(module):
    task, model, problem, trials = trained(lambda: odd.built(module), fleet="auto")
    for record in scored(trials, task, model, problem):
        assert record.status == "ok"
        assert {"error", "equivariance_error", "lie_derivative"} <= record.scores.keys()


def test_a_network_that_writes_into_its_input_changes_no_scores():
    before = scored(trials := (honest := trained(toys.Small))[3], *honest[:3])
    writing = trained(lambda: odd.built(odd.WritesIntoInput))
    centring = trained(lambda: odd.built(odd.Centring))
    ways = [scored(own[3], *own[:3]) for own in (writing, centring)]
    for first, second in zip(*ways, strict=True):
        assert_same(first, second)
    after = scored(trials, *honest[:3])
    assert [record.scores for record in after] == [record.scores for record in before]


def test_a_metric_that_writes_into_what_it_gets_changes_no_other_score():
    class Vandal(Parity):
        name = "vandal"

        def score(self, trained, task, generator):
            trained.test.x.zero_(), trained.test.y.zero_(), trained.prediction.zero_()
            return 0.0

    task, model, problem, trials = trained(toys.Small)
    clean = scored(trials, task, model, problem)
    for record, other in zip(
        clean, scored(trials, task, model, problem, (Vandal, *CORE, Parity)), strict=True
    ):
        assert {name: other.scores[name] for name in record.scores} == record.scores


class Meddler(Parity):
    """Writes into everything that the trials of a cell share, and into the trained module."""

    name, version, along_curve = "meddler", "1", True

    def score(self, trained, task, generator):
        for memo in (trained.memo, trained.cell_memo):
            for name in [*memo, "double", "single", "derivative", "true_algebra", "generators"]:
                memo[name] = None
        for parameter in trained.module.parameters():
            parameter.data.zero_()
        return 0.0


class Weight(Parity):
    """Reads the trained module."""

    name, version, along_curve = "weight", "1", True

    def score(self, trained, task, generator):
        return sum(float(p.detach().abs().sum()) for p in trained.module.parameters())


def test_a_plugins_metric_sees_the_trained_module_whatever_another_does_with_it():
    task, model, problem, trials = trained(toys.Small)
    clean = scored(trials, task, model, problem, (*CORE, Weight))
    after = scored(trials, task, model, problem, (*CORE, Meddler, Weight))
    assert [r.scores["weight"] for r in after] == [r.scores["weight"] for r in clean]
    assert all(record.scores["weight"] > 0 for record in clean)


@pytest.mark.parametrize("fleet", ["on", "off"])
def test_the_cores_scores_do_not_depend_on_what_a_plugins_metric_does(fleet):
    clean = scored(trained(toys.Small, fleet=fleet)[3], *trained(toys.Small)[:3], CORE)
    task, model, problem, trials = trained(toys.Small, fleet=fleet)
    changed = scored(trials, task, model, problem, (Meddler, *CORE))
    for before, after in zip(clean, changed, strict=True):
        assert after.scores.pop("meddler") == 0.0
        assert after.scores == before.scores
        assert len(before.scores) > 1


def test_expensive_scores_are_those_of_the_largest_size_unless_the_scores_are_thorough():
    class Costly(Parity):
        name, along_curve = "costly", False

    task, _model, problem, trials = trained(toys.Small)
    for thorough, sizes in ((False, {64}), (True, {16, 64})):
        metrics = [metric() for metric in (Parity, Costly)]
        done = score(trials, Draws.of(task), problem, metrics, thorough=thorough)
        records = done.trials
        assert {r.n_train for r in records if "costly" in r.scores} == sizes
        assert all("parity" in record.scores for record in records)


def test_test_data_that_were_changed_are_refused():
    class Grinding(toys.Norms):
        loss = "own"

        def headline_error(self, prediction, test):
            return float(test.x.mul_(2).sum()) ** 2

    _, model, problem, trials = trained(toys.Small)
    with pytest.raises(PluginError, match="the test data of norms were changed while small"):
        scored(trials[:1], Grinding(), model, problem)


@pytest.mark.parametrize(("symmetry_at", "sizes"), [("all", {16, 64}), ("largest", {64})])
def test_symmetry_is_scored_at_every_size_or_at_the_largest(symmetry_at, sizes):
    task, model, problem, trials = trained(toys.Small)
    chosen = [metric() for metric in CORE if metric().applies(task, model)]
    records = score(
        trials, Draws.of(task), problem, chosen, thorough=False, symmetry_at=symmetry_at
    ).trials
    assert {r.n_train for r in records if "equivariance_error" in r.scores} == sizes
    assert {r.n_train for r in records if "error" in r.scores} == {16, 64}


def test_a_metric_says_why_its_score_is_absent():
    class Reticent(Metric):
        name, version, summary = "reticent", "1", "says why"

        def score(self, trained, task, generator):
            trained.notes["reticent"] = "there is nothing to measure"
            return {}

    task, _model, problem, trials = trained(toys.Small)
    done = score(trials, Draws.of(task), problem, [Reticent()])
    assert done.absent == {"reticent": "there is nothing to measure"}


def test_class_probabilities_are_calibrated():
    class Temperature(Metric):
        name, version, summary = "temperature", "1", "that of the trial"

        def score(self, trained, task, generator):
            return trained.temperature

    temperatures = []
    for factor in (1.0, 0.01):
        task, _model, problem, trials = trained(toys.Small, "labels")
        with torch.no_grad():
            trials[0].module.net[-1].weight.mul_(factor)
            trials[0].module.net[-1].bias.mul_(factor)
        done = score(trials[:1], Draws.of(task), problem, [Temperature()])
        temperatures.append(done.trials[0].scores["temperature"])
    assert temperatures[1] == pytest.approx(0.01 * temperatures[0], rel=1e-3)


class Cached(toys.Small):
    """Divides by the scale of the first large batch that any network has seen."""

    name, scales = "cached", {}

    class _Net(nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            return y if len(x) < 100 else y / Cached.scales.setdefault("first", y.detach().std())

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)


class Constant(Cached):
    """The same with a constant."""

    class _Net(nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            return y if len(x) < 100 else y / Cached.scales.setdefault("first", 2.0)


def test_outputs_that_depend_on_what_was_scored_before_are_refused():
    task, model, problem, trials = trained(Cached)
    with pytest.raises(PluginError, match=r"Cached\.scales changes while cached is scored"):
        scored(trials, task, model, problem)
    Cached.scales.clear()
    task, model, problem, trials = trained(Constant)
    assert [record.status for record in scored(trials, task, model, problem)] == ["ok"] * len(KEYS)
    Cached.scales.clear()
