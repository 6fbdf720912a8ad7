"""Pairs of rotated images, and the context of a model with its own ``fit``."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from known_tasks import algebra_scores
from symbench_images.rotation import rotation_generator
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

import symbench
from symbench.contract import Context, Data, Model, Problem, Task, seeded

SIDE = 7
Pairs = Callable[..., Data]
Contexts = Callable[..., Context]


@pytest.fixture(scope="session")
def generator() -> Tensor:
    """The rotation of 7 × 7 pixels about their centre [49, 49]."""
    return rotation_generator(SIDE)


def exactly_turned(generator: Tensor, x: Tensor, angle: Tensor) -> Tensor:
    """exp(θL) x [n, d]."""
    R = torch.linalg.matrix_exp(angle[:, None, None] * generator)
    return torch.einsum("nij,nj->ni", R, x)


def resampled(x: Tensor, angle: Tensor) -> Tensor:
    """Images [n, d] rotated by bilinear interpolation, zero outside."""
    c, s, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    rows = torch.stack([c, -s, zero, s, c, zero], 1).view(-1, 2, 3)
    images = x.view(-1, 1, SIDE, SIDE)
    grid = affine_grid(rows, list(images.shape), align_corners=False)
    return grid_sample(images, grid, align_corners=False).flatten(1)


@pytest.fixture(scope="session")
def pairs(generator: Tensor) -> Pairs:
    """White noise and its rotations, by angles uniform in ±π/16."""

    def draw(n: int, seed: int, *, clean: bool) -> Data:
        stream = seeded("pairs", seed)
        x = torch.randn(n, SIDE**2, generator=stream).double()
        angle = (2 * torch.rand(n, generator=stream).double() - 1) * math.pi / 16
        y = exactly_turned(generator, x, angle) if clean else resampled(x, angle)
        images = torch.stack([x, y], 1)
        return Data(images.view(n, 2, SIDE, SIDE).float(), angle[:, None].float())

    return draw


@pytest.fixture(scope="session")
def context() -> Contexts:
    """The context of a training of ``updates`` updates on the CPU."""

    def make(data: Data, updates: int) -> Context:
        return Context(len(data), 0, updates, torch.device("cpu"), data, seeded("fit"), data)

    return make


@pytest.fixture
def stream() -> None:
    """Ordinary layers draw from a fixed seed, as they do during the build of a model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="session")
def perceptron() -> Callable[[str, Problem], nn.Module]:
    """A builder of backbones that returns two layers for every name."""

    def build(name: str, problem: Problem) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(problem.input_size, 64),
            nn.SiLU(),
            nn.Linear(64, problem.output_size),
            nn.Unflatten(1, problem.output_shape),
        )

    return build


Discovery = Callable[..., tuple[nn.Module, dict[str, float]]]


@pytest.fixture(scope="session")
def discovered() -> Discovery:
    """Trains a model on a task as a run does, and returns the module and the scores of its algebra.

    The labels may be replaced; then there are no scores.
    """

    def run(
        model: Model,
        task: Task,
        n: int,
        seed: int = 0,
        *,
        updates: int = 350,
        labels: Callable[[Data], Tensor] | None = None,
    ) -> tuple[nn.Module, dict[str, float]]:
        data = task.sample(n, seed, "train")
        if labels is not None:
            data = Data(data.x, labels(data))
        cut = n - n // 5
        rest, valid = (Data(data.x[part], data.y[part]) for part in (slice(cut), slice(cut, n)))
        device, stream = torch.device("cpu"), seeded("fit", seed)
        context = Context(n, seed, updates, device, valid, stream, rest)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = model.fit(symbench.problem(task, model), data, context).eval()
        return module, {} if labels else algebra_scores(task, module, model)

    return run
