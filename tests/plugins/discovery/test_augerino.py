"""Augerino: how its motions act, and which widths it increases."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_discovery.affine import NAMES, affine_generators, pixel_operators, warped
from symbench_discovery.augerino import Augerino, AugmentedNet
from torch import Tensor, nn

import symbench
from symbench.contract import Problem, seeded

ROTATION = NAMES.index("rotation")


def blob(side: int, motion: Tensor) -> Tensor:
    """An off-centre Gaussian, sampled at ``motion`` p, [side²] in float64."""
    axis = (2 * torch.arange(side, dtype=torch.float64) + 1) / side - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    place = torch.stack([x.flatten(), y.flatten(), torch.ones(side**2, dtype=torch.float64)])
    there = motion @ place
    return (-((there[0] - 0.1) ** 2 + 1.5 * (there[1] + 0.15) ** 2) / (2 * 0.2**2)).exp()


def test_pixel_operators_are_the_derivatives_of_the_motions() -> None:
    side, step = 21, 1e-5
    operators = pixel_operators(side, side)
    image = blob(side, torch.eye(3, dtype=torch.float64))
    for G, operator in zip(affine_generators().double(), operators, strict=True):
        ahead = blob(side, torch.linalg.matrix_exp(step * G))
        behind = blob(side, torch.linalg.matrix_exp(-step * G))
        change = (ahead - behind) / (2 * step)
        assert float((operator @ image - change).norm() / change.norm()) < 1e-4


def test_the_rotation_of_pixels_is_antisymmetric() -> None:
    L = pixel_operators(7, 7)[ROTATION]
    torch.testing.assert_close(L, -L.mT)


def test_equal_widths_move_the_pixels_of_a_square_alike() -> None:
    stream = seeded("square")
    place = torch.cat([2 * torch.rand(20_000, 2, generator=stream) - 1, torch.ones(20_000, 1)], 1)
    shift = torch.einsum("iab,nb->ina", affine_generators(), place)[..., :2]
    size = shift.square().sum(2).mean(1).sqrt()
    torch.testing.assert_close(size, size[0].expand(6), rtol=0.02, atol=0)


def test_a_rotation_by_a_quarter_turn_permutes_the_pixels() -> None:
    x = torch.randn(3, 2, 6, 6, generator=seeded("turn"))
    u = torch.zeros(3, 6)
    u[:, ROTATION] = math.pi / 2
    torch.testing.assert_close(warped(x, u), torch.rot90(x, 1, (2, 3)), atol=1e-5, rtol=1e-5)


def digits(problem_of: str) -> tuple[symbench.Task, Problem]:
    task = symbench.task(f"scrambled-digits-{problem_of}")

    def convolutional(name: str, problem: Problem) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(16 * 64, problem.output_size),
        )

    shape = task.input_shape
    return task, Problem("image", "cross-entropy", shape, (10,), builder=convolutional)


def test_all_widths_start_equal_and_no_generator_is_reported(stream) -> None:
    _, problem = digits("plain")
    model = Augerino()
    net = model.build(problem)
    net.grid = (8, 8)
    widths = net.widths().detach()
    torch.testing.assert_close(widths, torch.full((6,), model.config.width))
    assert model.generators(net).shape == (0, 64, 64)


@pytest.mark.slow
@pytest.mark.statistics
@pytest.mark.parametrize(("kind", "opens"), [("rotated", True), ("plain", False)])
def test_rotation_widens_on_rotated_digits_only(kind: str, opens: bool, stream, context) -> None:
    task, problem = digits(kind)
    data, test = task.sample(1000, 0, "train"), task.sample(300, 0, "test")
    model = Augerino()
    net = model.fit(problem, data, context(data, 350)).eval()
    assert isinstance(net, AugmentedNet)
    widths = net.widths().detach()
    found = model.generators(net)
    error = (net(test.x).argmax(1) != test.y).double().mean()
    assert float(error) < 0.25
    if opens:
        true = pixel_operators(8, 8)[ROTATION]
        assert len(found) == 1
        assert float((found[0] * true).sum() / found[0].norm() / true.norm()) > 0.999
        assert float(widths[ROTATION]) > 3 * float(widths[0])
    else:
        assert len(found) == 0


def test_evaluation_is_deterministic_and_averages_log_probabilities(stream) -> None:
    _, problem = digits("plain")
    net = Augerino().build(problem).eval()
    x = torch.randn(5, 1, 8, 8, generator=seeded("x"))
    torch.testing.assert_close(net(x), net(x), atol=0, rtol=0)
    total = net(x).logsumexp(1)
    assert bool((total <= 1e-6).all())  # a mean of log-probabilities sums to at most 1


def test_the_average_is_that_of_the_images_moved_one_by_one(stream) -> None:
    _, problem = digits("plain")
    net = Augerino().build(problem).double().eval()
    x = torch.randn(4, 1, 8, 8, generator=seeded("x")).double()
    with torch.no_grad():
        moved = [net.moved_once(x, uniform.expand(4, -1)).log_softmax(1) for uniform in net.draws]
        torch.testing.assert_close(net(x), torch.stack(moved).mean(0), atol=1e-12, rtol=0)


def test_the_average_has_a_forward_derivative(stream) -> None:
    _, problem = digits("plain")
    net = Augerino().build(problem).double().eval()
    x, v = torch.randn(2, 3, 1, 8, 8, generator=seeded("x")).double()
    change = (net(x + 1e-6 * v) - net(x - 1e-6 * v)) / 2e-6
    torch.testing.assert_close(torch.func.jvp(net, (x,), (v,))[1], change, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize(
    "problem",
    [
        Problem("vectors", "mse", (4,), (1,)),
        Problem("image", "mse", (2, 1, 16), (1,)),
        Problem("image", "mse", (1, 7, 7), (1, 7, 7)),
    ],
)
def test_what_cannot_be_invariant_in_the_plane_is_declined(problem: Problem) -> None:
    reason = Augerino().accepts(problem)
    assert reason is not None
    assert "augerino" in reason
