"""Models: the tasks that they accept, the equivariance of told ones, and fleet training."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import symbench_baselines
import symbench_emlp
import symbench_scalars
import torch
from symbench_dynamics.models import (
    HNNEMLP,
    HNNMLP,
    LNN,
    SRNN,
    HNNScalars,
    NodeEMLP,
    NodeMLP,
    NodeScalars,
    PortHNN,
)

from symbench import Data, InputError, Symmetry, Task
from symbench.draws import Draws
from symbench.groups import SO, O, Trivial, V
from symbench.registry import Registry
from symbench.registry.problem import make_problem
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

ALL = [NodeMLP, NodeEMLP, NodeScalars, HNNMLP, HNNEMLP, HNNScalars, SRNN, LNN, PortHNN]
TOLD = [NodeEMLP, NodeScalars, HNNEMLP, HNNScalars]
UNTOLD = [model for model in ALL if model not in TOLD]
VERTICAL = O(2) * Trivial(1)


class Oscillators(Task):
    """Two uncoupled oscillators in space: 4 V of O(2) about the vertical; H = ½ |x|² + z₁ + z₂."""

    name, version, summary = "oscillators", "1", "two oscillators under gravity"
    kind = "trajectory"
    sizes = dict.fromkeys(("smoke", "quick", "full"), (16, 48))
    input_shape, output_shape = (12,), (3, 12)
    times = (0.0, 0.2, 0.4)
    test_size, valid_size = 64, 16

    @property
    def symmetry(self):
        return Symmetry(VERTICAL, (4 * V)(VERTICAL), (4 * V)(VERTICAL))

    @property
    def ambient(self):
        return O(3)

    def sample(self, n, seed, split):
        x = torch.randn(n, 12, generator=self.generator(seed, split))
        centre = torch.tensor([0.0, 0, -1, 0, 0, -1, 0, 0, 0, 0, 0, 0])
        q, p = (x - centre).chunk(2, -1)
        t = torch.tensor(self.times)[:, None]
        path = [
            q[:, None] * t.cos() + p[:, None] * t.sin(),
            p[:, None] * t.cos() - q[:, None] * t.sin(),
        ]
        return Data(x, torch.cat(path, -1) + centre)


class Rates(Oscillators):
    """The same system with rates of change as targets."""

    name, times, output_shape = "rates", (), (12,)

    def sample(self, n, seed, split):
        x = torch.randn(n, 12, generator=self.generator(seed, split))
        return Data(x, self.target(x))

    def target(self, x):
        q, p = x.chunk(2, -1)
        return torch.cat([p, -q - torch.tensor([0.0, 0, 1, 0, 0, 1], dtype=x.dtype)], -1)


def registry():
    found = Registry()
    for plugin in (symbench_baselines, symbench_emlp, symbench_scalars):
        found.add(plugin, plugin.__name__, "1", "tests")
    return found


REGISTRY = registry()
TASKS = [Oscillators(), Rates()]


def view(model, task=TASKS[0], **changes):
    return replace(make_problem(REGISTRY, task, model), **changes)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def built(model, task, **options):
    torch.manual_seed(0)
    module = model.for_tier("quick", **options).build(view(model, task))
    data = task.sample(200, 0, "train")
    module.calibrate(data.x, data.y)
    return module.double()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("model", ALL)
def test_outputs_have_the_shape_of_the_targets_and_are_finite(model, task):
    if model is LNN and task.times:
        assert "not on trajectories" in model().accepts(view(model, task))
        return
    assert model().accepts(view(model, task)) is None
    with torch.no_grad():
        y = built(model, task)(normal(5, 12))
    assert y.shape == (5, *task.output_shape)
    assert y.dtype == torch.float64
    assert bool(y.isfinite().all())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("model", TOLD)
def test_a_told_model_is_equivariant(model, task):
    module, rep = built(model, task), task.symmetry.input
    x, g = normal(32, 12), VERTICAL.sample(32, torch.Generator().manual_seed(1))
    shape = (32, -1, 12)
    with torch.no_grad():
        moved = module(rep.act(g, x)).reshape(shape)
        expected = rep.act(g[:, None], module(x).reshape(shape))
        turned = module(rep.act(SO(3).sample(32, torch.Generator().manual_seed(2)), x))
    torch.testing.assert_close(moved, expected, atol=1e-10, rtol=1e-10)
    assert float((turned.reshape(shape).norm(dim=-1) - moved.norm(dim=-1)).abs().max()) > 1e-3


@pytest.mark.parametrize("model", [HNNEMLP, HNNScalars])
def test_an_invariant_hamiltonian_keeps_the_angular_momentum(model):
    module = built(model, TASKS[0], integrator="implicit-midpoint")
    x = normal(4, 12)
    with torch.no_grad():
        path = module.flow(x, torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    q, p = path.unflatten(-1, (2, 2, 3)).unbind(-3)
    moment = torch.linalg.cross(q, p)[..., 2].sum(-1)
    torch.testing.assert_close(moment, moment[:, :1].expand_as(moment), atol=1e-9, rtol=0)


def test_the_scalars_are_shown_gravity_and_the_difference_of_positions():
    module = HNNScalars().build(view(HNNScalars))
    x = normal(3, 12).float()
    extra = module.net.matrix @ x.T
    torch.testing.assert_close(extra[3:].T, x[:, :3] - x[:, 3:6])
    torch.testing.assert_close(module.net.offset.abs(), torch.tensor([0.0, 0, 1, 0, 0, 0]))


@pytest.mark.parametrize("model", [NodeMLP, HNNMLP])
def test_a_trial_does_not_depend_on_its_fleet(model):
    keys = [TrialKey(n, seed) for n in (16, 48) for seed in range(2)]

    def outputs(fleet):
        setup = TrainingSetup(
            Draws.of(TASKS[0]), model(), partial(make_problem, REGISTRY, TASKS[0], model), 8,
            torch.device("cpu"), fleet=fleet,
        )  # fmt: skip
        trials = train(setup, keys)
        x = TASKS[0].sample(8, 0, "test").x
        return {trial.stacked for trial in trials}, torch.stack(
            [trial.module(x).detach() for trial in trials]
        )

    (together, stacked), (alone, single) = outputs("on"), outputs("off")
    assert (together, alone) == ({2}, {1})
    torch.testing.assert_close(stacked, single, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("model", [HNNEMLP, HNNScalars, NodeEMLP, NodeScalars, SRNN, LNN, PortHNN])
def test_every_model_stacks(model):
    setup = TrainingSetup(
        Draws.of(TASKS[1]), model(), partial(make_problem, REGISTRY, TASKS[1], model), 2,
        torch.device("cpu"), fleet="on",
    )  # fmt: skip
    trials = train(setup, [TrialKey(8, 0), TrialKey(8, 1)])
    assert [trial.stacked for trial in trials] == [2, 2]
    assert not any(trial.diverged for trial in trials)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "vectors"}, "not vectors data"),
        ({"input_shape": (4, 3)}, r"not inputs \[4, 3\]"),
        ({"output_shape": (6,)}, "neither the field nor the trajectory"),
        ({"output_shape": (12,)}, "neither the field nor the trajectory"),
        ({"input_shape": (3,), "output_shape": (3, 3)}, "as many positions as momenta"),
        ({"builder": None}, "no backbone 'mlp'"),
    ],
)
def test_what_is_no_motion_of_a_state_is_declined(changes, why):
    reason = HNNMLP().accepts(view(HNNMLP, **changes))
    with pytest.raises(InputError, match=why):
        raise InputError(reason)


def test_a_neural_ode_takes_states_of_odd_size():
    assert NodeMLP().accepts(view(NodeMLP, input_shape=(3,), output_shape=(3, 3))) is None


@pytest.mark.parametrize(("tier", "sizes"), [("quick", [32, 128]), ("full", [500, 500])])
def test_batches_of_trajectories_are_smaller_in_the_quick_tier(tier, sizes):
    model = HNNMLP.for_tier(tier)
    assert [model.recipe(view(HNNMLP, task)).batch_size for task in TASKS] == sizes


def test_asking_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    HNNMLP().accepts(view(HNNMLP))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.statistics
def test_a_hamiltonian_network_learns_the_oscillator():
    """200 updates on 400 states: a mean squared error below a tenth of the variance."""
    setup = TrainingSetup(
        Draws.of(TASKS[1]),
        HNNMLP(),
        partial(make_problem, REGISTRY, TASKS[1], HNNMLP),
        200,
        torch.device("cpu"),
    )
    (trial,) = train(setup, [TrialKey(400, 0)])
    test = TASKS[1].sample(100, 0, "test")
    error = (trial.module(test.x) - test.y).square().mean() / test.y.var()
    assert error.item() < 0.1
