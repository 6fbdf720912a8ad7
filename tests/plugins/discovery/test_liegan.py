"""LieGAN discovers symmetries of the distribution, and only those."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from symbench_discovery.elements import Elements
from symbench_discovery.liegan import LieGAN, LieGANNet
from symbench_discovery.moves import movement
from symbench_discovery.together import initialising
from torch import Tensor

from symbench import Context, Data, Symmetry
from symbench.contract import Problem, seeded
from symbench.groups import GL, Scalar, V

PLANE = GL(2)
LAW = Symmetry(PLANE, V(PLANE), Scalar(PLANE))
J = torch.tensor([[0.0, -1.0], [1.0, 0.0]])


def points(spread: tuple[float, float], seed: int) -> Data:
    """Points of the plane and their distances from the origin."""
    x = torch.randn(2000, 2, generator=seeded("points", seed)) * torch.tensor(spread)
    return Data(x, x.norm(dim=1, keepdim=True))


def cosine(L: Tensor, other: Tensor) -> float:
    return float((L * other).sum().abs() / L.norm() / other.norm())


def trained(data: Data, perceptron, context) -> LieGANNet:
    problem = Problem("vectors", "mse", (2,), (1,), candidate=LAW, builder=perceptron)
    net = LieGAN.for_tier("quick", channels=1).fit(problem, data, context(data, 350))
    assert isinstance(net, LieGANNet)
    return net


@pytest.mark.statistics
def test_isotropic_data_give_the_rotation(stream, perceptron, context) -> None:
    data = points((1.0, 1.0), 0)
    net = trained(data, perceptron, context)
    # measured over three seeds: 1.000; chance is 0.5
    assert cosine(LieGAN().generators(net)[0], J) > 0.98
    error = (net(data.x) - data.y).square().mean() / data.y.var()
    assert float(error.detach()) < 0.1


@pytest.mark.statistics
def test_non_uniform_data_give_their_own_ellipses_instead(stream, perceptron, context) -> None:
    net = trained(points((2.0, 0.3), 0), perceptron, context)
    L = LieGAN().generators(net)[0]
    S = torch.diag(torch.tensor([2.0, 0.3]))
    # the target is still invariant under rotations, but the distribution of the points is not
    assert cosine(L, J) < 0.85
    assert cosine(L, S @ J @ S.inverse()) > 0.98


def test_vectors_move_by_their_layout() -> None:
    law = Symmetry(PLANE, (2 * V)(PLANE), V(PLANE))
    found = movement(Problem("vectors", "mse", (4,), (2,), candidate=law))
    assert found is not None
    size, move = found
    x = torch.randn(5, 4, generator=seeded("x"))
    elements = Elements(torch.stack([J, J.abs()]), torch.randn(5, 2, generator=seeded("z")))
    g = elements.matrices()
    moved = move(elements, Data(x, x[:, :2]))
    assert size == 2
    torch.testing.assert_close(moved.y, torch.einsum("nij,nj->ni", g, x[:, :2]))
    torch.testing.assert_close(moved.x[:, 2:], torch.einsum("nij,nj->ni", g, x[:, 2:]))


def test_both_images_of_a_pair_move_and_their_angle_stays() -> None:
    found = movement(Problem("image", "mse", (2, 3, 3), (1,)))
    assert found is not None
    x = torch.randn(4, 2, 3, 3, generator=seeded("x"))
    L = torch.randn(1, 9, 9, generator=seeded("L"))
    elements = Elements(L, torch.randn(4, 1, generator=seeded("z")))
    moved = found[1](elements, Data(x, torch.ones(4, 1)))
    exact = torch.einsum("nij,ncj->nci", elements.matrices(), x.flatten(2)).view_as(x)
    torch.testing.assert_close(moved.x, exact, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(moved.y, torch.ones(4, 1))


@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
def test_small_images_train_to_finite_generators(loss, stream, perceptron, context) -> None:
    shape = (1, 4, 4) if loss == "mse" else (3,)
    problem = Problem("image", loss, (1, 4, 4), shape, builder=perceptron)
    x = torch.randn(80, 1, 4, 4, generator=seeded("x"))
    labels = torch.randint(3, (80,), generator=seeded("y"))
    data = Data(x, x.flip(3) if loss == "mse" else labels)
    net = LieGAN.for_tier("smoke").fit(problem, data, context(data, 20))
    L = LieGAN().generators(net)
    assert L.shape == (1, 16, 16)
    assert bool(L.isfinite().all())
    assert net(x).shape == (80, *shape)


@pytest.mark.parametrize(
    "problem",
    [
        Problem("vectors", "mse", (4,), (1,)),
        Problem("image", "cross-entropy", (1, 28, 28), (10,)),
    ],
)
def test_data_that_no_small_group_acts_on_are_declined(problem: Problem) -> None:
    reason = LieGAN().accepts(problem)
    assert reason is not None
    assert "liegan" in reason


@pytest.mark.parametrize("kind", ["vectors", "images", "classes"])
def test_trials_that_train_together_give_what_they_give_alone(kind, perceptron, context) -> None:
    shape, out = ((2,), (1,)) if kind == "vectors" else ((1, 4, 4), (1, 4, 4))
    loss = "cross-entropy" if kind == "classes" else "mse"
    out = (3,) if kind == "classes" else out
    problems, data = [], []
    for seed in range(3):
        stream = seeded("trial", seed)
        x = 10**seed * torch.randn(80, *shape, generator=stream)
        labels = torch.randint(3, (80,), generator=stream)
        targets = {"vectors": x.norm(dim=1, keepdim=True) if kind == "vectors" else x,
                   "images": x.flip(-1), "classes": labels}  # fmt: skip
        data.append(Data(x, targets[kind]))
        problems.append(
            Problem(
                "vectors" if kind == "vectors" else "image",
                loss,
                shape,
                out,
                candidate=LAW if kind == "vectors" else None,
                builder=perceptron,
                generator=torch.Generator().manual_seed(seed),
            )
        )
    model = LieGAN.for_tier("quick", channels=2 if kind == "images" else 1)

    def seen() -> list[Context]:
        each = [context(own, 30) for own in data]
        return [replace(one, generator=seeded("fit", seed)) for seed, one in enumerate(each)]

    together = model.fit_together(problems, data, seen())
    for net, *trial in zip(together, problems, data, seen(), strict=True):
        with initialising(trial[0]):
            alone = model.fit(*trial)
        torch.testing.assert_close(net.sampler.L, alone.sampler.L, rtol=1e-4, atol=1e-5)
        x = trial[1].x
        torch.testing.assert_close(net(x), alone(x), rtol=1e-3, atol=1e-3 * float(x.abs().max()))
