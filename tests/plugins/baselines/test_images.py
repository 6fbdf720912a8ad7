"""The networks for images: their shapes and sizes, what they decline, and whether they learn."""

from __future__ import annotations

import pytest
import torch
from symbench_baselines.images import CNN, CNNMaxPool, FCConfig, FCLConv, FCShallow
from symbench_baselines.images import lconv_parameters as comparable
from torch import nn
from torch.func import functional_call, jvp, stack_module_state, vmap
from torch.nn.functional import cross_entropy

import symbench
from symbench import Problem

PROBLEM = Problem("image", "cross-entropy", (1, 8, 8), (10,))
CIFAR100 = Problem("image", "cross-entropy", (3, 32, 32), (100,))
CONVOLUTIONAL = [CNN, CNNMaxPool]
FULLY_CONNECTED = [FCLConv, FCShallow]
ALL = [*CONVOLUTIONAL, *FULLY_CONNECTED]


def built(model=None, problem=PROBLEM, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return (model or CNN()).build(problem)


def size(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def weighted(module) -> list[nn.Module]:
    return [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


@pytest.mark.parametrize("model", CONVOLUTIONAL)
@pytest.mark.parametrize(
    ("shape", "out"),
    [
        ((1, 8, 8), (10,)),
        ((3, 5, 7), (2,)),
        ((1, 4, 4), (2, 3)),
        ((2, 7, 7), (1,)),
        ((2, 1, 21), (1,)),
        ((1, 7, 7), (1, 7, 7)),
    ],
)
def test_a_convolutional_network_returns_the_shape_of_any_image_problem(model, shape, out):
    module = built(model(), Problem("image", "mse", shape, out))
    assert module(torch.zeros(6, *shape)).shape == (6, *out)


@pytest.mark.parametrize("model", FULLY_CONNECTED)
@pytest.mark.parametrize("problem", [PROBLEM, Problem("image", "cross-entropy", (3, 5, 7), (4,))])
def test_a_fully_connected_network_returns_the_logits(model, problem):
    module = built(model(), problem)
    assert module(torch.zeros(6, *problem.input_shape)).shape == (6, *problem.output_shape)


def test_parameters_are_those_of_two_convolutions_and_a_linear_layer():
    for tier, c in (("smoke", 8), ("quick", 16), ("full", 32)):
        expected = (9 * c + c) + (9 * c * c + c) + (64 * c * 10 + 10)
        assert size(built(CNN.for_tier(tier))) == expected


def test_every_pooling_takes_a_row_and_a_column_from_the_head():
    for depth in (1, 2, 3):
        module = built(CNNMaxPool.for_tier("quick", depth=depth))
        assert weighted(module)[-1].in_features == 16 * (8 - depth) ** 2
        assert sum(isinstance(m, nn.MaxPool2d) for m in module.modules()) == depth


def test_pooling_takes_the_largest_of_each_two_by_two_pixels():
    module = built(CNNMaxPool.for_tier("quick", depth=1)).net
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    before, after = module[:2](x), module[:3](x)
    for i, j in ((0, 0), (3, 5), (6, 6)):
        assert torch.equal(after[..., i, j], before[..., i : i + 2, j : j + 2].amax((2, 3)))


@pytest.mark.parametrize("model", CONVOLUTIONAL)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_network_of_some_depth_has_so_many_convolutions_and_all_of_them_act(model, depth):
    module = built(model.for_tier("quick", depth=depth))
    layers = weighted(module)
    assert len(layers) == depth + 1
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    module(x).square().sum().backward()
    assert all(float(layer.weight.grad.norm()) > 0 for layer in layers)


@pytest.mark.parametrize("depth", [1, 2])
def test_fc_lconv_has_two_dense_layers_for_each_layer_of_lconv_and_all_of_them_act(depth):
    module = built(FCLConv.for_tier("quick", depth=depth))
    layers = weighted(module)
    assert [layer.out_features for layer in layers] == [64, 64 * 32] * depth + [10]
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    module(x).square().sum().backward()
    assert all(float(layer.weight.grad.norm()) > 0 for layer in layers)


def test_fc_shallow_has_the_published_size_on_cifar_100():
    module = built(FCShallow.for_tier("full"), CIFAR100)
    hidden, head = weighted(module)
    assert (hidden.out_features, head.out_features) == (1075, 100)
    assert size(module) == 3_411_075
    assert comparable(CIFAR100, FCConfig()) == 3_409_124


def test_the_parameters_of_lconv_are_those_of_its_factors_taps_and_head():
    config = FCConfig(generators=3, rank=2, hidden=5)
    factors, taps, head = 2 * 3 * 64 * 2, 4 * (5 + 5), 64 * 5 * 10 + 10
    assert comparable(PROBLEM, config) == factors + taps + head


@pytest.mark.parametrize("tier", ["smoke", "quick", "full"])
@pytest.mark.parametrize("problem", [PROBLEM, CIFAR100])
def test_fc_shallow_has_the_size_of_lconv_to_its_biases_and_half_a_unit(tier, problem):
    model = FCShallow.for_tier(tier)
    module = built(model, problem)
    biases = sum(layer.bias.numel() for layer in weighted(module))
    half = (problem.input_size + problem.output_size) / 2
    assert abs(size(module) - biases - comparable(problem, model.config)) <= half


@pytest.mark.parametrize("tier", ["smoke", "quick", "full"])
@pytest.mark.parametrize("problem", [PROBLEM, CIFAR100])
def test_the_lconv_of_the_same_tier_has_the_parameters_but_for_a_bias_of_every_generator(
    tier, problem
):
    # each of the K + 1 terms has a bias of F numbers in the released code; only their sum matters
    config = FCShallow.for_tier(tier).config
    spare = config.generators * config.hidden
    lconv = built(symbench.model("lconv").for_tier(tier), problem)
    assert size(lconv) == comparable(problem, config) - spare


@pytest.mark.parametrize("model", ALL)
def test_what_is_no_image_is_declined(model):
    vectors = Problem("vectors", "mse", (10,), (1,))
    assert model().accepts(PROBLEM) is None
    assert "vectors" in model().accepts(vectors)


@pytest.mark.parametrize("model", FULLY_CONNECTED)
def test_a_network_sized_by_a_classifier_declines_regression(model):
    pair = Problem("image", "mse", (2, 7, 7), (1,))
    assert "classifies images" in model().accepts(pair)


@pytest.mark.parametrize("model", ALL)
def test_equal_seeds_build_equal_networks(model):
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(built(model(), seed=3)(x), built(model(), seed=3)(x))
    assert not torch.equal(built(model(), seed=3)(x), built(model(), seed=4)(x))


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_networks_stack_and_differentiate_forward(model, dtype):
    modules = [built(model.for_tier("smoke"), seed=seed).to(dtype) for seed in range(3)]
    x = torch.rand(3, 4, 1, 8, 8, generator=torch.Generator().manual_seed(1), dtype=dtype)
    state = stack_module_state(modules)

    def forward(parameters, buffers, x):
        return functional_call(modules[0], (parameters, buffers), (x,))

    stacked = vmap(forward)(*state, x)
    alone = torch.stack([module(images) for module, images in zip(modules, x, strict=True)])
    assert torch.allclose(stacked, alone, atol=1e-5)
    y, tangent = jvp(modules[0], (x[0],), (torch.ones_like(x[0]),))
    assert tangent.shape == y.shape == (4, 10)
    if dtype == torch.float64:  # piecewise smooth: so short a step crosses no kink
        ahead, behind = modules[0](x[0] + 1e-7), modules[0](x[0] - 1e-7)
        torch.testing.assert_close(tangent, (ahead - behind) / 2e-7, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("model", CONVOLUTIONAL)
def test_a_shift_of_the_image_shifts_the_features_away_from_the_border(model):
    features = built(model()).net.double()[:-3]
    image = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    image[0, 0, 3, 3] = 1.0
    still, moved = features(image), features(image.roll((1, 1), (2, 3)))
    # closer to the border the second convolution reads the padding
    assert torch.allclose(moved[..., 2:5, 2:5], still[..., 1:4, 1:4])
    assert not torch.allclose(moved[..., 2:5, 2:5], still[..., 2:5, 2:5])


@pytest.mark.statistics
@pytest.mark.parametrize("model", ALL)
def test_it_learns_the_unscrambled_digits(model):
    task, model = symbench.task("scrambled-digits-plain"), model.for_tier("quick")
    data, test = task.sample(300, 0, "train"), task.sample(500, 0, "test")
    module = built(model)
    optimiser = torch.optim.Adam(module.parameters(), lr=model.recipe(PROBLEM).learning_rate)
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        batch = torch.randint(len(data), (64,), generator=generator)
        optimiser.zero_grad()
        cross_entropy(module(data.x[batch]), data.y[batch]).backward()
        optimiser.step()
    with torch.no_grad():
        error = (module(test.x).argmax(1) != test.y).double().mean()
    assert float(error) < 0.15  # chance is 0.9
