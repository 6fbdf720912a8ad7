"""Rotations of a square image about its centre, as linear maps of its pixels."""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from symbench import InputError
from symbench.groups import Group

MAX_ANGLE = math.pi / 2


def pixel_grid(side: int) -> tuple[Tensor, Tensor]:
    """Return the coordinates (x, y) of the pixels, [side²] each, in row-major order.

    The origin is the image's centre, (side - 1)/2 from the first pixel. x points to the right along
    the columns and y downwards along the rows. The unit is a pixel.
    """
    axis = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x.flatten(), y.flatten()


def sinc_derivative(side: int) -> Tensor:
    """Return the derivative [side, side] of the band-limited interpolant of ``side`` samples.

    The samples are padded with zeros to the period P = 2 side, so that there is no wrap-around:
    D_ij = (π/P)(-1)^z cot(πz/P) for z = i - j ≠ 0, and 0 for z = 0 (Trefethen 2000, Spectral
    Methods in MATLAB, chapter 3; Dehmamy et al. 2021, L-conv, appendix).
    """
    z = torch.arange(side, dtype=torch.float64)
    z = z[:, None] - z[None, :]
    step = math.pi / (2 * side)
    sign = 1 - 2 * (z.abs() % 2)
    cotangent = 1 / (step * z).tan()
    return torch.where(z == 0, 0.0, step * sign * cotangent)


def pixel_derivatives(side: int) -> tuple[Tensor, Tensor]:
    """Return (∂x, ∂y) as operators [side², side²] on row-major images."""
    one, derivative = torch.eye(side, dtype=torch.float64), sinc_derivative(side)
    return torch.kron(one, derivative), torch.kron(derivative, one)


def rotation_generator(side: int) -> Tensor:
    """Return the generator L = x ∂y - y ∂x [side², side²], exactly antisymmetric.

    See Dehmamy et al. 2021, L-conv, appendix; here the origin is the image's centre.
    """
    x, y = pixel_grid(side)
    along_x, along_y = pixel_derivatives(side)
    return x[:, None] * along_y - y[:, None] * along_x


def published_rotation_generator(side: int) -> Tensor:
    """Return the published generator [side², side²], of a rotation about side/2.

    Images are rotated about (side - 1)/2, half a pixel away. So a perfect learner has a cosine of
    0.970 with the published generator at 7×7 pixels, and of 0.996 at 20×20 (Dehmamy et al. 2021,
    L-conv, released code). It is exactly antisymmetric, like ``rotation_generator``.
    """
    along_x, along_y = pixel_derivatives(side)
    return rotation_generator(side) - (along_y - along_x) / 2


def polynomial_fields(side: int) -> Tensor:
    """Return the vector fields of degree ≤ 2 on the image, [12, side², side²], orthonormal.

    They are 1, x, y, x², xy and y² times ∂x and ∂y, orthonormalised in this order with respect to
    tr(AᵀB).
    """
    x, y = pixel_grid(side)
    monomials = torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y])
    along = torch.stack(pixel_derivatives(side))
    fields = (monomials[:, None, :, None] * along).flatten(0, 1).flatten(1)
    basis, triangle = torch.linalg.qr(fields.mT)
    signed: Tensor = basis * triangle.diagonal().sign()
    return signed.mT.reshape(-1, side**2, side**2)


def bilinear_rotation(side: int, angles: Tensor) -> Tensor:
    """Return the matrices [count, side², side²] that rotate images by ``angles`` [count] (radians).

    The rotation is counter-clockwise on the screen, like ``torch.rot90``, about the centre, with
    bilinear interpolation and zeros outside the image.
    """
    x, y = pixel_grid(side)
    cosine, sine = angles.double().cos()[:, None], angles.double().sin()[:, None]
    from_x, from_y = cosine * x - sine * y, sine * x + cosine * y
    axis = x[:side]  # a pixel's hat function is the product of those of its column and its row
    across, down = (_hat(place[..., None] - axis) for place in (from_x, from_y))
    return (down[..., :, None] * across[..., None, :]).flatten(-2)


def _hat(distance: Tensor) -> Tensor:
    return (1 - distance.abs()).clamp(min=0)


def rotate_bilinear(images: Tensor, angles: Tensor) -> Tensor:
    """Return images [n, channels, side, side], each rotated by its own angle [n] (radians).

    It equals ``bilinear_rotation(side, angles)``, without computing the matrices.
    """
    cosine, sine = angles.double().cos(), angles.double().sin()
    zero = torch.zeros_like(cosine)
    rows = torch.stack([cosine, -sine, zero, sine, cosine, zero], 1).view(-1, 2, 3)
    grid = affine_grid(rows.to(images.dtype), list(images.shape), align_corners=False)
    return grid_sample(images, grid, align_corners=False)


@lru_cache(maxsize=4)
def _spectrum(side: int) -> tuple[Tensor, Tensor]:
    """Return w [side²] and unitary U [side², side²] with L = -i U diag(w) U*."""
    w, U = torch.linalg.eigh(1j * rotation_generator(side))
    return w, U


def rotate_smooth(images: Tensor, angles: Tensor) -> Tensor:
    """Return images [n, channels, side, side], each as exp(θL) x for its own θ of angles [n].

    L is ``rotation_generator(side)``. The result is computed with its eigenvectors, in float64.
    """
    w, U = _spectrum(images.shape[-1])
    waves = images.double().flatten(2).to(U.dtype) @ U.conj()
    turned = torch.exp(-1j * angles.double()[:, None, None] * w) * waves
    return (turned @ U.mT).real.view(images.shape).to(images.dtype)


def disk(side: int) -> Tensor:
    """Return the mask [side²] of pixels with centres in the inscribed disk of radius side/2."""
    x, y = pixel_grid(side)
    return x.square() + y.square() <= (side / 2) ** 2


class PixelRotation(Group):
    """SO(2) on the pixels of a square image, possibly scrambled: g = P R(θ) Pᵀ.

    The elements interpolate, so they form a group only approximately (``is_exact``). They are zero
    outside the inscribed disk. The algebra is exact for band-limited images.

    Args:
        side: pixels along each edge.
        permutation: the scramble x -> x[permutation] [side²]; none if omitted.

    Raises:
        InputError: ``permutation`` is not a permutation of side² pixels.
    """

    sampler_law = "angle uniform in [-90°, 90°], bilinear inside the inscribed disk"
    is_exact: ClassVar[bool] = False

    def __init__(self, side: int, permutation: Tensor | None = None) -> None:
        order = torch.arange(side**2) if permutation is None else permutation
        if not torch.equal(order.sort().values, torch.arange(side**2)):
            raise InputError(
                f"the scramble of a {side}×{side} image must permute the pixels 0 to {side**2 - 1}"
            )
        self.side, self.permutation = side, order
        name = _name(type(self).__name__, side, permutation)
        super().__init__(name, self.scrambled(rotation_generator(side)[None]))

    def scrambled(self, operators: Tensor) -> Tensor:
        """Return P A Pᵀ for operators A [..., side², side²] on images in row-major order."""
        if self.permutation.equal(torch.arange(len(self.permutation))):
            return operators
        return operators[..., self.permutation, :][..., self.permutation]

    def scramble(self, images: Tensor) -> Tensor:
        """Return P x for images x [..., side²] in row-major order."""
        return images[..., self.permutation]

    def rotation(self, angles: Tensor) -> Tensor:
        """Return the elements [count, side², side²] of the given angles [count] in radians."""
        inside = disk(self.side).double()
        return self.scrambled(inside[:, None] * bilinear_rotation(self.side, angles) * inside)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, side², side²]."""
        return self.rotation(uniform_angles(count, generator))

    def sample_pairs(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw elements and the opposite rotations, [count, side², side²] each."""
        angles = uniform_angles(count, generator)
        return self.rotation(angles), self.rotation(-angles)


@final
class SmoothRotation(PixelRotation):
    """The one-parameter group exp(θL) of band-limited rotations, possibly scrambled.

    Its elements are orthogonal and compose exactly. A full turn is not the identity, because the
    corners leave the image.
    """

    sampler_law = "exp(θL), θ uniform in [-90°, 90°]"
    is_exact: ClassVar[bool] = True

    def rotation(self, angles: Tensor) -> Tensor:
        """Return the elements [count, side², side²] of the given angles [count] in radians."""
        L = rotation_generator(self.side)
        g: Tensor = torch.linalg.matrix_exp(angles.double()[:, None, None] * L)
        return self.scrambled(g)


def uniform_angles(count: int, generator: torch.Generator) -> Tensor:
    """Draw angles [count] uniform in [-90°, 90°], in radians, float64."""
    return MAX_ANGLE * (2 * torch.rand(count, generator=generator, dtype=torch.float64) - 1)


def _name(kind: str, side: int, permutation: Tensor | None) -> str:
    if permutation is None:
        return f"{kind}({side})"
    digest = hashlib.sha256(str(permutation.tolist()).encode()).hexdigest()[:8]
    return f"{kind}({side}, scramble {digest})"
