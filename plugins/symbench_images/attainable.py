"""The generators with which a parametrisation best approximates a motion of white images."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

_NODES = 12
_LARGEST = 64  # rows of a generator; larger fits take minutes
_STEPS = 300
_REAL = 1e-8  # tolerance for imaginary parts of a real logarithm, relative to its norm
_RECURSIVE = re.compile(r"recursive-([1-9]\d*)")
_EXPONENTIAL = re.compile(r"exponential(-skew)?(-return)?(-weighted)?")


@dataclass(frozen=True)
class _Form:
    """φ and the loss; ``power`` is r in (1 + A/r)^r, or 0 for exp. See ``attainable``."""

    power: int
    skew: bool
    returns: bool
    weighted: bool


@dataclass(frozen=True)
class Path:
    """Matrices R(θ) for θ uniform in [low, high], or for the single θ = low = high.

    Attributes:
        matrices: θ [q] -> R(θ) [q, d, d] in float64.
        low: the smallest θ.
        high: the largest θ.
    """

    matrices: Callable[[Tensor], Tensor]
    low: float
    high: float

    def quadrature(self) -> tuple[Tensor, Tensor]:
        """Return Gauss-Legendre nodes θ [q] and weights [q] that sum to 1."""
        if self.low == self.high:
            return torch.tensor([self.low], dtype=torch.float64), torch.ones(1).double()
        nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(_NODES))
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return middle + half * nodes, weights / 2


def attainable(path: Path, parametrisation: str) -> Tensor | None:
    """Return the generator L [1, d, d] whose φ(θL) best approximates R(θ) on white images; or None.

    L minimises E_θ ||R(θ) - φ(θL)||²_F:

    - ``linear``: φ(A) = 1 + A, in closed form, L = E[θ (R(θ) - 1)] / E[θ²];
    - ``recursive-r``: φ(A) = (1 + A/r)^r, by LBFGS from L = 0;
    - ``exponential``: φ = exp, by LBFGS from L = 0. The name may have suffixes. With ``-skew``, L
      is antisymmetric. With ``-return``, the loss of the way back, E_θ ||φ(-θL) R(θ) - 1||²_F, is
      added. With ``-weighted``, the squares are weighted by 1/θ², because the interpolation error
      grows with θ.

    For a single θ, the last two are a root and a logarithm. The result is None for other names, if
    no real matrix attains the minimum, and for fits of more than 64 rows.
    """
    if parametrisation == "linear":
        return _linear(path)[None]
    recursive = _RECURSIVE.fullmatch(parametrisation)
    exponential = _EXPONENTIAL.fullmatch(parametrisation)
    if not (recursive or exponential):
        return None
    options = set(parametrisation.split("-")[1:])
    form = _Form(
        power=int(recursive[1]) if recursive else 0,
        skew="skew" in options,
        returns="return" in options,
        weighted="weighted" in options,
    )
    return _at_one(path, form) if path.low == path.high else _fit(path, form)


def logarithm(R: Tensor) -> Tensor:
    """Return the principal logarithm [d, d] of R [d, d]; it may be complex."""
    log = scipy.linalg.logm(R.numpy())
    return torch.from_numpy(np.asarray(log))


def _linear(path: Path) -> Tensor:
    theta, weight = path.quadrature()
    R = path.matrices(theta)
    one = torch.eye(R.shape[-1], dtype=R.dtype)
    return torch.einsum("q,qij->ij", weight * theta, R - one) / (weight * theta.square()).sum()


def _at_one(path: Path, form: _Form) -> Tensor | None:
    """Return L with φ(θL) = R; for antisymmetric L, with the orthogonal matrix nearest to R."""
    theta = path.low
    R = path.matrices(torch.tensor([theta], dtype=torch.float64))[0]
    if form.skew:
        R = torch.from_numpy(scipy.linalg.polar(R.numpy())[0])
    log = logarithm(R)
    if log.is_complex():
        if float(log.imag.norm()) > _REAL * float(log.abs().norm()):
            return None
        log = log.real
    one = torch.eye(len(R), dtype=R.dtype)
    if form.power:
        log = form.power * (torch.linalg.matrix_exp(log / form.power) - one)
    L = (log - log.mT) / 2 if form.skew else log
    return L[None] / theta


def _fit(path: Path, form: _Form) -> Tensor | None:
    theta, weight = path.quadrature()
    R = path.matrices(theta)
    d = R.shape[-1]
    if d > _LARGEST:
        return None
    one = torch.eye(d, dtype=R.dtype)
    share = weight * (theta / theta.abs().max()) ** -2 if form.weighted else weight
    scale = 1 / math.sqrt(float((weight * theta.square()).sum()))
    M = torch.zeros(d, d, dtype=R.dtype, requires_grad=True)

    def generator() -> Tensor:
        return scale * (M - M.mT if form.skew else M)

    optimiser = torch.optim.LBFGS(
        [M],
        max_iter=_STEPS,
        history_size=20,
        tolerance_grad=1e-7,
        tolerance_change=1e-10,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        A = theta[:, None, None] * generator()
        squares = (R - _phi(A, form.power)).square().sum((1, 2))
        if form.returns:
            squares = squares + (_phi(-A, form.power) @ R - one).square().sum((1, 2))
        value: Tensor = (share * squares).sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(loss)
    return generator().detach()[None]


def _phi(A: Tensor, power: int) -> Tensor:
    """Return (1 + A/r)^r for A [q, d, d] and ``power`` r, or exp A for r = 0."""
    if not power:
        exponential: Tensor = torch.linalg.matrix_exp(A)
        return exponential
    one = torch.eye(A.shape[-1], dtype=A.dtype)
    result: Tensor = torch.linalg.matrix_power(one + A / power, power)
    return result
