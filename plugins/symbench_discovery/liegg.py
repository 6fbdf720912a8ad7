"""Generators in the null space of the derivative of a trained perceptron."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem
from symbench.metrics.algebra import orthonormal
from symbench.metrics.candidate import Candidate
from symbench.metrics.derivative import Derivative
from symbench.nullspace.acting import acting
from symbench_discovery.predictor import trained
from symbench_discovery.vectors import Announcement, PerceptronMethod, law_of


@dataclass(frozen=True)
class LieGGConfig:
    """A direction is announced if the bound of its relative defect is below ``tolerance``."""

    tolerance: float = 0.1


@final
class LieGG(PerceptronMethod):
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

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the trained perceptron with the generators that it keeps."""
        net = problem.backbone("mlp").to(context.device)
        trained(net, problem, context, context.updates)
        L = kept_by(net, problem, data, self.config.tolerance)
        return Announcement(net, L).to(context.device)


def kept_by(
    net: nn.Module, problem: Problem, data: Data, tolerance: float, among: Tensor | None = None
) -> Tensor:
    """Return the generators [k, d, d] that a network keeps to within a tolerance.

    Args:
        net: the network.
        problem: states the layout.
        data: its inputs are the probes.
        tolerance: of the bound of the relative defect.
        among: generators [any, d, d] whose span is searched; None searches gl(V).
    """
    exact = deepcopy(net).cpu().double().eval().requires_grad_(False)
    data = data.to("cpu", torch.float64)
    within = acting(law_of(problem), data)
    if among is not None:
        within = _spanned(within, among.detach().cpu().double())
    C = Derivative.of(within, exact)
    if C.problem:
        return within.basis[:0]
    Q = C.directions[C.defects(C.directions).bounds < tolerance]
    return torch.einsum("km,mij->kij", Q, within.basis)


def _spanned(within: Candidate, L: Tensor) -> Candidate:
    """Return the candidate algebra restricted to the span of generators L [k, d, d]."""
    Q = orthonormal(within.coordinates(L))
    basis, tangents = (
        torch.einsum("km,m...->k...", Q, part) for part in (within.basis, within.tangents)
    )
    return replace(within, basis=basis, tangents=tangents)
