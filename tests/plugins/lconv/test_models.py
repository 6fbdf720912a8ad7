"""The L-conv models: what they build and decline, and what they learn from a fixed rotation."""

from __future__ import annotations

import math

import pytest
import symbench_lconv
import torch
from symbench_images.rotation import bilinear_rotation, rotation_generator
from symbench_lconv.exponential import Exponential, SkewExponential
from symbench_lconv.graph import GCN
from symbench_lconv.layers import Generators
from symbench_lconv.models import LConv, LConv2, RandomLConv
from symbench_lconv.pairs import RecursiveLConv
from torch.func import functional_call, jvp, stack_module_state, vmap

from symbench import Problem
from symbench.contract import Fits
from symbench.registry.registration import Registration

CLASSES = Problem("image", "cross-entropy", (1, 8, 8), (10,))
COLOURS = Problem("image", "cross-entropy", (3, 5, 6), (4,))
MAPS = Problem("image", "mse", (1, 7, 7), (1, 7, 7))
PAIRS = Problem("image", "mse", (2, 7, 7), (1,))
SIGNALS = Problem("image", "mse", (2, 1, 21), (1,))
VECTORS = Problem("vectors", "mse", (10,), (1,))
IMAGES = (LConv, LConv2, RandomLConv, GCN)
ANGLES = (RecursiveLConv, Exponential, SkewExponential)
ACCEPTED = [
    *((cls, problem) for cls in IMAGES for problem in (CLASSES, COLOURS)),
    *((cls, MAPS) for cls in (LConv, RandomLConv, GCN)),
    *((cls, problem) for cls in ANGLES for problem in (PAIRS, SIGNALS)),
]
STACKED = [pair for pair in ACCEPTED if not issubclass(pair[0], Fits)]


def built(cls, problem, seed=0, **config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return cls.for_tier("smoke", **config).build(problem)


def size(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def uniform(*shape, seed=1, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=dtype) - 0.5


@pytest.mark.parametrize(("cls", "problem"), ACCEPTED)
def test_the_output_has_the_shape_of_the_problem(cls, problem):
    assert cls().accepts(problem) is None
    y = built(cls, problem)(uniform(4, *problem.input_shape))
    assert y.shape == (4, *problem.output_shape)
    assert y.isfinite().all()


@pytest.mark.parametrize(("cls", "problem"), ACCEPTED)
def test_networks_differentiate_forward_in_double(cls, problem):
    x = uniform(3, *problem.input_shape, dtype=torch.float64)
    y, tangent = jvp(built(cls, problem).double(), (x,), (uniform(*x.shape, seed=2).double(),))
    assert tangent.shape == y.shape
    assert tangent.dtype == torch.float64
    assert tangent.isfinite().all()


@pytest.mark.parametrize(("cls", "problem"), STACKED)
def test_networks_stack(cls, problem):
    modules = [built(cls, problem, seed) for seed in range(3)]
    x = uniform(3, 4, *problem.input_shape)
    state = stack_module_state(modules)

    def forward(parameters, buffers, x):
        return functional_call(modules[0], (parameters, buffers), (x,))

    alone = torch.stack([module(images) for module, images in zip(modules, x, strict=True)])
    assert torch.allclose(vmap(forward)(*state, x), alone, atol=1e-5)


@pytest.mark.parametrize(("cls", "problem"), ACCEPTED)
def test_equal_seeds_build_equal_networks(cls, problem):
    def state(seed):
        values = built(cls, problem, seed).state_dict().values()
        return torch.cat([value.flatten() for value in values])

    assert torch.equal(state(3), state(3))
    assert not torch.equal(state(3), state(4))


@pytest.mark.parametrize(
    ("cls", "problem"),
    [
        *((cls, VECTORS) for cls in (*IMAGES, *ANGLES)),
        *((cls, PAIRS) for cls in IMAGES),
        *((cls, MAPS) for cls in ANGLES),
        *((cls, CLASSES) for cls in ANGLES),
        (LConv2, MAPS),
    ],
)
def test_what_a_model_cannot_read_is_declined_by_name(cls, problem):
    assert cls.name in cls().accepts(problem)


@pytest.mark.parametrize(("cls", "problem"), ACCEPTED)
def test_only_models_that_discover_report_generators(cls, problem):
    L = cls().generators(built(cls, problem))
    if cls.prior == "none":
        assert L is None
        return
    pixels = problem.input_size // problem.input_shape[0]
    count = 8 if problem.loss == "cross-entropy" else 1
    assert L.shape == (count, pixels, pixels)
    assert not L.requires_grad


def test_the_cards_say_what_the_classes_say():
    registration = Registration("symbench_lconv")
    symbench_lconv.symbench_register(registration)
    cards = {card.name: card for card in registration.cards}
    assert set(cards) == {cls.name for cls in (*IMAGES, *ANGLES)}
    for cls in (*IMAGES, *ANGLES):
        card = cards[cls.name]
        assert card.load() is cls
        assert (cls.version, cls.prior, cls.summary) == (
            card.version,
            card.details["prior"],
            card.summary,
        )


@pytest.mark.parametrize(("cls", "extra"), [(LConv, 2 * 8 * 64 * 8), (RandomLConv, 0), (GCN, 0)])
def test_parameters_of_the_classifiers_are_counted_by_the_formula(cls, extra):
    taps = 2 if cls is GCN else 9
    head = 32 * 64 * 10 + 10
    assert size(built(cls, CLASSES, hidden=32)) == extra + taps * 32 + 32 + head


def test_parameters_of_the_published_networks_are_counted_by_the_formula():
    assert size(built(LConv, MAPS)) == 49**2 + 1
    assert size(built(RecursiveLConv, PAIRS)) == 49**2 + 100 + 55 + 6


def test_a_configuration_can_ask_for_dense_generators_or_another_rank():
    dense = built(LConv, CLASSES, rank=0, generators=2)
    low = built(LConv, MAPS, rank=3)
    assert LConv().generators(dense).shape == (2, 64, 64)
    assert torch.linalg.matrix_rank(LConv().generators(low), rtol=1e-4).tolist() == [3]


def test_random_generators_are_frozen():
    module = built(RandomLConv, CLASSES)
    operators = next(m for m in module.modules() if isinstance(m, Generators))
    assert not list(operators.parameters())
    assert operators.matrices().norm() > 0


def test_the_recursive_network_is_the_published_formula():
    module = built(RecursiveLConv, PAIRS).double().net
    L, W = module.core.generators.L[0], module.core.mixing[0]
    pair = uniform(2, 7, 7, dtype=torch.float64)
    z = pair[0].flatten().expand(10, 49)
    for _ in range(3):
        z = z + W @ z @ L.mT
    hidden = torch.tanh(module.head[1](torch.tanh(z @ pair[1].flatten())))
    assert torch.allclose(module(pair[None])[0], module.head[3](hidden))


def test_the_recipes_are_those_of_the_released_code():
    fixed, angle = LConv().recipe(MAPS), RecursiveLConv().recipe(PAIRS)
    assert (fixed.learning_rate, fixed.batch_size) == (1e-2, 32)
    assert (angle.learning_rate, angle.batch_size) == (1e-3, 16)
    assert (fixed.schedule, angle.schedule) == ("exponential", "exponential")
    assert (fixed.final, angle.final) == (0.7**20, 0.7**10)


@pytest.mark.statistics
def test_of_a_fixed_rotation_the_layer_learns_the_interpolation_not_the_generator():
    R = bilinear_rotation(7, torch.tensor([math.pi / 10]))[0].float()
    module = built(LConv, MAPS)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 1e-3 ** (1 / 2500))
    for update in range(2500):
        x = uniform(32, 1, 7, 7, seed=update)
        loss = (module(x).flatten(2) - x.flatten(2) @ R.mT).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    L = LConv().generators(module)[0] * module.net[0].mixing.detach()[0]
    assert float((L + torch.eye(49) - R).abs().max()) < 1e-3
    true = rotation_generator(7).float()
    cosine = (L * true).sum().abs() / (L.norm() * true.norm())
    assert float(cosine) == pytest.approx(0.278, abs=1e-3)
