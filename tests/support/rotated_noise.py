"""White noise and its rotations, interpolated or exact, and both published generators."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import affine_grid, grid_sample

from symbench import Context, Data, seeded

SIDE = 7


def noise(n, seed, side=SIDE):
    """Draw images uniform in [-0.5, 0.5] [n, side, side], and n numbers uniform in [0, 1]."""
    generator = seeded("closed form", seed)
    x = torch.rand(n, side, side, generator=generator, dtype=torch.float64) - 0.5
    return x, torch.rand(n, generator=generator, dtype=torch.float64)


def bilinear(x, angles):
    """Rotate images x [n, side, side] by angles [n], interpolating between four pixels."""
    c, s, o = angles.cos(), angles.sin(), torch.zeros_like(angles)
    matrices = torch.stack([c, s, o, -s, c, o], 1).view(-1, 2, 3)
    grid = affine_grid(matrices, [len(x), 1, *x.shape[1:]], align_corners=False)
    return grid_sample(x[:, None], grid, align_corners=False)[:, 0]


def sinc_generator(origin, side=SIDE):
    """Sum the sines of Dehmamy et al. over the frequencies of period 2 side."""
    period = 2 * side
    p = torch.arange(1 - side, side, dtype=torch.float64)
    z = torch.arange(side, dtype=torch.float64)
    z = z[:, None] - z
    angle = 2 * math.pi / period * p[:, None, None] * z
    kernel = (2 * math.pi / period**2 * p[:, None, None] * angle.sin()).sum(0)
    one = torch.eye(side, dtype=torch.float64)
    y, x = torch.meshgrid(*2 * [torch.arange(side, dtype=torch.float64) - origin], indexing="ij")
    along_x, along_y = torch.kron(one, kernel), torch.kron(kernel, one)
    return x.flatten()[:, None] * along_y - y.flatten()[:, None] * along_x


PAPER, CENTRED = sinc_generator(SIDE / 2), sinc_generator((SIDE - 1) / 2)


def clean(x, angles):
    """Rotate images by exp(θL) of the centred generator, through its eigenvectors."""
    values, vectors = torch.linalg.eigh(1j * CENTRED)
    spectrum = x.flatten(1).to(vectors.dtype) @ vectors.conj()
    turned = (spectrum * torch.exp(-1j * angles[:, None] * values)) @ vectors.mT
    return turned.real.reshape(x.shape)


def maps(n, angle, rotate=bilinear, seed=0):
    """Draw images, and the same images rotated by one angle."""
    x, _ = noise(n, seed)
    y = rotate(x, torch.full((n,), angle, dtype=torch.float64))
    return Data(x[:, None].float(), y[:, None].float())


def pairs(n, low, high, rotate=bilinear, seed=0):
    """Draw pairs of images, and the angle between them, uniform in [low, high]."""
    x, unit = noise(n, seed)
    angles = low + (high - low) * unit
    return Data(torch.stack([x, rotate(x, angles)], 1).float(), angles[:, None].float())


def cosine(a, b):
    return abs(float((a * b).sum() / (a.norm() * b.norm())))


def skew(L):
    return (L - L.mT) / 2


def matrix(angle):
    """Return the exact bilinear rotation [49, 49]."""
    basis = torch.eye(SIDE**2, dtype=torch.float64).view(-1, SIDE, SIDE)
    turned = bilinear(basis, torch.full((SIDE**2,), angle, dtype=torch.float64))
    return turned.flatten(1).mT


def fitted(model, problem, data, valid=None):
    """Fit a model class, and return its module and its generator [d, d]."""
    valid = data if valid is None else valid
    context = Context(len(data), 0, 1, torch.device("cpu"), valid, seeded("fit"), data)
    module = model().fit(problem, data, context)
    return module, model().generators(module)[0].double()
