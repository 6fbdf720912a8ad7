"""A captured update gives the same result as an eager one; CUDA's graph is emulated here."""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass
from functools import partial

import odd_losses
import odd_modules as odd
import pytest
import torch
import toys
from emulated_graph import EmulatedGraph
from torch import nn

from symbench import Recipe
from symbench import draws as drawing
from symbench.contract import seeded
from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.runs.cell import run_cell
from symbench.runs.plan import Selection, make_plan
from symbench.training import cuda_graph
from symbench.training import train as training
from symbench.training.cuda_graph import Replay
from symbench.training.objective import batch_indices
from symbench.training.setup import Capture, TrainingSetup, TrialKey
from symbench.training.train import train
from symbench.training.update import Update

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
KEYS = [TrialKey(n, seed) for n in (16, 64) for seed in range(3)]
UPDATES = 120  # two blocks of indices and a part of the third
EAGER = 3


class Free(toys.Told):
    """The toy network under any recipe."""

    name = "free"

    @dataclass
    class Config(toys.Small.Config):
        recipe: Recipe = Recipe()  # noqa: RUF009 - frozen

    def recipe(self, problem):
        return self.config.recipe


def under(**recipe):
    return Free(Free.Config(recipe=Recipe(**{"batch_size": 32, **recipe})))


class Graphs(list):
    """Makes emulated graphs of a kind, and lists them."""

    def __init__(self, kind=EmulatedGraph):
        self.kind = kind

    def __call__(self):
        self.append(self.kind())
        return self[-1]


def setup_of(model, graph=None, *, task=TASK, fleet="on", updates=UPDATES):
    problem_of = partial(make_problem, REGISTRY, task, model)
    device = torch.device("cpu")
    return TrainingSetup(
        Draws.of(task), model, problem_of, updates, device, fleet=fleet, graph=graph
    )


def state(trials):
    return [(t.diverged, *t.module.state_dict().values()) for t in trials]


def same(first, second):
    assert len(first) == len(second)
    for (diverged, *a), (also, *b) in zip(state(first), state(second), strict=True):
        assert diverged == also
        assert all(torch.equal(p.nan_to_num(7), q.nan_to_num(7)) for p, q in zip(a, b, strict=True))


def both(model, **where):
    """Train eagerly and by graphs, assert that both are equal, and return the latter."""
    graphs = Graphs()
    eager, replayed = (train(setup_of(model, make, **where), KEYS) for make in (None, graphs))
    same(eager, replayed)
    assert {trial.capture for trial in replayed} == {Capture(True, "replayed")}
    assert {trial.capture for trial in eager} == {Capture(False, "device")}
    assert {graph.replays for graph in graphs} == {where.get("updates", UPDATES) - EAGER}
    return replayed


@pytest.fixture(autouse=True)
def _unbroken(monkeypatch):
    """A failed capture of one test is not one of the next."""
    monkeypatch.setattr(cuda_graph, "_broken", [])


RECIPES = {
    "adam, cosine": {},
    "adam, constant": {"schedule": "constant"},
    "adamw, exponential, decay": {
        "optimiser": "adamw", "schedule": "exponential", "weight_decay": 0.1,
    },
    "sgd, cosine, decay": {"optimiser": "sgd", "learning_rate": 0.01, "weight_decay": 0.01},
    "augmented": {"augment": True},
    "penalty": {"penalty": 1.0},
    "augmented with penalty": {"augment": True, "penalty": 0.3, "optimiser": "sgd"},
    "best-valid": {"selection": "best-valid", "learning_rate": 0.05},
    "best-valid with penalty": {"selection": "best-valid", "penalty": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_replayed_updates_are_the_updates(recipe):
    trials = both(under(**recipe))
    assert {trial.stacked for trial in trials} == {len(KEYS) / 2}  # of one n_train


@pytest.mark.parametrize(("fleet", "updates"), [("on", UPDATES), ("off", 55)])
def test_stacks_and_trials_one_by_one_are_captured_each(fleet, updates):
    both(under(penalty=0.5), fleet=fleet, updates=updates)


@pytest.mark.parametrize("updates", [4, 50, 51, 101])
def test_the_ends_of_blocks(updates):
    both(under(augment=True), updates=updates)


def test_labels():
    both(under(), task=REGISTRY.task("labels"))


def test_a_loss_of_the_tasks_own_under_permutations():
    both(under(augment=True, penalty=0.1, batch_size=8), task=odd_losses.Signs(), updates=60)


def test_a_diverging_trial_beside_healthy_ones(monkeypatch):
    draw = drawing._draw

    def poisoned(draws, n, seed, split):
        data = draw(draws, n, seed, split)
        if (n, seed, split) == (64, 1, "train"):
            data = type(data)(data.x, data.y.clone())
            data.y[5] = torch.inf  # one example, which some batches only contain
        return data

    monkeypatch.setattr(drawing, "_draw", poisoned)
    trials = both(under(batch_size=8))
    assert [trial.diverged for trial in trials] == [False] * 4 + [True] + [False]


@pytest.mark.parametrize("updates", [1, 2, 3])
def test_a_short_training_has_nothing_to_replay(updates):
    graphs = Graphs()
    trials = train(setup_of(under(), graphs, updates=updates), KEYS)
    same(trials, train(setup_of(under(), updates=updates), KEYS))
    assert trials[0].capture == Capture(False, "short")
    assert not graphs


def test_the_losses_are_those_of_the_last_update():
    reported = {}

    for graph in (None, Graphs()):
        found = reported[graph is None] = []
        where = {
            **vars(setup_of(under(), graph)),
            "progress": lambda s, to=found: to.append(s.loss),
        }
        train(TrainingSetup(**where), KEYS)
    assert reported[True] == reported[False]
    assert len(reported[True]) == 20


# what cannot be captured


class Refusing(EmulatedGraph):
    def capture_begin(self):
        raise RuntimeError("no graphs today\nand a page of advice")


class Breaking(EmulatedGraph):
    """Breaks at the optimiser's operation, and then cannot be ended either."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = super().__torch_dispatch__(func, types, args, kwargs)
        if func._schema.name.startswith("aten::_fused"):
            raise RuntimeError("operation not permitted when stream is capturing")
        return result

    def capture_end(self):
        super().capture_end()
        raise RuntimeError("operation failed due to a previous error during capture")


class Endless(EmulatedGraph):
    def capture_end(self):
        super().capture_end()
        raise RuntimeError("cannot be instantiated")


@pytest.mark.parametrize(
    ("kind", "optimiser", "reason"),
    [
        (Refusing, "adam", "RuntimeError: no graphs today"),
        (Breaking, "adam", "RuntimeError: operation not permitted when stream is capturing"),
        (Breaking, "adamw", "RuntimeError: operation not permitted when stream is capturing"),
        (Breaking, "sgd", "RuntimeError: operation not permitted when stream is capturing"),
        (Endless, "adam", "RuntimeError: cannot be instantiated"),
    ],
)
def test_a_capture_that_fails_leaves_the_training_as_it_was(kind, reason, optimiser, caplog):
    model = under(augment=True, optimiser=optimiser)
    graphs = Graphs(kind)
    with caplog.at_level(logging.WARNING):
        trials = train(setup_of(model, graphs, updates=20), KEYS[3:])
    same(trials, train(setup_of(model, updates=20), KEYS[3:]))
    assert {trial.capture for trial in trials} == {Capture(False, reason)}
    assert [record.getMessage().endswith(reason) for record in caplog.records] == [True]
    assert len(graphs) == 1


class Reading(toys.Small):
    """Makes a tensor of Python numbers at every step: on a GPU, a copy that the host waits for."""

    name = "reading"

    class _Net(nn.Linear):
        def forward(self, x):
            return super().forward(x) * torch.tensor([2.0])

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)


class Solving(Reading):
    """Inverts a matrix, which raises if it is singular: the host looks."""

    name = "solving"

    class _Net(nn.Linear):
        def forward(self, x):
            return super().forward(x) @ torch.linalg.inv(torch.eye(1) + self.bias.square())


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (toys.Dropping, "draws random numbers"),
        (toys.Branching, "aten::_local_scalar_dense needs the host"),
        (Reading, "aten::lift_fresh needs the host"),
        (Solving, "aten::_linalg_check_errors needs the host"),
    ],
)
def test_what_a_graph_would_freeze_is_seen_before_the_capture(model, reason, caplog):
    graphs = Graphs()
    trials = train(setup_of(model(), graphs, fleet="auto", updates=20), KEYS[:1])
    same(trials, train(setup_of(model(), fleet="auto", updates=20), KEYS[:1]))
    assert not trials[0].capture.captured
    assert trials[0].capture.reason.endswith(reason)
    assert not graphs
    assert len(caplog.records) == 1


@pytest.mark.parametrize("module", [odd.FilledInForward, odd.AssignedBuffer, odd.Outside])
def test_updates_that_assign_attributes_are_not_captured(module, caplog):
    graphs, model = Graphs(), odd.built(module)
    trials = train(setup_of(model, graphs, fleet="auto", updates=20), KEYS[:1])
    same(trials, train(setup_of(model, fleet="auto", updates=20), KEYS[:1]))
    assert trials[0].capture == Capture(False, "state: a call assigns attributes")
    assert not graphs
    assert len(caplog.records) == 1


def test_state_that_no_call_changes_is_captured():
    model, graphs = odd.built(odd.PlainTensor), Graphs()
    trials = train(setup_of(model, graphs, fleet="auto", updates=20), KEYS[:2])
    same(trials, train(setup_of(model, fleet="auto", updates=20), KEYS[:2]))
    assert {trial.stacking.reason for trial in trials} == {"state"}
    assert len(graphs) == 2


# the graph and what it reads


def replay(model, keys=KEYS[3:]):
    """A stack in training, the Replay that takes its updates, and the graphs that it makes."""
    setup, graphs = setup_of(model), Graphs()
    stack = Update([training._prepare(setup, key) for key in keys], model.recipe(None), setup)
    return stack, Replay(stack, setup.device, graphs), graphs


def test_all_that_a_graph_reads_lives_as_long_as_the_stack():
    stack, take, graphs = replay(under(augment=True, penalty=1.0))
    for update in range(EAGER + 1):
        take(update)
    inputs = graphs[0].forget()
    gc.collect()
    assert len(inputs) > 10
    assert not any(reference.expired() for reference in inputs)
    del stack


def test_every_update_takes_the_next_batch_that_is_drawn():
    stack, _, _ = replay(under(batch_size=8))
    objective, seen = stack._objective, []
    for update in range(60):
        objective.prepare(update)
        objective(lambda x: seen.append(x) or x[..., :1])
    for row, key in enumerate(KEYS[3:]):
        generator = seeded(TASK.name, TASK.version, key.seed, key.n_train, "batches")
        drawn = [batch_indices(64, 8, 50, generator) for _ in range(2)]
        x = TASK.sample(64, key.seed, "train").x
        assert torch.equal(torch.stack(seen)[:, row], x[torch.cat(drawn)[:60]])


def test_a_loss_that_was_infinite_once_is_remembered():
    stack, take, _ = replay(under(optimiser="sgd", learning_rate=0.01))
    for update in range(5):
        take(update)
    y = stack._objective.y
    state = [y, *stack.parameters.values()]
    state += [own["momentum_buffer"] for own in stack._optimiser.state.values()]
    kept = [tensor.detach().clone() for tensor in state]
    with torch.no_grad():
        y[1] = torch.inf
        take(5)
        for tensor, before in zip(state, kept, strict=True):
            tensor.copy_(before)
    for update in range(6, 10):
        take(update)
    assert bool(stack.losses.isfinite().all())
    stack.finish()
    assert [trial.diverged for trial in stack._trials] == [False, True, False]


def test_the_emulated_graph_shows_what_python_has_fixed():
    total, rows, rate = torch.zeros(2), torch.arange(6.0).view(3, 2), torch.tensor(1.0)
    at = torch.zeros(1, dtype=torch.long)
    for update in range(2):
        graph = EmulatedGraph()
        graph.capture_begin()
        total.add_(rows[update])
        made = total * rate
        at.add_(1)
        total.add_(rows.index_select(0, at)[0])
        graph.capture_end()
        assert total.tolist() == [0, 0]  # a capture carries nothing out
        assert at.tolist() == [0]
        assert bool(made.isnan().all())
    rate.fill_(10.0)
    graph.replay()
    assert made.tolist() == [20, 30]  # the slice of the capture, the rate of now
    assert total.tolist() == [2 + 2, 3 + 3]
    graph.replay()
    assert total.tolist() == [4 + 2 + 4, 6 + 3 + 5]


def test_a_record_says_whether_updates_were_replayed():
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",), "smoke"))
    provenance = run_cell(REGISTRY, cell).provenance
    assert provenance["capture"] == {"captured": False, "reason": "device"}
    assert provenance["tf32"] is False


def test_after_a_failed_capture_there_is_no_other(monkeypatch):
    monkeypatch.setattr(cuda_graph, "_broken", [EmulatedGraph()])
    graphs = Graphs()
    (trial, *_) = train(setup_of(under(), graphs, updates=5), KEYS[:2])
    assert graphs == []
    assert trial.capture == Capture(False, "an earlier capture of this process failed")
