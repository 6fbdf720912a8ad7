"""The Gaussian process of a question, and which affine maps its derivative keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from symbench.contract import Data
from symbench.discovery.findings import Generator, Predictor
from symbench.discovery.question import Question
from symbench.metrics.candidate import Candidate
from symbench.metrics.derivative import Derivative
from symbench.nullspace.acting import acting, input_scale
from symbench.nullspace.comparison import (
    Decision,
    affine_error,
    affine_share,
    decide,
    derivative,
    knows,
    without_symmetry,
)
from symbench.nullspace.process import Choice, KernelRegression, Regression
from symbench.training.labels import set_aside

_DRAWS, _FEWEST, _COLUMNS = 100, 20, 6400  # functions without symmetry; fewer for many directions
TOLERANCE = 0.15  # no bound above it is claimed
_WORST = 0.9  # held-out error, in units of the variance, above which nothing is known


@dataclass(frozen=True)
class Fit:
    """A Gaussian process on the rows of a question.

    Attributes:
        question: whose rows they are.
        choice: its length scale and noise.
        scale: the input scale, before the length.
        affine: error of an affine regression on the rows that chose, in units of the variance.
    """

    question: Question
    choice: Choice
    scale: Tensor
    affine: float

    @classmethod
    def of(cls, question: Question) -> Fit:
        """Return the process whose length and noise predict the last fifth of the rows best."""
        scale = input_scale(question.law, question.data.x)
        rest, valid = set_aside(question.data)
        return cls(question, Choice.of(scale, rest, valid), scale, affine_error(rest, valid))

    @cached_property
    def regression(self) -> Regression:
        """The regression on the rows, for any targets."""
        T = self.scale / self.choice.length
        return Regression(T, self.choice.noise, self.question.data.x)

    @cached_property
    def f(self) -> KernelRegression:
        """The fit to the targets."""
        return self.regression.of(self.question.data.y)

    @cached_property
    def within(self) -> Candidate:
        """The affine maps that the rows can test."""
        return acting(self.question.law, self.question.data)

    @property
    def is_known(self) -> bool:
        """Whether the process predicts anything beyond an affine regression."""
        return knows(self.choice.error, self.affine, _WORST, TOLERANCE)

    def predictor(self) -> Predictor:
        """Return how well it predicts the held-out rows."""
        data, test = self.question.data, self.question.test
        values = self.f(data.x)
        return Predictor(
            "Gaussian process",
            r2(self.f(test.x), test.y, data.y),
            len(data),
            len(test),
            affine_share(Data(data.x, values.flatten(1))),
        )

    def decide(
        self, generator: torch.Generator, within: Candidate | None = None
    ) -> Decision | None:
        """Return which directions count; None if there is nothing to differentiate."""
        within = within or self.within
        if len(within.basis) == 0:
            return None
        data = self.question.data
        draws = min(_DRAWS, max(_FEWEST, _COLUMNS // len(within.basis)))
        prior = Regression(self.scale / self.choice.longer, self.choice.noise, data.x)
        fit = Data(data.x, self.f(data.x).flatten(1))
        without = without_symmetry(prior, fit, draws, generator)
        return decide(
            within, lambda y: self.regression.of(y).derivative(within.x), data.y, without, TOLERANCE
        )

    @cached_property
    def error(self) -> Derivative | None:
        """Half of the difference of the fits to alternate halves of the rows, at the probes.

        It is scaled to the size of the residuals on held-out rows if these are larger, because a
        bias that both halves share is only seen there. None if the halves are too small.
        """
        data, test, x = self.question.data, self.question.test, self.within.x
        T = self.scale / self.choice.length
        halves = [Regression(T, self.choice.noise, data.x[i::2]).of(data.y[i::2]) for i in (0, 1)]
        apart = (halves[0](test.x) - halves[1](test.x)).norm() / 2
        left = (self.f(test.x) - test.y).norm()
        half = max(1.0, float(left / apart)) / 2 if apart > 0 else 0.5
        (a, Da), (b, Db) = (each.derivative(x) for each in halves)
        return derivative(self.within, half * (a - b), half * (Da - Db))

    def ignored(self, generator: torch.Generator) -> tuple[Tensor, float]:
        """Return orthonormal directions [t, r] of z along which the targets hardly change.

        The second is the largest bound of their relative defects.
        """
        r = self.question.frame.size
        shifts = torch.zeros(r, r + 1, r + 1, dtype=torch.float64)
        shifts[torch.arange(r), torch.arange(r), -1] = 1.0
        coordinates = self.within.coordinates(shifts)
        Q = torch.linalg.qr(coordinates.mT).Q.mT
        basis, tangents = (
            torch.einsum("km,m...->k...", Q, part)
            for part in (self.within.basis, self.within.tangents)
        )
        shifted = replace(self.within, basis=basis, tangents=tangents)
        decision = self.decide(generator, shifted)
        if decision is None or not self.is_known:
            return torch.zeros(0, r, dtype=torch.float64), 0.0
        found = decision.generators[:, :-1, -1]
        if len(found) == 0:
            return found, 0.0
        bound = float(decision.bounds[: decision.count].max())
        return torch.linalg.svd(found, full_matrices=False)[2], bound


def r2(predicted: Tensor, y: Tensor, train: Tensor) -> float:
    """Return 1 - squared error / variance about the mean of the training targets."""
    error = (predicted - y).square().sum()
    about = (y - train.mean(0)).square().sum()
    return 1 - float(error / about) if float(about) > 0 else 0.0


def generators_of(fit: Fit, decision: Decision) -> list[Generator]:
    """Return the claimed generators, with what bounds their defects."""
    Q = decision.Q[: decision.count]
    defects = decision.C.defects(Q)
    errors = _errors(fit, decision, Q)
    spaces = fit.question.spaces
    matrices = spaces.whole.original(spaces.together(decision.generators))
    return [
        Generator(*parts)
        for parts in zip(
            matrices, _floats(defects.values), _floats(defects.bounds),
            decision.limits[: len(Q)], errors, _floats(defects.least), strict=True,
        )
    ]  # fmt: skip


def _errors(fit: Fit, decision: Decision, Q: Tensor) -> list[float]:
    """Return the defects that the error of the fit has along Q [k, m], in the fit's units."""
    if fit.error is None or len(Q) == 0:
        return [0.0] * len(Q)
    own, unit = (part.defects(Q) for part in (fit.error, decision.C))
    return _floats((own.violated.mean(0) / unit.possible[0].mean(0)).sqrt())


def _floats(values: Tensor) -> list[float]:
    return [float(value) for value in values]


def spectrum(decision: Decision | None) -> Sequence[float]:
    """Return the defects of all directions, ascending."""
    if decision is None:
        return ()
    return sorted(_floats(decision.C.defects(decision.Q).values))
