"""LieConv: its logarithms are those of SE(2), and quarter turns do not change its logits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import logm
from symbench_discovery.lieconv import LieConv, LieConvolution
from symbench_discovery.liegroup import logarithms, window
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

import symbench
from symbench.contract import Problem, seeded

DIGITS = Problem("image", "cross-entropy", (1, 8, 8), (10,))


def motion(place: Tensor, angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, float(place[0])], [s, c, float(place[1])], [0, 0, 1]])


def logarithm(u: np.ndarray, v: np.ndarray) -> list[float]:
    exact = logm(np.linalg.inv(u) @ v).real
    return [exact[0, 2], exact[1, 2], exact[1, 0] / math.pi]


def test_logarithms_are_those_of_the_matrices_of_roto_translations() -> None:
    turns = 5  # an odd number, so that no turn is by π, where log is not unique
    steps = 2 * torch.rand(6, 2, generator=seeded("steps"), dtype=torch.float64) - 1
    found = logarithms(steps, turns)
    for j in range(turns):
        u = motion(torch.zeros(2), 2 * math.pi * j / turns)
        for q, k in ((0, 0), (1, 2), (3, 4), (5, j)):
            v = motion(steps[q], 2 * math.pi * k / turns)
            np.testing.assert_allclose(found[j, q, k].numpy(), logarithm(u, v), atol=1e-9)


@pytest.mark.parametrize(("fine", "coarse"), [(8, 4), (7, 3), (3, 2), (2, 2), (11, 5)])
def test_the_window_moves_with_the_coarse_places_and_is_centred(fine: int, coarse: int) -> None:
    about = window(fine, coarse, 2.3)
    first = -about.padding + about.steps[0, 0].abs()  # index of the first coarse position
    last = first + (coarse - 1) * about.stride
    assert float(first + last) == fine - 1
    assert float(about.steps.sum().abs()) == 0
    assert 1.3 < float(about.steps.max()) <= 2.3


def places(points: int, spacing: float) -> Tensor:
    """The positions [points², 2] of a centred square grid, row by row."""
    axis = spacing * (torch.arange(points, dtype=torch.float64) - (points - 1) / 2)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


@pytest.mark.parametrize("lifted", [True, False])
@pytest.mark.parametrize(("fine", "coarse", "turns"), [(6, 3, 3), (5, 2, 3), (3, 2, 1)])
def test_the_layer_is_the_mean_over_neighbours(
    fine: int, coarse: int, turns: int, lifted: bool, stream
) -> None:
    inputs, outputs, radius = 2, 3, 2.3
    layer = LieConvolution((fine, coarse), turns, inputs, outputs, lifted=lifted).double()
    layer.norm = nn.Identity()  # type: ignore[assignment]
    f = torch.randn(turns, inputs, fine**2, generator=seeded("f")).double()
    f = f[:1].expand_as(f) if lifted else f
    given = f[0] if lifted else f.flatten(0, 1)
    found = layer(given.view(1, -1, fine, fine))[0].view(turns, outputs, coarse**2)
    for at, centre in enumerate(places(coarse, fine // coarse)):
        steps = places(fine, 1.0) - centre
        near = steps.norm(dim=1) <= radius
        kernels = layer.kernel(logarithms(steps[near] / radius, turns))
        for j in range(turns):
            products = torch.einsum("qkm,kiq->qkmi", kernels[j], f[:, :, near])
            expected = layer.mix(products.flatten(2)).mean((0, 1))
            torch.testing.assert_close(found[j, :, at], expected, atol=1e-6, rtol=1e-5)


def test_logits_are_invariant_under_quarter_turns_only_with_lifts(stream) -> None:
    x = torch.randn(20, 1, 8, 8, generator=seeded("x")).double()
    turned = torch.rot90(x, 1, (2, 3))
    lifted = LieConv().build(DIGITS).double()
    torch.testing.assert_close(lifted(turned), lifted(x), atol=1e-12, rtol=0)
    flat = LieConv.for_tier("quick", group="T(2)").build(DIGITS).double()
    assert float((flat(turned) - flat(x)).detach().abs().max()) > 1e-3


@pytest.mark.statistics
def test_rotated_digits_are_learned(stream) -> None:
    task = symbench.task("scrambled-digits-rotated")
    data, test = task.sample(300, 0, "train"), task.sample(500, 0, "test")
    model = LieConv()
    net, draw = model.build(DIGITS), seeded("batches")
    optimiser = torch.optim.Adam(net.parameters(), model.config.learning_rate)
    for _ in range(200):
        at = torch.randint(len(data), (64,), generator=draw)
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(data.x[at]), data.y[at]).backward()
        optimiser.step()
    error = (net(test.x).argmax(1) != test.y).double().mean()
    assert float(error) < 0.5  # chance is 0.9


def test_networks_train_stacked_as_they_do_alone(stream) -> None:
    modules: list[nn.Module] = [LieConv.for_tier("smoke").build(DIGITS) for _ in range(2)]
    x = torch.randn(3, 1, 8, 8, generator=seeded("x"))

    def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return functional_call(modules[0], (parameters, buffers), (x,))  # type: ignore[no-any-return]

    stacked = vmap(one)(*stack_module_state(modules))
    alone = torch.stack([module(x) for module in modules])
    torch.testing.assert_close(stacked, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (1, 7, 7), (1, 4, 4)])
def test_images_of_every_size_are_classified(shape: tuple[int, int, int], stream) -> None:
    problem = Problem("image", "cross-entropy", shape, (10,))
    net = LieConv.for_tier("smoke").build(problem)
    assert net(torch.zeros(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize("shape", [(1, 8, 6), (1, 40, 40), (1, 1, 20)])
def test_other_images_are_declined(shape: tuple[int, int, int]) -> None:
    reason = LieConv().accepts(Problem("image", "cross-entropy", shape, (10,)))
    assert reason is not None
    assert "lieconv" in reason
