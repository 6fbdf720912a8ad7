"""LieConv: its logarithms are those of SE(2), and quarter turns of the image leave its logits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import logm
from symbench_discovery.lieconv import LieConv
from symbench_discovery.liegroup import grid, neighbours
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

import symbench
from symbench.contract import Problem, seeded

DIGITS = Problem("image", "cross-entropy", (1, 8, 8), (10,))


def motion(place: Tensor, angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, float(place[0])], [s, c, float(place[1])], [0, 0, 1]])


def test_logarithms_are_those_of_the_matrices_of_roto_translations() -> None:
    turns, radius = 5, 2.3  # an odd number of turns: none of them by π, where log is not unique
    fine, coarse = grid(6, 6, turns), grid(6, 3, turns)
    near = neighbours(coarse, fine, radius)
    stream = seeded("elements")
    for _ in range(40):
        u = int(torch.randint(len(near.at), (1,), generator=stream))
        b = int(torch.randint(near.at.shape[1], (1,), generator=stream))
        v = int(near.at[u, b])
        of_u = motion(coarse.places[u // turns], 2 * math.pi * (u % turns) / turns)
        of_v = motion(fine.places[v // turns], 2 * math.pi * (v % turns) / turns)
        exact = logm(np.linalg.inv(of_u) @ of_v).real
        expected = [exact[0, 2] / radius, exact[1, 2] / radius, exact[1, 0] / math.pi]
        np.testing.assert_allclose(near.logarithm[u, b].numpy(), expected, atol=1e-9)


def test_neighbours_are_all_places_within_the_radius() -> None:
    fine, coarse = grid(8, 8, 2), grid(8, 4, 2)
    near = neighbours(coarse, fine, 2.3)
    for u in (0, 5, 17, 31):
        inside = (fine.places - coarse.places[u // 2]).norm(dim=1) <= 2.3
        found = set(near.at[u][near.real[u]].tolist())
        assert found == {2 * i + j for i in inside.nonzero()[:, 0].tolist() for j in (0, 1)}


def test_logits_are_invariant_under_quarter_turns_with_lifts_alone(stream) -> None:
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
