"""Guesses of a symmetry without a look at the labels, which discovery has to beat."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Model, Prior, Problem, Recipe
from symbench.groups import SO
from symbench.metrics.algebra import Whitening
from symbench.metrics.candidate import second_moment


class Guess(nn.Module):
    """The mean of the training targets, and generators [k, d, d] that it does not use."""

    mean: Tensor
    L: Tensor

    def __init__(self, mean: Tensor, L: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("L", L)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean [n, *output_shape] for every x [n, *input_shape]."""
        return self.mean.to(x.dtype).expand(len(x), *self.mean.shape)


class _Guessing(Model):
    """Announces generators that depend on the inputs alone, and predicts a constant."""

    prior: ClassVar[Prior] = "discovers"

    def accepts(self, problem: Problem) -> str | None:
        """Decline problems without a declared layout, and all but regression."""
        if problem.kind != "vectors" or problem.candidate is None or problem.loss != "mse":
            return f"{self.name} needs vectors with a declared layout and a regression target"
        return None

    @abstractmethod
    def guess(self, problem: Problem, x: Tensor) -> Tensor:
        """Return generators [k, d, d] from inputs x [n, *input_shape]; n is 0 before training."""

    def build(self, problem: Problem) -> Guess:
        """Return the constant zero, with the generators guessed without data."""
        nothing = torch.zeros(0, *problem.input_shape, dtype=torch.float64)
        return Guess(torch.zeros(problem.output_shape), self.guess(problem, nothing))

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the mean of the training targets, with the guessed generators."""
        L = self.guess(problem, data.x.cpu().double())
        mean = data.y.cpu().double().mean(0).to(data.y.dtype)
        return Guess(mean, L).to(context.device)

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the guessed generators."""
        return module.L if isinstance(module, Guess) else None


@final
class GuessSO(_Guessing):
    """Announces all rotations of V, so(d), whatever the data; predicts the mean of the targets.

    A method of discovery that is not better than this has shown nothing where the symmetry is
    orthogonal.
    """

    name, version = "guess-so", "1"
    summary = "so(d) without a look at the data, and a constant prediction"

    def guess(self, problem: Problem, x: Tensor) -> Tensor:  # noqa: ARG002 - whatever the data
        """Return so(d), [d(d - 1)/2, d, d]."""
        return _rotations(problem)


@final
class GuessCovariance(_Guessing):
    """Announces the isometries of the inputs' second moment; predicts the mean of the targets.

    These are the A with A S + S Aᵀ = 0 for S = E[v vᵀ] over the copies v of V in the training
    inputs. They are the conjugate of so(d) under which the inputs look alike, up to second order.
    Labels are not read. Before training S is the identity.
    """

    name, version = "guess-covariance", "1"
    summary = "isometries of the inputs' second moment, and a constant prediction"

    def guess(self, problem: Problem, x: Tensor) -> Tensor:
        """Return W K W⁺ for K in so(r), with S = W Wᵀ of rank r."""
        law = problem.candidate
        if law is None or len(x) == 0:
            return _rotations(problem)
        whitening = Whitening.of(second_moment(x, law.input))
        isometries: Tensor = whitening.colour @ SO(len(whitening.whiten)).algebra @ whitening.whiten
        return isometries


def _rotations(problem: Problem) -> Tensor:
    d = 1 if problem.candidate is None else problem.candidate.group.dim
    return SO(d).algebra
