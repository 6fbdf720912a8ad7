"""The networks of scalars and vectors on bodies commute with E(3) and with permutations."""

from __future__ import annotations

import pytest
import torch
from symbench_dynamics.charged import NBodyCharged
from symbench_dynamics.steered import SEGNN, PaiNN, SteerableLinear, SteeredConfig, edges

import symbench
from symbench import seeded
from symbench.groups import O

B, D = 5, 3


def states(n: int = 8) -> torch.Tensor:
    return torch.randn(n, 7 * B, generator=seeded("states"), dtype=torch.float64)


@pytest.fixture(params=[PaiNN, SEGNN], ids=lambda model: model.name)
def network(request):
    model = request.param
    problem = symbench.problem(NBodyCharged(), model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model(SteeredConfig(width=8, depth=2)).build(problem).double().eval()


def parts(x):
    return x[:, :B], x[:, B : B + B * D].view(-1, B, D), x[:, B + B * D :].view(-1, B, D)


def join(q, x, v):
    return torch.cat([q, x.flatten(1), v.flatten(1)], 1)


@torch.no_grad()
def test_rotations_and_reflections_commute_with_it(network):
    q, x, v = parts(states())
    g = O(3).sample(len(q), seeded("g"))
    y = network(join(q, x, v)).view(-1, B, D)
    moved = network(join(q, x @ g.mT, v @ g.mT)).view(-1, B, D)
    assert float((moved - y @ g.mT).norm() / y.norm()) < 1e-12


@torch.no_grad()
def test_translations_move_places_alike(network):
    q, x, v = parts(states())
    shift = torch.tensor([1.0, -2.0, 3.0]).double()
    y = network(join(q, x, v)).view(-1, B, D)
    moved = network(join(q, x + shift, v)).view(-1, B, D)
    assert float((moved - y - shift).norm() / y.norm()) < 1e-12


@torch.no_grad()
def test_permuted_bodies_have_permuted_outputs(network):
    q, x, v = parts(states())
    order = torch.tensor([3, 0, 4, 1, 2])
    y = network(join(q, x, v)).view(-1, B, D)
    moved = network(join(q[:, order], x[:, order], v[:, order])).view(-1, B, D)
    assert float((moved - y[:, order]).norm() / y.norm()) < 1e-12


@torch.no_grad()
def test_a_distant_body_s_charge_and_velocity_matter(network):
    q, x, v = parts(states())
    y = network(join(q, x, v)).view(-1, B, D)[:, 0]
    for other in (join(q * torch.tensor([1.0, 1, 1, 1, -1]), x, v),
                  join(q, x, v + torch.eye(B).double()[-1][:, None])):  # fmt: skip
        assert float((network(other).view(-1, B, D)[:, 0] - y).norm()) > 1e-6


def test_a_steerable_map_is_bilinear_in_vectors_and_attribute():
    layer = SteerableLinear((2, 3), (4, 5)).double()
    stream = seeded("steerable")
    s, V, a = (torch.randn(*k, generator=stream).double() for k in ((6, 2), (6, 3, 3), (6, 3)))
    g = O(3).sample(6, seeded("g"))
    out, vectors = layer(s, V, a)
    moved, turned = layer(s, g @ V, (g @ a[..., None])[..., 0])
    assert torch.allclose(out, moved, atol=1e-12)
    assert torch.allclose(g @ vectors, turned, atol=1e-12)


def test_directions_vanish_for_a_body_and_itself_and_stay_below_one():
    q, x, _ = parts(states())
    e, r = edges(q, 100 * x)
    assert float(r.diagonal(dim1=1, dim2=2).abs().max()) == 0
    assert float(r.norm(dim=-1).max()) < 1
    assert e.isfinite().all()
