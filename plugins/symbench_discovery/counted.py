"""Base of the methods that compare an estimate with those of functions without symmetry."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem
from symbench.nullspace.acting import acting, input_scale
from symbench.nullspace.comparison import affine_error, announced, knows, without_symmetry
from symbench.nullspace.process import Choice, Regression
from symbench_discovery.vectors import Announcement, VectorMethod, law_of


@dataclass(frozen=True)
class CountedConfig:
    """What decides how many generators are announced.

    ``draws`` is the number of functions without symmetry. No direction is announced whose bound is
    above ``tolerance``, and none at all where the kernel regression has a held-out error above
    ``worst``, in units of the variance: it then says nothing about the function. The unit is the
    error of an affine regression where that is smaller, unless it is below ``tolerance`` squared.
    Otherwise an affine function, which many generators may keep, would stand for one whose
    remainder was not learned, and keeps none.
    """

    draws: int = 100
    tolerance: float = 0.15
    worst: float = 0.9


class Estimated(Protocol):
    """A function that was estimated from labels."""

    def derivative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return its values [n, output_size] and Jacobians [n, output_size, input_size]."""


class CountedMethod(VectorMethod):
    """Base of the methods that estimate a function without training, and count what it keeps."""

    Config = CountedConfig
    config: CountedConfig

    @abstractmethod
    def estimator(self, scale: Tensor, choice: Choice, x: Tensor) -> Callable[[Tensor], nn.Module]:
        """Return what makes an ``Estimated`` module of labels [n, *output_shape] at the inputs x.

        Args:
            scale: T [i, input_size] such that T x has unit variance.
            choice: the length scale and the noise that predict held-out examples best.
            x: training inputs [n, *input_shape], float64.
        """

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the estimate from all data, with the generators that it keeps."""
        data, rest, valid = (
            part.to("cpu", torch.float64) for part in (data, context.rest, context.valid)
        )
        law = law_of(problem)
        scale = input_scale(law, data.x)
        choice = Choice.of(scale, rest, valid)
        estimate = self.estimator(scale, choice, data.x)
        prior = Regression(scale / choice.longer, choice.noise, data.x)
        f, within = estimate(data.y), acting(law, data)
        fit = Data(data.x, f(data.x).flatten(1))
        L = announced(
            within,
            lambda y: cast(Estimated, estimate(y)).derivative(within.x),
            data.y.flatten(1),
            without_symmetry(prior, fit, self.config.draws, context.generator),
            self.config.tolerance,
        )
        affine = affine_error(rest, valid)
        known = knows(choice.error, affine, self.config.worst, self.config.tolerance)
        return Announcement(f, L if known else L[:0]).to(context.device)
