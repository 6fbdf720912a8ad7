"""The score of a ring under diffusion, and the most likely paths back to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from symbench import Data, Split, Symmetry, Task
from symbench.groups import SO, Scalar, V
from symbench_noether.fields import SIZES, normal
from symbench_noether.lagrangian import Lagrangian

RADIUS = 5.0
WIDTH = 0.55


def bessel_ratio(x: Tensor) -> Tensor:
    """Return I₁(x)/I₀(x), for x of any size; differentiable."""
    ratio: Tensor = torch.special.i1e(x) / torch.special.i0e(x)
    return ratio


def _polar(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return r = |x|, clamped away from zero, σ² = σ₀² + t², and Rr/σ², [...] each."""
    r = x.square().sum(-1).clamp(min=1e-20).sqrt()
    variance = WIDTH**2 + t * t
    return r, variance, RADIUS * r / variance


def log_density(x: Tensor, t: Tensor) -> Tensor:
    """Return log p(x | t) [...] of a ring of radius 5 and width 0.55 with noise of deviation t.

    p = exp(-(r² + R²)/2σ²) I₀(Rr/σ²) / (2πσ²), with σ² = σ₀² + t².

    Args:
        x: points, [..., 2].
        t: the noise, [...].
    """
    r, variance, kappa = _polar(x, t)
    gauss = -((r - RADIUS) ** 2) / (2 * variance) - (2 * math.pi * variance).log()
    value: Tensor = gauss + torch.special.i0e(kappa).log()
    return value


def score(x: Tensor, t: Tensor) -> Tensor:
    """Return ∇ log p [..., 2] = (R I₁(κ)/I₀(κ) - r)/σ² · x/r with κ = Rr/σ², at x and t."""
    r, variance, kappa = _polar(x, t)
    return x * ((RADIUS * bessel_ratio(kappa) / r - 1) / variance)[..., None]


def divergence(x: Tensor, t: Tensor) -> Tensor:
    """Return ∇·∇ log p [...] = g' + g/r of the radial score g, at x and t."""
    r, variance, kappa = _polar(x, t)
    a = bessel_ratio(kappa)
    slope = (RADIUS**2 / variance * (1 - a / kappa - a * a) - 1) / variance
    return slope + (RADIUS * a / r - 1) / variance


def flow_radius(radius: Tensor, first: float, last: float) -> Tensor:
    """Return |x| at noise ``last`` of the probability flow dx/dt = -t ∇ log p from ``first``.

    The flow is radial and preserves the cumulative probability of r, which has a Rice distribution.
    """
    from scipy.stats import rice  # takes half a second to import

    before, after = (math.hypot(WIDTH, t) for t in (first, last))
    r = radius.double().numpy()
    law, then = rice(RADIUS / before, scale=before), rice(RADIUS / after, scale=after)
    low, high = law.cdf(r), law.sf(r)
    return torch.from_numpy(np.where(low < high, then.ppf(low), then.isf(high)))


def reverse_lagrangian(
    field: Callable[[Tensor, Tensor], Tensor], top: float, onsager_machlup: bool = False
) -> Lagrangian:
    """Return the Lagrangian of the reverse diffusion in the clock w = T² - t², from noise T down.

    In reverse time, dx = 2t s dτ + √(2t) dW. In the clock w the noise is uniform: dx = s dw + dW,
    so D = ½, from w = 0 to T² - t₀². The momenta are the same as in the time τ.

    Args:
        field: the score s, (points [m, 2], noise [m]) -> [m, 2].
        top: T.
        onsager_machlup: whether to add ½ ∇·s.
    """
    return Lagrangian(lambda x, w: field(x, (top * top - w).sqrt()), 0.5, onsager_machlup)


@final
class RingDiffusion(Task):
    """The score of a noised ring, from (x, log t) with t log-uniform in [0.3, 10].

    The target is t ∇ log p(x | t), of order one at every noise level. Training and validation
    targets are those of denoising score matching: minus the noise ε that was added, x = x₀ + tε.
    Their mean given (x, t) is the target. Test targets are exact. By SO(2), angular momentum is
    conserved along the least-action paths of the reverse diffusion. Energy is not, because the
    drift depends on time.
    """

    name = "ring-diffusion"
    version = "1"
    summary = "score of a ring under diffusion"
    reference = "arXiv:2504.09761 (here with the normalised density)"
    threshold = 0.02
    input_shape, output_shape = (3,), (2,)
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = SIZES
    # 350 updates do not learn the small noise levels
    updates: ClassVar[Mapping[str, int]] = {"standard": 1500}
    levels: ClassVar[tuple[float, float]] = (0.3, 10.0)

    @property
    def symmetry(self) -> Symmetry:
        """SO(2): V + Scalar -> V."""
        group = SO(2)
        return Symmetry(group, (V + Scalar)(group), V(group))

    def target(self, x: Tensor) -> Tensor:
        """Return t ∇ log p [..., 2] at x [..., 3]."""
        t = x[..., 2].exp()
        return t[..., None] * score(x[..., :2], t)

    def drift(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the drift 2t ∇ log p [..., 2] of the reverse diffusion, for points and noise t."""
        return 2 * t[..., None] * score(x, t)

    def generators(self) -> Tensor:
        """The rotation about the origin, (W | b) [1, 2, 3]."""
        return torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]], dtype=torch.float64)

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n noised points with minus their noise, or the exact target for the test split."""
        generator = self.generator(seed, split)
        angle, level = torch.rand(2, n, generator=generator, dtype=torch.float64)
        clean = RADIUS * torch.stack([(2 * math.pi * angle).cos(), (2 * math.pi * angle).sin()], 1)
        clean = clean + WIDTH * normal(n, 2, generator=generator)
        low, high = (math.log(t) for t in self.levels)
        log = (low + (high - low) * level)[:, None]
        noise = normal(n, 2, generator=generator)
        x = torch.cat([clean + log.exp() * noise, log], 1).float().double()
        y = self.target(x) if split == "test" else -noise
        return Data(x.to(dtype), y.to(dtype))
