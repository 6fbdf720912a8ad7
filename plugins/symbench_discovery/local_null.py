"""Generators in the null space of slopes that are estimated by local linear regression."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem
from symbench.nullspace.acting import acting, input_scale
from symbench.nullspace.comparison import announced, without_symmetry
from symbench.nullspace.process import Choice, Regression
from symbench_discovery.counted import CountedConfig
from symbench_discovery.vectors import Announcement, VectorMethod, law_of

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
        ridge = _RIDGE * size * torch.eye(gram.shape[1], dtype=gram.dtype)
        fit = torch.linalg.solve(gram + ridge, rows.mT @ self.y.flatten(1)[near])
        return fit[:, 0], fit[:, 1:].mT @ self.T


@final
class LocalNull(VectorMethod):
    """Slopes by local linear regression, and the generators of gl(V) that keep them.

    At each training input a linear regression over the 4 · dim nearest examples estimates the
    derivative, in whitened inputs. The number of generators is chosen as by ``kernel-null``, with
    the labels of functions without symmetry going through the same local regressions.
    """

    name, version = "local-null", "1"
    summary = "null space of slopes estimated by local linear regression"
    reference = "Cahill, Mixon, Parshall 2020, Lie PCA (its estimate of tangents)"
    Config = CountedConfig
    config: CountedConfig

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the local regression on all data, with the generators that it keeps."""
        data, rest, valid = (
            part.to("cpu", torch.float64) for part in (data, context.rest, context.valid)
        )
        scale = input_scale(law_of(problem), data.x)
        choice = Choice.of(scale, rest, valid)
        prior = Regression(scale / choice.longer, choice.noise, data.x)
        f, within = LocalLinear(scale, data.x, data.y), acting(law_of(problem), data)
        fit = Data(data.x, f(data.x).flatten(1))
        L = announced(
            within,
            lambda y: LocalLinear(scale, data.x, y).derivative(within.x),
            data.y.flatten(1),
            without_symmetry(prior, fit, self.config.draws, context.generator),
            self.config.tolerance,
        )
        known = choice.error <= self.config.worst
        return Announcement(f, L if known else L[:0]).to(context.device)
