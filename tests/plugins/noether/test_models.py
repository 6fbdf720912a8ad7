"""The equivariant field of the plane: exact, expressive, and declined for other problems."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_noether.diffusions import RotatingOU
from symbench_noether.models import DriftConfig, EquivariantDrift
from symbench_noether.rings import RingDiffusion

from symbench import Problem, Symmetry
from symbench.groups import SO, O, Scalar, V


def problem(inputs=V, outputs=V, group=None, kind="vectors"):
    group = group or SO(2)
    told = Symmetry(group, inputs(group), outputs(group))
    return Problem(kind, "mse", (told.input.size,), (told.output.size,), told)


def built(view, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return EquivariantDrift().build(view)


def turn(angle):
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, -s], [s, c]], dtype=torch.float64)


@pytest.mark.parametrize("task", [RotatingOU(), RingDiffusion()], ids=lambda task: task.name)
def test_the_field_turns_with_its_point_also_after_calibration(task):
    law = task.symmetry
    module = built(problem(law.input, law.output))
    data = task.sample(200, 0, "train")
    module.calibrate(data.x, data.y)
    module, x = module.double(), data.x.double()
    for angle in (0.3, 2.0, -1.1):
        Q = turn(angle)
        moved = torch.cat([x[:, :2] @ Q.mT, x[:, 2:]], 1)
        assert torch.allclose(module(moved), module(x) @ Q.mT, atol=1e-12, rtol=1e-12)
    assert float(module(x).detach().std()) > 0.01


def test_the_scalar_may_stand_on_either_side_of_the_vector():
    for inputs in (V + Scalar, Scalar + V):
        module = built(problem(inputs)).double()
        x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).double()
        place = slice(0, 2) if inputs == V + Scalar else slice(1, 3)
        moved = x.clone()
        moved[:, place] = x[:, place] @ turn(0.7).mT
        assert torch.allclose(module(moved), module(x) @ turn(0.7).mT, atol=1e-12)


def test_reflections_are_no_symmetry_of_it():
    module, mirror = built(problem()).double(), torch.tensor([1.0, -1.0], dtype=torch.float64)
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)).double()
    violated = module(x * mirror) - module(x) * mirror
    assert float(violated.detach().abs().max()) > 1e-3


def test_it_is_smooth_at_the_origin_and_zero_there():
    module = built(problem()).double()
    zero = torch.zeros(2, dtype=torch.float64)
    assert float(module(zero[None]).abs().max()) == 0
    hessian = torch.autograd.functional.hessian(lambda x: module(x[None])[0, 0], zero)
    assert bool(hessian.isfinite().all())


def test_it_trains_stacked_like_ordinary_layers():
    modules = [built(problem(), seed) for seed in range(3)]
    parameters, buffers = torch.func.stack_module_state(modules)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))

    def call(p, b):
        return torch.func.functional_call(modules[0], (p, b), (x,))

    stacked = torch.func.vmap(call)(parameters, buffers)
    assert torch.allclose(stacked, torch.stack([module(x) for module in modules]), atol=1e-6)


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (Problem("vectors", "mse", (2,), (2,)), "symmetry"),
        (problem(group=O(2)), "rotations"),
        (problem(group=SO(3)), "rotations"),
        (problem(2 * V), "one vector"),
        (problem(V * V), "one vector"),
        (problem(V, V + Scalar), "output"),
        (problem(V, Scalar), "output"),
        (problem(V, 2 * V), "output"),
    ],
)
def test_it_declines_what_has_another_form_and_says_why(view, why):
    assert why in EquivariantDrift().accepts(view)


def test_width_and_depth_are_those_of_the_configuration():
    net = EquivariantDrift(DriftConfig(width=8, depth=1)).build(problem())
    assert sum(p.numel() for p in net.parameters()) == (1 + 1) * 8 + (8 + 1) * 2


def test_a_few_updates_fit_a_rotating_field():
    task, module = RotatingOU(), built(problem())
    x = task.sample(500, 0, "train").x
    y = task.drift(x)
    module.calibrate(x, y)
    optimiser = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        (module(x) - y).square().mean().backward()
        optimiser.step()
    assert float((module(x) - y).square().mean() / y.square().mean()) < 1e-3
