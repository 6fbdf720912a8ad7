"""The six affine motions of the plane, as warps of images and as operators on their pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

NAMES = ("x-shift", "y-shift", "rotation", "scale", "stretch", "shear")
_SHIFT = (2 / 3) ** 0.5  # gives all six the same root mean square displacement on a square


def affine_generators() -> Tensor:
    """Return the generators [6, 3, 3], in the order of ``NAMES``, on (x, y, 1) in [-1, 1]².

    The released code measures shifts in units of 0.1, which makes it eight times cheaper to widen
    a shift than any other motion. Here equal widths mean equal displacements.
    """
    G = torch.zeros(6, 3, 3)
    G[0, 0, 2] = G[1, 1, 2] = _SHIFT
    G[2, 0, 1], G[2, 1, 0] = -1, 1
    G[3, 0, 0] = G[3, 1, 1] = 1
    G[4, 0, 0], G[4, 1, 1] = 1, -1
    G[5, 0, 1] = G[5, 1, 0] = 1
    return G


def warped(x: Tensor, coefficients: Tensor) -> Tensor:
    """Return images x [n, channels, h, w], each sampled at exp(Σ_i u_i G_i) p instead of p.

    ``coefficients`` u are [n, 6]. Sampling is bilinear, zero outside the image, and the same for
    all channels.
    """
    algebra = torch.einsum("ni,iab->nab", coefficients, affine_generators().to(x))
    motion = torch.linalg.matrix_exp(algebra)[:, :2]
    grid = affine_grid(motion, list(x.shape), align_corners=False)
    return grid_sample(x, grid, align_corners=False)


def sampling(coefficients: Tensor, height: int, width: int) -> Tensor:
    """Return the matrices [m, d, d] by which ``warped`` acts on d = height · width pixels.

    Use this for m motions u = ``coefficients`` [m, 6] that many images share. It needs one product
    and, unlike the resampling of images, supports forward-mode differentiation.
    """
    d = height * width
    one = torch.eye(d, dtype=coefficients.dtype, device=coefficients.device)
    moved = warped(
        one.view(1, d, height, width).expand(len(coefficients), -1, -1, -1), coefficients
    )
    return moved.flatten(2).mT


def derivative(samples: int) -> Tensor:
    """Return d/dp [samples, samples] of the trigonometric interpolant, in units of a sample.

    The samples are zero-padded to twice their number, so that nothing wraps around.
    """
    period = 2 * samples
    frequency = 2 * torch.pi * torch.fft.fftfreq(period, dtype=torch.float64)
    frequency[samples] = 0  # the real interpolant has no odd part at the highest frequency
    unit = torch.eye(period, dtype=torch.float64)
    full = torch.fft.ifft(1j * frequency[:, None] * torch.fft.fft(unit, dim=0), dim=0).real
    inside: Tensor = full[:samples, :samples].contiguous()
    return inside


def pixel_operators(height: int, width: int) -> Tensor:
    """Return the operators [6, d, d] of the generators on d = height · width pixels, row-major.

    Each is the vector field (G p)·∇ on the centred grid, in the order of ``NAMES``; float64.
    """
    y, x = torch.meshgrid(_centred(height), _centred(width), indexing="ij")
    place = torch.stack([x.flatten(), y.flatten(), torch.ones(height * width)], 1).double()
    along_x = torch.kron(torch.eye(height, dtype=torch.float64), derivative(width) * width / 2)
    along_y = torch.kron(derivative(height) * height / 2, torch.eye(width, dtype=torch.float64))
    field = torch.einsum("iab,db->iad", affine_generators().double()[:, :2], place)
    operators: Tensor = field[:, 0, :, None] * along_x + field[:, 1, :, None] * along_y
    return operators


def _centred(count: int) -> Tensor:
    """Return the coordinates of the pixel centres in [-1, 1]."""
    return (2 * torch.arange(count, dtype=torch.float64) + 1) / count - 1
