"""What the methods on vectors share: what they accept, and an announcement."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from symbench import Context, Data, InputError, Model, Prior, Problem, Recipe, Symmetry

_LARGEST = 8  # dimensions of V: the null distribution needs many decompositions of d² columns


@dataclass(frozen=True)
class TrainedConfig:
    """``declined`` keeps a model that trains networks out of the tier ``quick``, to save time."""

    declined: bool = False

    @property
    def reason(self) -> str | None:
        """Why the model declines every problem, or None."""
        why = "it trains networks of its own: use the tier standard or full"
        return why if self.declined else None


NOT_IN_QUICK: Mapping[str, Mapping[str, Any]] = {"quick": {"declined": True}, "standard": {}}
"""The ``tiers`` of such a model."""


class Announcement(nn.Module):
    """A predictor, together with the generators ``L`` [k, d, d] that a method announces."""

    L: Tensor

    def __init__(self, predictor: nn.Module, L: Tensor) -> None:
        super().__init__()
        self.predictor = predictor
        self.register_buffer("L", L)

    def forward(self, x: Tensor) -> Tensor:
        """Return the predictor's [n, *output_shape]."""
        y: Tensor = self.predictor(x)
        return y


class Constant(nn.Module):
    """The same ``value`` for every input."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *value.shape]."""
        return self.value.to(x.dtype).expand(len(x), *self.value.shape)


class VectorMethod(Model):
    """Base of the methods that find generators of GL(V) from vectors with a regression target."""

    prior: ClassVar[Prior] = "discovers"

    def accepts(self, problem: Problem) -> str | None:
        """Decline problems without a declared layout, all but regression, and a large V."""
        if problem.kind != "vectors" or problem.candidate is None or problem.loss != "mse":
            return f"{self.name} needs vectors with a declared layout and a regression target"
        if (d := problem.candidate.group.dim) > _LARGEST:
            return f"{self.name} searches gl(V) up to dim V = {_LARGEST}, not {d}"
        return self.config.reason if isinstance(self.config, TrainedConfig) else None

    def build(self, problem: Problem) -> Announcement:
        """Return the constant zero, which announces nothing."""
        d = law_of(problem).group.dim
        return Announcement(Constant(torch.zeros(problem.output_shape)), torch.zeros(0, d, d))

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    @abstractmethod
    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the trained predictor with the announced generators."""

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the announced generators [k, d, d]; k may be 0."""
        return module.L if isinstance(module, Announcement) else None


class PerceptronMethod(VectorMethod):
    """Base of the methods whose predictor is a perceptron."""

    backbones = ("mlp",)

    def build(self, problem: Problem) -> Announcement:
        """Return the untrained perceptron, which announces nothing."""
        nothing = super().build(problem)
        return Announcement(problem.backbone("mlp"), nothing.L)


def law_of(problem: Problem) -> Symmetry:
    """Return how GL(V) acts on the problem's inputs and outputs.

    Raises:
        InputError: the problem states no layout.
    """
    if problem.candidate is None:
        raise InputError("the problem states no layout of its vectors: give Task.layout()")
    return problem.candidate
