"""How many generators an estimate keeps, against estimates of functions without symmetry.

How small a defect does a smooth function without symmetry have by chance? A nearly affine function
has small ones, so that no fixed tolerance is right. The comparison is with functions drawn from the
prior of a Gaussian process, whose labels go through the same estimate as those of the task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from symbench.contract import Data
from symbench.groups import positive_scale
from symbench.metrics.candidate import Candidate
from symbench.metrics.derivative import Derivative
from symbench.metrics.slope import Slope
from symbench.nullspace.process import Regression

Estimate = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Labels [n, k] -> values [probes, k] and Jacobians [probes, k, input_size] of k functions."""

_LEVEL, _TINY = 0.05, torch.finfo(torch.float64).tiny


@dataclass(frozen=True)
class Decision:
    """Which directions of an estimate count as generators.

    Attributes:
        C: the derivative of the estimate.
        Q: its directions [m, m], in the order of the bounds of their defects.
        bounds: [m].
        limits: what the bound of each direction had to be below, up to the first that was not.
        count: how many directions are claimed.
    """

    C: Derivative
    Q: Tensor
    bounds: Tensor
    limits: tuple[float, ...]
    count: int

    @property
    def generators(self) -> Tensor:
        """The claimed generators [k, d, d]."""
        return torch.einsum("km,mij->kij", self.Q[: self.count], self.C.within.basis)


def decide(
    within: Candidate, estimate: Estimate, labels: Tensor, asymmetric: Tensor, tolerance: float
) -> Decision | None:
    """Return which directions the function estimated from ``labels`` keeps.

    The directions of C are taken in the order of the bounds of their defects. The k-th is claimed
    if its bound is below a tolerance, and below the 5 % quantile, over the functions without
    symmetry, of the least defect among it and all later directions. The first that is not claimed
    ends the list. None if no function has a derivative to speak of.

    Args:
        within: the candidate algebra.
        estimate: is applied to both kinds of labels.
        labels: of the task, [n, outputs].
        asymmetric: labels of functions without symmetry, [n, count, outputs].
        tolerance: no bound above it is claimed.
    """
    C = derivative(within, *estimate(labels))
    null = _derivatives(within, estimate, asymmetric)
    if C.problem or not null:
        return None
    bounds, order = C.defects(C.directions).bounds.sort()
    Q, limits = C.directions[order], []
    for k in range(len(Q)):
        limits.append(min(tolerance, _limit(null, Q[k:])))
        if float(bounds[k]) >= limits[k]:
            return Decision(C, Q, bounds, tuple(limits), k)
    return Decision(C, Q, bounds, tuple(limits), len(Q))


def announced(
    within: Candidate, estimate: Estimate, labels: Tensor, asymmetric: Tensor, tolerance: float
) -> Tensor:
    """Return the generators [k, d, d] that ``decide`` claims."""
    decision = decide(within, estimate, labels, asymmetric, tolerance)
    return within.basis[:0] if decision is None else decision.generators


def without_symmetry(
    prior: Regression, fit: Data, count: int, generator: torch.Generator
) -> Tensor:
    """Return labels [n, count, outputs] of functions from a prior, which have no symmetry.

    A prior of a long length scale draws functions that are nearly affine, and therefore nearly
    symmetric, although a fit of that length scale need not be. So the affine part of each function
    and the remainder are rescaled to have the same shares of the variance as those of ``fit``.

    Args:
        prior: on the inputs of ``fit``.
        fit: inputs [n, ...], and the values [n, outputs] of the function fitted to them.
        count: number of functions.
        generator: draws them.
    """
    share = affine_share(fit)
    outputs = fit.y.shape[1]
    drawn = _parts(Data(fit.x, prior.prior(count * outputs, generator)))
    flat, bent = (part / _size(part) for part in drawn)
    labels = share**0.5 * flat + (1 - share) ** 0.5 * bent
    each: Tensor = labels.unflatten(1, (count, outputs))
    return each


def knows(error: float, affine: float, worst: float, tolerance: float) -> bool:
    """Whether a regression says something about the function beyond its affine part.

    Args:
        error: of the regression on held-out examples, in units of the variance.
        affine: that of an affine regression.
        worst: the part of the smaller of 1 and ``affine`` above which it says nothing.
        tolerance: squared, the error of an affine regression that leaves nothing to explain.
    """
    bent = affine > tolerance**2
    return error <= worst * (min(1.0, affine) if bent else 1.0)


def affine_error(rest: Data, valid: Data) -> float:
    """Return the mean squared error of an affine regression on held-out examples.

    It is in units of their variance about the mean of the others.

    Args:
        rest: the examples that it is fitted to.
        valid: the held-out ones.
    """
    shift, mean = rest.x.flatten(1).mean(0), rest.y.flatten(1).mean(0)
    X, y = rest.x.flatten(1) - shift, rest.y.flatten(1) - mean
    slope = torch.linalg.lstsq(X, y, driver="gelsd").solution
    wanted = valid.y.flatten(1) - mean
    left = wanted - (valid.x.flatten(1) - shift) @ slope
    return float(left.square().sum() / wanted.square().sum().clamp_min(_TINY))


def affine_share(fit: Data) -> float:
    """Return the share of the variance of values y [n, k] that is affine in x [n, ...].

    It lies in [0, 1]; rounding alone would exceed 1 where n examples are fitted exactly.
    """
    affine, rest = _parts(fit)
    share = affine.square().sum() / (affine + rest).square().sum().clamp_min(_TINY)
    return float(share.clamp(max=1.0))


def _parts(data: Data) -> tuple[Tensor, Tensor]:
    """Return the affine part of values y [n, k] less their mean, and the remainder."""
    x, y = data.x.flatten(1), data.y
    X = x - x.mean(0)
    y = y - y.mean(0)
    affine = X @ torch.linalg.lstsq(X, y, driver="gelsd").solution
    return affine, y - affine


def _size(part: Tensor) -> Tensor:
    """Return the root mean squares [k] of values [n, k], or 1 where they are rounding."""
    return positive_scale(part.square().mean(0).sqrt(), part.abs().amax(0), part.dtype)


def derivative(within: Candidate, value: Tensor, jacobian: Tensor) -> Derivative:
    """Return the derivative of a function from its values and Jacobians at the probes."""
    return Derivative.each(within, [_slope(within, value, jacobian)])[0]


def _slope(within: Candidate, value: Tensor, jacobian: Tensor) -> Slope:
    along = torch.einsum("noi,mni->mno", jacobian, within.tangents)
    square = torch.einsum("nrm,mno->nro", within.probing.frame, along).square().sum((1, 2))
    return Slope(_unknown, within.x, value, along, square, jacobian)


def _unknown(x: Tensor) -> Tensor:
    """Stand for a function of which only values and Jacobians are known; nothing here calls it."""
    raise NotImplementedError("only the values and Jacobians of this function are known")


def _derivatives(within: Candidate, estimate: Estimate, labels: Tensor) -> list[Derivative]:
    """Return the derivative of the estimate of every function, less its mean value."""
    outputs = labels.shape[2]
    value, jacobian = estimate(labels.flatten(1))
    parts = zip((value - value.mean(0)).split(outputs, 1), jacobian.split(outputs, 1), strict=True)
    found = Derivative.each(within, [_slope(within, *part) for part in parts])
    return [C for C in found if not C.problem]


def _limit(null: Sequence[Derivative], Q: Tensor) -> float:
    """Return the 5 % quantile of the least defect within orthonormal directions Q [k, m]."""
    return float(torch.stack([_least(C, Q) for C in null]).quantile(_LEVEL))


def _least(C: Derivative, Q: Tensor) -> Tensor:
    """Return the defect of the direction within Q [k, m] along which C is least."""
    rows = C.C.flatten(0, 1) @ Q.mT
    _, vectors = torch.linalg.eigh(rows.mT @ rows)
    return C.defects(vectors[None, :, 0] @ Q).values[0]
