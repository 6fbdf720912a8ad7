"""Affine symmetries of the Lagrangian of a drift, known or learned, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from symbench.metrics.algebra import orthonormal, principal_cosines
from symbench_noether.lagrangian import Field

_SMALL, _GAP = 0.05, 10.0
_ROUNDING = 1e-20  # eigenvalues below this fraction of the largest are squares of rounding errors


@dataclass(frozen=True)
class Spectrum:
    """How much the law changes under each generator.

    ``values`` [m], ascending, are the mean squares of the change for the generators (W | b) in
    ``directions`` [m, d, d + 1], orthonormal in the Frobenius product.
    """

    values: Tensor
    directions: Tensor

    @property
    def found(self) -> int:
        """The number of symmetries by the gap rule of ``count_small``; it may be 0."""
        return count_small(self.values)

    @property
    def least(self) -> float:
        """The least eigenvalue in units of the largest."""
        return float(self.values[0] / self.values[-1])

    def gap(self, k: int) -> float:
        """Return λ_k / λ_{k+1}, which is 0 for k exact symmetries, and near 1 without a gap."""
        return float(self.values[k - 1] / self.values[k])

    def cosine(self, truth: Tensor) -> float:
        """Return the root mean square cosine between the k least directions and the true span.

        Principal cosines are those in the Frobenius product of (W | b). For one generator, this is
        the cosine.

        Args:
            truth: independent generators, [k, d, d + 1] with k > 0.
        """
        learned = self.directions[: len(truth)].flatten(1)
        cosines = principal_cosines(learned, orthonormal(truth.double().flatten(1)))
        return float(cosines.square().mean().sqrt())

    def scores(self, name: str, truth: Tensor) -> dict[str, float]:
        """Return ``name``, the cosine with the truth [k, d, d + 1], and its annotations by name.

        The result is empty if no generator changes the law, as for a constant one.
        """
        k, m = len(truth), len(self.values)
        if not self.values[-1] > 0:
            return {}
        scores = {
            f"{name}.found": float(self.found),
            f"{name}.found.truth": float(k),
            f"{name}.least": self.least,
        }
        if k > 0:
            scores |= {f"{name}.gap": self.gap(k), f"{name}.chance": math.sqrt(k / m)}
            scores[name] = self.cosine(truth)
        return {score: value for score, value in scores.items() if math.isfinite(value)}


def count_small(values: Tensor) -> int:
    """Return how many eigenvalues [m], ascending and not negative, a gap separates as small.

    This is the k with the largest ratio λ_{k+1} / λ_k among those whose λ_k is below 0.05 of the
    mean, if that ratio is at least 10, and otherwise 0. Values below 1e-20 of the largest count as
    equal.
    """
    floor = values.clamp(min=float(values[-1]) * _ROUNDING)
    if not bool(floor[-1] > 0):
        return 0
    ratio = torch.where(floor[:-1] < _SMALL * floor.mean(), floor[1:] / floor[:-1], 0)
    best = int(ratio.argmax()) if len(ratio) else 0
    return best + 1 if len(ratio) and bool(ratio[best] >= _GAP) else 0


def invariance_rows(drift: Field, diffusion: float, x: Tensor, v: Tensor) -> Tensor:
    """Return the changes of L = |v - f(x)|²/(4D) under the elementary affine generators.

    Under x -> x + ε(Wx + b), v -> v + εWv, L changes by ε⟨row, (W | b)⟩ with the row
    (∂L/∂x xᵀ + ∂L/∂v vᵀ | ∂L/∂x), where ∂L/∂v = p = (v - f)/(2D) and ∂L/∂x = -(∂f/∂x)ᵀ p.

    Args:
        drift: f, [n, d] -> [n, d], which treats rows independently.
        diffusion: D.
        x: states, [n, d].
        v: velocities, [n, d].

    Returns:
        [n, d, d + 1].
    """
    with torch.enable_grad():
        live = x.detach().requires_grad_()
        f = drift(live)
        p = ((v - f) / (2 * diffusion)).detach()
        slope = x.new_zeros(x.shape)
        if f.requires_grad:
            slope = -torch.autograd.grad((f * p).sum(), live, materialize_grads=True)[0]
    linear = slope[:, :, None] * x[:, None] + p[:, :, None] * v[:, None]
    return torch.cat([linear, slope[:, :, None]], 2)


def discover(
    drift: Field, diffusion: float, x: Tensor, generator: torch.Generator
) -> Spectrum | None:
    """Find the affine generators that change the Lagrangian of a drift least, at states x [n, d].

    They are the eigenvectors of the Gram matrix E[row rowᵀ] of ``invariance_rows``, over velocities
    v = f(x) + √(2D) N(0, 1) of unit noise. The commutant of f would not suffice: that of every
    linear field holds the identity and the field itself.

    Args:
        drift: f, [n, d] -> [n, d], in float64.
        diffusion: D.
        x: states, [n, d].
        generator: random generator of the velocities.

    Returns:
        None if f or its derivative is not finite, or if no generator changes the Lagrangian.
    """
    x = x.double()
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    with torch.no_grad():
        v = drift(x) + (2 * diffusion) ** 0.5 * noise
    rows = invariance_rows(drift, diffusion, x, v)
    return spectrum(rows) if bool(rows.isfinite().all()) and bool(rows.any()) else None


def spectrum(rows: Tensor) -> Spectrum:
    """Return the eigenvalues and eigenvectors of E[row rowᵀ], rows [n, d, d + 1] with n > d(d + 1).

    They are computed from the singular values of the rows, so that those of exact symmetries are 0
    to rounding.
    """
    _, values, basis = torch.linalg.svd(rows.flatten(1) / len(rows) ** 0.5, full_matrices=False)
    return Spectrum(values.flip(0).square(), basis.flip(0).unflatten(1, rows.shape[1:]))
