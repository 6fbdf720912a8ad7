"""The symmetric share is what averaging a trained network over the group removes of its error."""

import math
from dataclasses import replace
from functools import lru_cache

import pytest
import torch
from known_tasks import Angle, Function, Labels, Minkowski, constant, perceptron, trained

import symbench
from symbench.contract import Data
from symbench.groups import Group, V
from symbench.metrics import EquivarianceError, Error, SymmetricShare
from symbench.metrics.network import acted

INPUTS = 16_000
TASKS = ("o5-invariant", "o3-inertia", "so3-cross", "hidden-conjugate")


@lru_cache
def learned(name):
    """A trial of a perceptron after 300 updates on 1,000 examples."""
    task = symbench.task(name)
    data = task.sample(1000, 0, "train")
    net = perceptron(task.input_shape[0], task.output_shape[0], 0)
    net.train()
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    scale = data.y.var(0).sum().sqrt()
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        some = torch.randint(1000, (128,), generator=generator)
        loss = ((net(data.x[some]) - data.y[some]) / scale).square().sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    test = task.sample(INPUTS, 0, "test")  # the identity is one of expectations over inputs
    with torch.no_grad():
        prediction = net.eval()(test.x)
    return task, replace(trained(task, net), test=test, prediction=prediction)


def averaged(task, net, x, count):
    """The mean of rho_out(g)⁻¹ f(rho_in(g) x) over ``count`` elements for each x, [n, outputs]."""
    group = task.symmetry.group
    g = group.sample(count * len(x), torch.Generator().manual_seed(7))
    repeated = x.double().repeat(count, 1)[:, None]
    with torch.no_grad():
        moved = net(acted(task.symmetry.input, g, repeated)[:, 0])
    back = acted(task.symmetry.output, torch.linalg.inv(g), moved[:, None])[:, 0]
    return back.view(count, len(x), -1).mean(0)


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_the_share_is_what_averaging_removes(name):
    task, trial = learned(name)
    share = SymmetricShare().score(replace(trial, memo={}), task, None)
    count, x, y = 20, trial.test.x.double(), trial.test.y.double()
    before, after = (
        (values - y).square().sum(1)
        for values in (trial.double(x).detach(), averaged(task, trial.double, x, count))
    )
    # the mean of ``count`` values still has that part of their variance
    removed = (before - after) / (1 - 1 / count)
    gap = removed - share * before
    uncertainty = float(gap.std()) / math.sqrt(INPUTS)
    assert uncertainty < 0.15 * float(removed.mean())
    assert abs(float(gap.mean())) < 3 * uncertainty
    assert 0.1 < share < 1


@pytest.mark.slow
def test_the_share_is_the_quotient_of_two_scores():
    task, trial = learned("o5-invariant")
    error = Error().score(trial, task, None)
    violation = EquivarianceError().score(trial, task, None)["equivariance_error"]
    assert SymmetricShare().score(trial, task, None) == pytest.approx(violation**2 / error)


def test_an_equivariant_function_has_no_share():
    found = SymmetricShare().score(
        trained(Angle(), Function(lambda x: Angle().target(x) + 1)), Angle(), None
    )
    assert found < 1e-20


def test_where_inputs_are_not_invariant_the_reason_is_given():
    class Shifted(Angle):
        def inputs(self, x):
            return x + torch.eye(10)[0]

    trial = trained(Shifted(), perceptron(10, 1, 0))
    assert SymmetricShare().score(trial, Shifted(), None) == {}
    assert "not invariant" in trial.notes["symmetric_share"]


def test_a_perfect_model_has_no_error_to_share():
    class Sign(Angle):
        def target(self, x):
            return x[:, :1].sign()

    trial = trained(Sign(), Function(Sign().target))
    assert SymmetricShare().score(trial, Sign(), None) == {}
    assert "no error" in trial.notes["symmetric_share"]


def test_a_function_that_does_not_vary_has_no_share():
    trial = trained(Angle(), constant(1.0))
    assert SymmetricShare().score(trial, Angle(), None) == {}
    assert "does not vary" in trial.notes["symmetric_share"]


def test_only_a_regression_under_a_compact_group_with_a_haar_sampler_has_a_share():
    class Tilted(Group):
        sampler_law = "angle uniform in [0, 1]"

        def __init__(self):
            super().__init__("Tilted", torch.tensor([[[0.0, -1.0], [1.0, 0.0]]]))

        def sample(self, count, generator):
            return torch.eye(2).double().expand(count, 2, 2)

    class Partial(Angle):
        @property
        def symmetry(self):
            return symbench.Symmetry(Tilted(), (5 * V)(Tilted()), V(Tilted()))

        def sample(self, n, seed, split):
            return Data(torch.ones(n, 10), torch.ones(n, 2))

    assert SymmetricShare().applies(Angle(), None)
    for other in (Labels(), Minkowski(), Partial(), symbench.task("no-symmetry")):
        assert not SymmetricShare().applies(other, None)
