"""Networks of the baseline models, and their closed-form solutions."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

_RANK_TOLERANCE = 1e-6  # relative; inputs are float32: smaller singular values are rounding error


def perceptron(inputs: int, width: int, depth: int, outputs: int) -> nn.Sequential:
    """Return ``depth`` hidden layers of SiLU units: [n, ...] -> [n, outputs]."""
    sizes = [inputs, *[width] * depth]
    hidden = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.SiLU())]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], outputs))


class ConstantMap(nn.Module):
    """f(x) = value for every x; ``value`` has the shape of one output."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``value`` for each of the n inputs."""
        return self.value.expand(len(x), *self.value.shape)


class AffineMap(nn.Module):
    """f(x) = W x + b for flattened x, with fixed W [outputs, inputs] and b [outputs]."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self._shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *shape]."""
        return functional.linear(x.flatten(1), self.weight, self.bias).view(-1, *self._shape)


def log_frequencies(labels: Tensor, classes: int) -> Tensor:
    """Return log((count + 1) / (n + classes)) of each class (Laplace's rule of succession)."""
    count = torch.bincount(labels, minlength=classes).double()
    return ((count + 1) / (len(labels) + classes)).log()


def least_squares(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return W [p, d] and b [p] that minimise Σ ‖W x + b - y‖², with W of least norm.

    ``x`` [n, d] and ``y`` [n, p] are float64.
    """
    x_mean, y_mean = x.mean(0), y.mean(0)
    inverse = torch.linalg.pinv(x - x_mean, rtol=_RANK_TOLERANCE)
    weight = (inverse @ (y - y_mean)).mT
    return weight, y_mean - weight @ x_mean


def logistic_regression(x: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return W [classes, d] and b [classes] of multinomial logistic regression, x float64 [n, d].

    Minimises Σ cross-entropy + (‖W‖² + ‖b‖²) / 2. This loss is strictly convex, so the solution is
    unique. It is finite even for a class without training examples.
    """
    design = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    theta = torch.zeros(classes, design.shape[1], dtype=x.dtype, device=x.device)
    theta.requires_grad_()
    optimiser = torch.optim.LBFGS(
        [theta],
        max_iter=2000,
        tolerance_grad=1e-8,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        fit = functional.cross_entropy(design @ theta.mT, labels, reduction="sum")
        value = fit + theta.square().sum() / 2
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(loss)
    return theta.detach()[:, :-1], theta.detach()[:, -1]
