"""Generators in the null space of slopes that are estimated by local linear regression."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from symbench.nullspace.process import Choice
from symbench_discovery.counted import CountedMethod

_RIDGE = 1e-9  # relative to the mean square of the coordinates
_NEAREST = 4  # neighbours of a point, as a multiple of the number of coordinates


class LocalLinear(nn.Module):
    """The intercept at x of a linear regression over the neighbours of x.

    The neighbours are the 4 · dim nearest examples in whitened inputs. As long as they are the
    same, the intercept is an affine function of x, whose slope is that of the regression. It
    computes in float64.

    Args:
        T: whitens the inputs, [i, input_size].
        x: training inputs [n, *input_shape], float64.
        y: their targets [n, *output_shape].
    """

    T: Tensor
    z: Tensor
    y: Tensor

    def __init__(self, T: Tensor, x: Tensor, y: Tensor) -> None:
        super().__init__()
        for name, tensor in (("T", T), ("z", x.flatten(1) @ T.mT), ("y", y)):
            self.register_buffer(name, tensor)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *output_shape]."""
        value, _ = self.derivative(x.to(self.T.dtype))
        typed: Tensor = value.unflatten(1, self.y.shape[1:]).to(x.dtype)
        return typed

    def derivative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the local intercepts [n, output_size] and slopes [n, output_size, input_size]."""
        a = x.flatten(1) @ self.T.mT
        count = min(_NEAREST * self.z.shape[1], len(self.z))
        near = torch.cdist(a, self.z).topk(count, largest=False).indices
        steps = self.z[near] - a[:, None]
        rows = torch.cat([torch.ones_like(steps[:, :, :1]), steps], 2)
        gram = rows.mT @ rows
        size = gram.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
        one = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
        ridge = _RIDGE * size * one
        fit = torch.linalg.solve(gram + ridge, rows.mT @ self.y.flatten(1)[near])
        return fit[:, 0], fit[:, 1:].mT @ self.T


@final
class LocalNull(CountedMethod):
    """Slopes by local linear regression, and the generators of gl(V) that keep them.

    At each training input a linear regression over the 4 · dim nearest examples estimates the
    derivative, in whitened inputs. The number of generators is chosen as by ``kernel-null``, with
    the labels of functions without symmetry going through the same local regressions.
    """

    name, version = "local-null", "1"
    summary = "null space of slopes estimated by local linear regression"
    reference = "Cahill, Mixon, Parshall 2020, Lie PCA (its estimate of tangents)"

    def estimator(self, scale: Tensor, choice: Choice, x: Tensor) -> Callable[[Tensor], nn.Module]:  # noqa: ARG002
        """Return the local regression, which has neither a length scale nor a noise."""
        return partial(LocalLinear, scale, x)
