"""Generators in the null space of the derivative of a trained perceptron."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem
from symbench.metrics.derivative import Derivative
from symbench_discovery.predictor import trained
from symbench_discovery.vectors import Announcement, VectorMethod, acting


@dataclass(frozen=True)
class LieGGConfig:
    """A direction is announced if the bound of its relative defect is below ``tolerance``."""

    tolerance: float = 0.1


@final
class LieGG(VectorMethod):
    """A perceptron trained as ``mlp`` is, and the generators of gl(V) that it keeps.

    The generators are the singular directions of the derivative C of the trained network along
    gl(V), at the training inputs. The paper counts small singular values by eye; here a direction
    counts if the one-sided 95 % bound of its relative defect is below a tolerance.
    """

    name, version = "liegg", "1"
    summary = "null space of the derivative of a trained perceptron"
    reference = "Moskalev, Sepliarskaia, Sosnovik, Smeulders 2022, LieGG"
    Config = LieGGConfig
    config: LieGGConfig
    backbones = ("mlp",)

    def build(self, problem: Problem) -> Announcement:
        """Return the untrained perceptron, which announces nothing."""
        nothing = super().build(problem)
        return Announcement(problem.backbone("mlp"), nothing.L)

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the trained perceptron with the generators that it keeps."""
        net = problem.backbone("mlp").to(context.device)
        trained(net, problem, context, context.updates)
        L = kept_by(net, problem, data, self.config.tolerance)
        return Announcement(net, L).to(context.device)


def kept_by(net: nn.Module, problem: Problem, data: Data, tolerance: float) -> Tensor:
    """Return the generators [k, d, d] of gl(V) that a network keeps to within a tolerance."""
    exact = deepcopy(net).cpu().double().eval().requires_grad_(False)
    data = data.to("cpu", torch.float64)
    C = Derivative.of(acting(problem, data), exact)
    if C.problem:
        return C.within.basis[:0]
    Q = C.directions[C.defects(C.directions).bounds < tolerance]
    return torch.einsum("km,mij->kij", Q, C.within.basis)
