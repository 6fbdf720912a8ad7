"""Tensor-product networks on point clouds, from the coupling coefficients of e3nn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Self, cast

import torch
from e3nn import o3
from torch import Tensor, nn
from torch.nn import functional

from symbench_dynamics.egnn import Cloud, two_layers
from symbench_dynamics.heads import Clock

if TYPE_CHECKING:
    from symbench_dynamics.tensorfield import TensorFieldConfig

Irreps = tuple[o3.Irrep, ...]
_CORE = 1e-2  # added to squared lengths: directions stay smooth where two bodies meet
_CENTRES, _RANGE = 8, 6.0


class Paths(NamedTuple):
    """All paths l ⊗ l' -> L from features and harmonics to features, as two matrices.

    ``coupling`` [Y, F k] holds the Clebsch-Gordan coefficients. Y and F are the sizes of harmonics
    and features (9 and 12 for degree 2), and k is the number of coordinates of the products.
    ``gather`` [paths, k, F] maps the coordinates of each path to those of its output.
    """

    coupling: Tensor
    gather: Tensor


def features(degree: int) -> Irreps:
    """Return 0e, 1o, 1e, and 2e if ``degree`` is 2."""
    return tuple(o3.Irrep(name) for name in ("0e", "1o", "1e", "2e")[: degree + 2])


def harmonics(degree: int) -> Irreps:
    """Return 0e, 1o, and 2e if ``degree`` is 2: the parities of polynomials."""
    return tuple(o3.Irrep(name) for name in ("0e", "1o", "2e")[: degree + 1])


def slices(irreps: Irreps) -> dict[o3.Irrep, slice]:
    """Return the slice of each irrep in features that hold each once."""
    placed, start = {}, 0
    for irrep in irreps:
        placed[irrep] = slice(start, start + irrep.dim)
        start += irrep.dim
    return placed


def coupled(left: o3.Irrep, right: o3.Irrep, out: o3.Irrep) -> Tensor:
    """Return the coupling [2l+1, 2l'+1, 2L+1] in float64, scaled to preserve unit variance."""
    return cast(Tensor, o3.wigner_3j(left.l, right.l, out.l, dtype=torch.float64) * out.dim**0.5)


def paths(degree: int) -> Paths:
    """Return the paths that conserve parity."""
    inner, outer = slices(features(degree)), slices(harmonics(degree))
    ways = [(a, b, c) for a in inner for b in outer for c in inner if c in a * b]
    total = sum(c.dim for _, _, c in ways)
    width = o3.Irreps(list(features(degree))).dim
    coupling = torch.zeros(
        o3.Irreps(list(harmonics(degree))).dim, width, total, dtype=torch.float64
    )
    gather = torch.zeros(len(ways), total, width, dtype=torch.float64)
    start = 0
    for k, (a, b, c) in enumerate(ways):
        own = slice(start, start + c.dim)
        coupling[outer[b], inner[a], own] = coupled(a, b, c).transpose(0, 1)
        gather[k, own, inner[c]] = torch.eye(c.dim, dtype=torch.float64)
        start += c.dim
    return Paths(coupling.flatten(1), gather)


class Exact(nn.Module):
    """A module whose constants stay exact in float64, also after a conversion to float32."""

    def __init__(self, **constants: Tensor) -> None:
        super().__init__()
        self._exact = constants
        for name, constant in constants.items():
            self.register_buffer(name, constant.to(torch.get_default_dtype()), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, constant in self._exact.items():
            setattr(self, name, constant.to(getattr(self, name)))
        return self


class Harmonics(Exact):
    """Spherical harmonics [..., 4 or 9] of vectors [..., 3], smooth at zero, where l > 0 vanish."""

    square: Tensor

    def __init__(self, degree: int) -> None:
        self.degree = degree
        vector = o3.Irrep("1o")
        super().__init__(square=coupled(vector, vector, o3.Irrep("2e")).flatten(0, 1))

    def forward(self, vector: Tensor) -> Tensor:
        """Return the harmonics of r/(|r|² + 0.01)^(1/2)."""
        length = (vector.square().sum(-1, keepdim=True) + _CORE).sqrt()
        unit = 3**0.5 * vector / length
        if self.degree == 1:
            return torch.cat([torch.ones_like(length), unit], -1)
        product = (unit[..., None] * unit[..., None, :]).flatten(-2)
        return torch.cat([torch.ones_like(length), unit, product @ self.square], -1)


class Mixed(nn.Module):
    """Linear maps between the channels of each irrep, [..., C, F] -> [..., C, F]."""

    def __init__(self, channels: int, degree: int) -> None:
        super().__init__()
        self.sizes = [irrep.dim for irrep in features(degree)]
        scale = channels**-0.5
        self.weights = nn.Parameter(scale * torch.randn(len(self.sizes), channels, channels))

    def forward(self, h: Tensor) -> Tensor:
        """Return the mixed features."""
        parts = zip(self.weights, torch.split(h, self.sizes, -1), strict=True)
        return torch.cat([weight @ part for weight, part in parts], -1)


class Convolution(Exact):
    """h_i + gate(W h_i + mean_j Σ_paths R(invariants of the pair) (h_j ⊗ Y(r_ij))): one layer.

    The perceptron R returns a weight for each path and channel. Scalars pass through a SiLU, and
    other irreps are multiplied by sigmoids of scalars. The layer is that of Thomas et al. 2018,
    section 4, with gates.
    """

    coupling: Tensor
    gather: Tensor

    def __init__(self, channels: int, degree: int, hidden: int) -> None:
        ways = paths(degree)
        super().__init__(coupling=ways.coupling, gather=ways.gather)
        self.channels, self.ways = channels, len(ways.gather)
        self.radial = two_layers(_CENTRES + 6, hidden, channels * self.ways)
        self.own, self.received = Mixed(channels, degree), Mixed(channels, degree)
        self.sizes = [irrep.dim for irrep in features(degree)]
        self.gates = nn.Linear(channels, channels * len(self.sizes))

    def forward(self, h: Tensor, harmonics: Tensor, radial: Tensor) -> Tensor:
        """Return new features [n, B, C, F], given harmonics [n, B, B, Y] and R's inputs."""
        n, bodies = h.shape[:2]
        couplings = (harmonics @ self.coupling).unflatten(-1, (h.shape[-1], -1))
        weights = self.radial(radial).unflatten(-1, (self.channels, self.ways))
        others = (1 - torch.eye(bodies, dtype=h.dtype, device=h.device)) / (bodies - 1)
        spread = (weights @ self.gather.sum(-1)) * others[..., None, None]
        messages = ((h[:, None] @ couplings) * spread).sum(2) @ self.gather.sum(0)
        total = self.own(h) + self.received(messages)
        scalars = total[..., 0]
        signals = self.gates(scalars).view(n, bodies, self.channels, len(self.sizes))
        rest = torch.split(total[..., 1:], self.sizes[1:], -1)
        gated = [part * signals[..., k + 1, None].sigmoid() for k, part in enumerate(rest)]
        return h + torch.cat([functional.silu(scalars + signals[..., 0])[..., None], *gated], -1)


class TensorCloud(Cloud):
    """Convolutions on features of scalars, vectors, axial vectors and, by degree, 2e.

    The initial features come from charges, speeds and velocities. The output is a mixture of the
    final 1o features, plus each velocity times a perceptron of the final scalars.
    """

    def __init__(self, clock: Clock, bodies: int, config: TensorFieldConfig) -> None:
        super().__init__(clock, bodies, 3)
        channels, degree = config.channels, config.degree
        self.rest = o3.Irreps(list(features(degree))).dim - 4
        self.scalars = nn.Linear(2, channels)
        self.velocities = nn.Parameter(torch.randn(channels))
        self.harmonics = Harmonics(degree)
        self.layers = nn.ModuleList(
            Convolution(channels, degree, config.hidden) for _ in range(config.depth)
        )
        self.out = nn.Parameter(1e-2 * torch.randn(channels))
        self.push = two_layers(channels, config.hidden, 1)

    def vectors(self, q: Tensor, x: Tensor, v: Tensor) -> Tensor:
        """Return the vectors [n, B, 3]."""
        apart = x.unsqueeze(2) - x.unsqueeze(1)
        harmonics, radial = self.harmonics(apart), self._radial(q, apart, v)
        scalars = self.scalars(torch.stack([q, v.square().sum(-1)], -1))[..., None]
        vectors = self.velocities[:, None] * v.unsqueeze(-2)
        rest = torch.zeros_like(scalars).expand(*scalars.shape[:-1], self.rest)
        h = torch.cat([scalars, vectors, rest], -1)
        for layer in self.layers:
            h = layer(h, harmonics, radial)
        push = cast(Tensor, self.push(h[..., 0]))
        return (self.out[:, None] * h[..., 1:4]).sum(-2) + push * v

    def _radial(self, q: Tensor, apart: Tensor, v: Tensor) -> Tensor:
        """Return invariants of the pairs [n, B, B, 14].

        They are Gaussians of the distance, both charges and their product, and the inner products
        of both velocities with each other and with the direction. Magnetic forces depend on these
        products.
        """
        distance = (apart.square().sum(-1, keepdim=True) + _CORE).sqrt()
        centres = torch.linspace(0, _RANGE, _CENTRES, dtype=q.dtype, device=q.device)
        bumps = (-((distance - centres) * _CENTRES / _RANGE).square()).exp()
        unit, shape = apart / distance, apart.shape[:-1]
        first, second = q.unsqueeze(2).expand(shape), q.unsqueeze(1).expand(shape)
        to, of = (unit * v.unsqueeze(2)).sum(-1), (unit * v.unsqueeze(1)).sum(-1)
        products = torch.stack([first, second, first * second, v @ v.mT, to, of], -1)
        return torch.cat([bumps, products], -1)
