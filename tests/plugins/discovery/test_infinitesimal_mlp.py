"""Networks as vector fields along whose flows a function does not change."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from symbench_discovery.infinitesimal_mlp import Fields, Infinitesimal, InfinitesimalMLP
from symbench_vectors.tasks import O3Inertia, O5Invariant

from symbench.contract import Data, Problem, Symmetry
from symbench.groups import GL, Scalar, V
from symbench.metrics.algebra import Whitening


def of_the_plane(builder=None) -> Problem:
    group = GL(2)
    law = Symmetry(group, V(group), Scalar(group))
    return Problem("vectors", "mse", (2,), (1,), candidate=law, builder=builder)


def circles(n: int) -> Data:
    """|x|² of points of the plane: one field, the rotation, times any function of the radius."""
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(3))
    return Data(x, x.square().sum(1, keepdim=True))


def random_fields() -> Fields:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Fields(Whitening.of(torch.diag(torch.tensor([4.0, 1.0]).double())), 2, 16)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100))
def test_the_flow_is_that_of_an_adaptive_solver(seed):
    fields = random_fields().double()
    drawn = torch.randn(2, 1, 1, 2, generator=torch.Generator().manual_seed(seed)).double()
    u, c = drawn[0], 0.5 * drawn[1, :, 0]
    solved = solve_ivp(
        lambda _, z: (c @ fields(torch.tensor(z).view(1, 1, 2))[0, 0]).detach().numpy()[0],
        (0, 1),
        u.flatten().numpy(),
        rtol=1e-10,
        atol=1e-12,
    )
    end = fields.flow(u, c).detach().flatten()
    assert torch.allclose(end, torch.tensor(solved.y[:, -1]), atol=1e-3)


def test_whitened_copies_are_coloured_back():
    fields = random_fields()
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(fields.coloured(fields.whitened(x)), x, atol=1e-6)


@pytest.mark.slow
def test_the_rotation_of_the_plane_is_found(context, perceptron, stream):
    model, data = InfinitesimalMLP(), circles(400)
    model.config = replace(model.config, channels=1)
    net = model.fit(of_the_plane(perceptron), data, context(data, 2000))
    x = circles(50).x
    field = model.fields(net, x)
    assert field.shape == (1, 50, 2)
    turned = torch.stack([-x[:, 1], x[:, 0]], 1)
    along = (field[0] * turned).sum(1) / (field[0].norm(dim=1) * turned.norm(dim=1))
    assert float(along.abs().median()) > 0.98
    assert float((field[0] * x).sum(1).abs().mean()) < 0.15 * float(field.norm(dim=2).mean())


def test_a_linear_network_is_announced_as_a_matrix():
    fields = random_fields()
    A = torch.tensor([[0.0, -2.0], [1.0, 0.0]])  # in coordinates of the data

    class Linear(torch.nn.Module):
        def forward(self, u):
            return u @ (fields.whiten @ A @ fields.colour).mT

    fields.net, fields.k = Linear(), 1
    module = Infinitesimal(torch.nn.Identity(), fields, torch.eye(1), 2)
    assert torch.allclose(InfinitesimalMLP().generators(module), A[None], atol=1e-5)
    x = torch.randn(4, 2, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(InfinitesimalMLP().fields(module, x)[0], x @ A.mT, atol=1e-5)


def test_it_declines_outputs_that_are_turned_and_the_quick_tier():
    model = InfinitesimalMLP()
    told = O3Inertia()
    turned = Problem("vectors", "mse", told.input_shape, told.output_shape, candidate=told.layout())
    assert "is turned" in model.accepts(turned)
    task = O5Invariant()
    five = Problem("vectors", "mse", (10,), (1,), candidate=task.layout())
    assert model.accepts(five) is None
    assert "standard or full" in InfinitesimalMLP.for_tier("quick").accepts(five)


def test_before_fit_it_announces_nothing(perceptron):
    model = InfinitesimalMLP()
    net = model.build(of_the_plane(perceptron))
    assert len(model.generators(net)) == 0
    assert model.fields(net, torch.ones(3, 2)).shape == (0, 3, 2)
