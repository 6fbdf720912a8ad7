"""Periodic signals and their shifts by fractions of a pixel (Rao and Ruderman 1999)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Data, InputError, Split, Symmetry, Task
from symbench.groups import Group, Scalar, V
from symbench_images.attainable import Path, attainable

_SIZE, _LARGEST_SHIFT = 21, 1.5


def periodic_derivative(size: int) -> Tensor:
    """Return the derivative [size, size] of the band-limited periodic interpolant.

    For odd d, D_ij = (π/d)(-1)^z csc(πz/d) for z = i - j ≠ 0, and 0 for z = 0; the unit is a pixel.
    Its frequencies are the integers up to (d - 1)/2. An even d has one more frequency, whose shifts
    by fractions of a pixel are not real (Trefethen 2000, Spectral Methods in MATLAB, chapter 3).

    Raises:
        InputError: ``size`` is even or less than 3.
    """
    if size < 3 or size % 2 == 0:
        raise InputError(f"{size} pixels do not allow exact shifts: choose an odd number from 3 on")
    z = torch.arange(size, dtype=torch.float64)
    z = z[:, None] - z
    sign = 1 - 2 * (z.abs() % 2)
    return torch.where(z == 0, 0.0, math.pi / size * sign / (math.pi / size * z).sin())


def shifted(signals: Tensor, shifts: Tensor) -> Tensor:
    """Return signals [n, d], each shifted to the right by its own number of pixels [n].

    This is exp(sL) x for L = -``periodic_derivative(d)``, computed by the discrete Fourier
    transform.
    """
    waves = torch.fft.rfft(signals)
    p = torch.arange(waves.shape[-1], dtype=shifts.dtype)
    turn = torch.exp(-2j * math.pi / signals.shape[-1] * p * shifts[:, None])
    moved: Tensor = torch.fft.irfft(waves * turn, n=signals.shape[-1])
    return moved


def translation_fields(size: int) -> Tensor:
    """Return the candidates [9, size, size], orthonormal with respect to tr(AᵀB).

    Five are vector fields w ∂, for the waves w = 1 and cos and sin of one and of two periods: the
    translation, and fields that stretch parts of the circle. Four are products with the
    non-constant waves, which brighten parts of it. The constant product is left out. A model that
    compares noiseless pairs may ignore their contrast, so it would be a second symmetry, which is
    not of interest here.
    """
    derivative = periodic_derivative(size)
    phase = 2 * math.pi / size * torch.arange(size, dtype=torch.float64)
    waves = torch.stack([f(k * phase) for k in (1, 2) for f in (torch.cos, torch.sin)])
    moving = torch.cat([torch.ones(1, size, dtype=torch.float64), waves])[:, :, None] * derivative
    flat = torch.cat([moving, torch.diag_embed(waves)]).flatten(1)
    basis, triangle = torch.linalg.qr(flat.mT)
    signed: Tensor = basis * triangle.diagonal().sign()
    return signed.mT.reshape(-1, size, size)


@final
class PixelTranslation(Group):
    """SO(2) as the shifts of a periodic signal of d pixels by any distance, exp(sL).

    L is circulant and antisymmetric, and exp(dL) = 1, so the group acts exactly.

    Args:
        size: the number of pixels d, which must be odd.

    Raises:
        InputError: ``size`` is even or less than 3.
    """

    sampler_law = "Haar: shift uniform over the period"

    def __init__(self, size: int) -> None:
        super().__init__(f"PixelTranslation({size})", -periodic_derivative(size)[None])

    def translation(self, shifts: Tensor) -> Tensor:
        """Return the elements [count, d, d] of the given shifts [count] in pixels."""
        one = torch.eye(self.dim, dtype=torch.float64)
        columns = shifted(one.repeat(len(shifts), 1), shifts.double().repeat_interleave(self.dim))
        return columns.view(-1, self.dim, self.dim).mT

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, d, d]."""
        return self.translation(
            self.dim * torch.rand(count, generator=generator, dtype=torch.float64)
        )


@lru_cache(maxsize=8)
def _attainable(group: PixelTranslation, largest: float, parametrisation: str) -> Tensor | None:
    return attainable(Path(group.translation, -largest, largest), parametrisation)


@final
class Translation1D(Task):
    """From a white signal of 21 pixels and the same signal shifted by s ~ U(-1.5, 1.5) pixels to s.

    The second signal is exactly exp(sL) times the first, with L the true generator. The signal is
    white noise, uniform in [-1/2, 1/2]. var s = 0.75, so the threshold of 0.05 is an error of 0.19
    pixels.
    """

    name, version = "translation-1d", "1"
    summary = "shift in ±1.5 pixels between 21-pixel white noise and its copy"
    reference = "after Rao and Ruderman 1999, Learning Lie Groups for Invariant Visual Perception"
    kind = "image"
    threshold = 0.05
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (50, 200),
        "quick": (),
        "standard": (3000,),
        "full": (300, 1000, 3000, 10000),
    }
    updates: ClassVar[Mapping[str, int]] = {"quick": 500, "standard": 1000}
    input_shape, output_shape = (2, 1, _SIZE), (1,)

    def __init__(self) -> None:
        self._group = PixelTranslation(_SIZE)

    @property
    def symmetry(self) -> Symmetry:
        """Shifts of both signals: 2 V -> Scalar."""
        return Symmetry(self._group, (2 * V)(self._group), Scalar(self._group))

    def candidate_algebra(self) -> Tensor:
        """Return ``translation_fields`` [9, 21, 21]."""
        return translation_fields(_SIZE)

    def attainable(self, parametrisation: str) -> Tensor | None:
        """Return the generator [1, 21, 21] that best approximates the shifts, or None."""
        return _attainable(self._group, _LARGEST_SHIFT, parametrisation)

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n pairs [n, 2, 1, 21], shifted in float64, and their shifts [n, 1]."""
        generator = self.generator(seed, split)
        first = (torch.rand(n, _SIZE, generator=generator) - 0.5).double()
        shift = _LARGEST_SHIFT * (2 * torch.rand(n, generator=generator).double() - 1)
        pair = torch.stack([first, shifted(first, shift)], 1)[:, :, None]
        return Data(pair, shift[:, None]).to(dtype)
