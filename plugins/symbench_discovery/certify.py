"""Generators that a regression keeps within a tolerance, or no answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem
from symbench.metrics.derivative import Derivative
from symbench.nullspace.acting import acting, input_scale
from symbench.nullspace.comparison import derivative
from symbench.nullspace.process import Choice, Regression
from symbench_discovery.vectors import Announcement, VectorMethod, law_of


@dataclass(frozen=True)
class CertifyConfig:
    """``tolerance`` is the relative defect within which a generator is certified."""

    tolerance: float = 0.1


@final
class Certify(VectorMethod):
    """The generators that are symmetries to within a tolerance τ, where the data can tell.

    The regression is that of ``kernel-null``. A direction of its derivative is announced if the
    one-sided 95 % bound of its relative defect is below τ, and if the error of the regression puts
    less than τ / 2 under that defect. Where it puts more, the method abstains. The error is
    estimated from two regressions on alternate halves of the data: half of their difference, whose
    defect is measured in the units of the whole regression. A bias that both halves share is not
    seen.
    """

    name, version = "certify", "1"
    summary = "generators certified to within a tolerance, or no answer"
    reference = "after SymCert 1.1 (certified within a stated tolerance, or refused)"
    Config = CertifyConfig
    config: CertifyConfig

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the regression on all data, with the generators that are certified."""
        data, rest, valid = (
            part.to("cpu", torch.float64) for part in (data, context.rest, context.valid)
        )
        scale = input_scale(law_of(problem), data.x)
        choice = Choice.of(scale, rest, valid)
        T, within = scale / choice.length, acting(law_of(problem), data)
        whole = Regression(T, choice.noise, data.x).of(data.y)
        C = derivative(within, *whole.derivative(within.x))
        if C.problem:
            return Announcement(whole, within.basis[:0]).to(context.device)
        halves = [Regression(T, choice.noise, data.x[i::2]).of(data.y[i::2]) for i in (0, 1)]
        (a, Da), (b, Db) = (half.derivative(within.x) for half in halves)
        error = derivative(within, (a - b) / 2, (Da - Db) / 2)
        certain = _floors(error, C) < self.config.tolerance / 2
        kept = C.defects(C.directions).bounds < self.config.tolerance
        L = torch.einsum("km,mij->kij", C.directions[certain & kept], within.basis)
        return Announcement(whole, L).to(context.device)


def _floors(error: Derivative, C: Derivative) -> Tensor:
    """Return the defects [m] of the directions of C that an error has, in the units of C."""
    own, unit = (part.defects(C.directions) for part in (error, C))
    floors: Tensor = (own.violated.mean(0) / unit.possible[0].mean(0)).sqrt()
    return floors
