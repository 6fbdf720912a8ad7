"""The models: what they accept, whether they are equivariant, and whether they learn."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
import symbench_emlp
import torch
from symbench_emlp.models import EMLP, EMLPO3, EMLPSO2, EMLPSO3, EMLPSO5
from symbench_emlp.soft import SoftEMLP
from torch import nn
from torch.func import functional_call, jvp, stack_module_state, vmap

from symbench import Problem, Symmetry
from symbench.groups import SO, SU, D, Lorentz, O, S, Scalar, Standardised, Trivial, V
from symbench.registry.registration import Registration

MODELS = [EMLP, EMLPSO3, EMLPO3, EMLPSO2, EMLPSO5]
SMALL = {"channels": 32, "layers": 2}


def problem(group, source, target, kind="vectors", told=True):
    rep_in, rep_out = source(group), target(group)
    symmetry = Symmetry(group, rep_in, rep_out) if told else None
    return Problem(kind, "mse", (rep_in.size,), (rep_out.size,), symmetry)


def built(group, source, target, seed=0, model=EMLP, **options):
    torch.manual_seed(seed)
    return model.for_tier("quick", **{**SMALL, **options}).build(problem(group, source, target))


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def relative_error(module, group, source, target, dtype):
    rep_in, rep_out = source(group), target(group)
    x = normal(256, rep_in.size, dtype=dtype)
    g = group.sample(256, torch.Generator().manual_seed(1)).to(dtype)
    with torch.no_grad():
        y = module(x)
        difference = module(rep_in.act(g, x)) - rep_out.act(g, y)
    variance = (y - y.mean(0)).square().sum(1).mean()
    return float((difference.square().sum(1).mean() / (2 * variance)).sqrt())


CASES = [
    (SO(3), 1e-5, 1e-12),
    (O(3), 1e-5, 1e-12),
    (SO(2) * Trivial(1), 1e-5, 1e-12),
    (O(5), 1e-5, 1e-12),
    (S(4), 1e-5, 1e-12),
    (D(4), 1e-5, 1e-12),
    (SU(2), 1e-5, 1e-12),
    (Lorentz(), 1e-3, 1e-10),
]


@pytest.mark.parametrize(("group", "single", "double"), CASES, ids=str)
def test_the_calibrated_network_is_equivariant(group, single, double):
    source, target = Scalar + 3 * V, Scalar + V * V
    module = built(group, source, target, channels=64)
    module.calibrate(normal(50, source(group).size, seed=2), normal(50, target(group).size, seed=3))
    assert relative_error(module, group, source, target, torch.float32) < single
    assert relative_error(module.double(), group, source, target, torch.float64) < double


def test_a_network_for_a_smaller_group_breaks_the_larger_one_visibly():
    source, target = 3 * V, V
    module = built(O(3), source, target, model=EMLPSO2).double()
    assert relative_error(module, SO(2) * Trivial(1), source, target, torch.float64) < 1e-12
    assert relative_error(module, O(3), source, target, torch.float64) > 0.05


def test_rotations_are_respected_and_mirrors_are_not():
    source, target = 3 * V, Scalar + V
    module = built(O(3), source, target, model=EMLPSO3, channels=64).double()
    assert relative_error(module, SO(3), source, target, torch.float64) < 1e-12
    assert relative_error(module, O(3), source, target, torch.float64) > 0.01


def test_every_card_says_what_its_class_says():
    registration = Registration("symbench_emlp")
    symbench_emlp.symbench_register(registration)
    assert {card.load() for card in registration.cards} == {*MODELS, SoftEMLP}
    for card in registration.cards:
        model = card.load()
        assert card.details == {"prior": model.prior, "equivariant": model.name == "emlp"}
        assert (card.name, card.version) == (model.name, model.version)
        assert card.summary == model.summary


def test_registration_needs_no_torch():
    code = "import sys, symbench_emlp; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=path_of(sys.path), check=False)
    assert done.returncode == 0


def path_of(folders):
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


@pytest.mark.parametrize("model", MODELS)
def test_what_cannot_be_acted_on_is_declined_with_a_reason(model):
    candidate = model.for_tier("quick")
    assert "vectors" in candidate.accepts(problem(O(4), 2 * V, Scalar, kind="image"))
    assert "told" in candidate.accepts(problem(O(4), 2 * V, Scalar, told=False))


def test_a_given_group_of_another_dimension_is_declined():
    reason = EMLPSO3.for_tier("quick").accepts(problem(O(5), 2 * V, Scalar))
    assert "dimensions" in reason


@pytest.mark.parametrize("model", MODELS[1:])
def test_a_named_model_declines_its_own_group(model):
    candidate = model.for_tier("quick")
    assert "same as emlp" in candidate.accepts(problem(candidate.given(), 2 * V, Scalar))


def test_a_named_model_accepts_other_groups_of_its_dimension():
    task = problem(O(3), 5 * Scalar + 5 * V, V * V)
    assert EMLPSO3.for_tier("quick").accepts(task) is None
    assert EMLPSO2.for_tier("quick").accepts(task) is None
    assert "same as emlp" in EMLPO3.for_tier("quick").accepts(task)


def test_shapes_that_the_symmetry_does_not_fill_are_declined():
    group = O(3)
    task = Problem("vectors", "mse", (7,), (1,), Symmetry(group, (2 * V)(group), Scalar(group)))
    assert "maps 6 to 1 coordinates" in EMLP.for_tier("quick").accepts(task)


def test_too_few_channels_for_the_group_are_declined():
    assert "at least" in EMLP.for_tier("quick", channels=8).accepts(problem(O(5), V, Scalar))


def test_so5_and_o5_have_networks_of_one_architecture():
    model = EMLP.for_tier("full")
    shapes = [
        [tuple(p.shape) for p in model.build(problem(group, 2 * V, Scalar)).parameters()]
        for group in (O(5), SO(5))
    ]
    assert shapes[0] == shapes[1]
    reason = EMLPSO5.for_tier("full").accepts(problem(O(5), 2 * V, Scalar))
    assert "same network as emlp" in reason


def test_the_same_seed_builds_the_same_network():
    x = normal(8, 10)
    first, second, other = (built(O(5), 2 * V, Scalar, seed)(x) for seed in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.allclose(first, other)


def test_stacked_networks_compute_what_each_computes_alone():
    modules = [built(O(3), Scalar + 2 * V, V * V, seed) for seed in range(3)]
    for seed, module in enumerate(modules):
        module.calibrate(normal(20, 7, seed=seed), normal(20, 9, seed=seed + 9))
    x = normal(3, 16, 7)
    state = stack_module_state(modules)
    stacked = vmap(lambda p, b, x: functional_call(modules[0], (p, b), (x,)))(*state, x)
    alone = torch.stack([module(part) for module, part in zip(modules, x, strict=True)])
    torch.testing.assert_close(stacked, alone, rtol=1e-4, atol=1e-5)


def test_gradients_flow_through_the_stacked_networks():
    modules = [built(O(3), Scalar + 2 * V, V * V, seed) for seed in range(2)]
    parameters, buffers = stack_module_state(modules)
    forward = vmap(lambda p, b, x: functional_call(modules[0], (p, b), (x,)))
    forward(parameters, buffers, normal(2, 16, 7)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters.values())


def test_forward_mode_derivatives_satisfy_the_infinitesimal_law():
    group = O(3)
    rep_in, rep_out = (Scalar + 2 * V)(group), (V * V)(group)
    module = built(group, Scalar + 2 * V, V * V).double()
    x = normal(32, 7, dtype=torch.float64)
    for generator in group.algebra:
        y, derivative = jvp(module, (x,), (rep_in.drho_act(generator, x),))
        expected = rep_out.drho_act(generator, y.detach())
        assert (derivative - expected).norm() < 1e-10 * y.norm()
    other = torch.ones(3, 3, dtype=torch.float64)
    y, derivative = jvp(module, (x,), (rep_in.drho_act(other, x),))
    assert (derivative - rep_out.drho_act(other, y)).norm() > 1e-3 * y.norm()


def o5_data(n, seed):
    x = normal(n, 10, seed=seed, dtype=torch.float64)
    first, second = x.split(5, 1)
    lengths = first.norm(dim=1), second.norm(dim=1)
    cosine = (first * second).sum(1) / (lengths[0] * lengths[1])
    y = lengths[0].sin() - 0.5 * lengths[1] ** 3 + cosine
    return x.float(), y.float()[:, None]


def trained_error(module, updates=100):
    """Train on 100 points and return the test error, in units of the variance."""
    x, y = o5_data(100, 1)
    module.calibrate(x, y)
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    for _ in range(updates):
        optimiser.zero_grad()
        ((module(x) - y).square().mean() / y.var()).backward()
        optimiser.step()
        schedule.step()
    x, y = o5_data(2000, 2)
    with torch.no_grad():
        return float((module(x) - y).square().mean() / y.var())


@pytest.mark.statistics
def test_the_invariance_lowers_the_error_at_100_points():
    torch.manual_seed(0)
    mlp = nn.Sequential(
        nn.Linear(10, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 1)
    )
    emlp = trained_error(built(O(5), 2 * V, Scalar, channels=128, layers=3))
    assert emlp < 0.01  # 0.003 for four seeds
    assert trained_error(Standardised(mlp, 10, 1)) > 0.05  # 0.16 to 0.19


def test_the_recipe_follows_the_configuration():
    recipe = EMLP.for_tier("full", learning_rate=1e-3).recipe(problem(O(5), 2 * V, Scalar))
    assert (recipe.learning_rate, recipe.batch_size, recipe.selection) == (1e-3, 500, "best-valid")
    assert (recipe.optimiser, recipe.weight_decay) == ("adamw", 0.05)
    assert math.isclose(EMLP.for_tier("quick").config.learning_rate, 3e-3)
