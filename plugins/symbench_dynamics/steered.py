"""Networks on bodies whose hidden features are scalars and vectors: like PaiNN, like SEGNN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn

from symbench_dynamics.egnn import Cloud, CloudModel, two_layers
from symbench_dynamics.heads import Clock

_TINY = 1e-12


def edges(q: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return invariants [n, B, B, 2] and smooth directions [n, B, B, d] of pairs of bodies.

    The invariants are log(1 + r²) and q_i q_j. The direction is (x_i - x_j) / √(1 + r²), which is
    zero for a body and itself.
    """
    apart = x.unsqueeze(2) - x.unsqueeze(1)
    square = apart.square().sum(-1)
    invariants = torch.stack([square.log1p(), q.unsqueeze(2) * q.unsqueeze(1)], -1)
    return invariants, apart * (1 + square).rsqrt().unsqueeze(-1)


def lengths(V: Tensor) -> Tensor:
    """Return the lengths [..., w] of vectors V [..., d, w], differentiable at zero."""
    return (V.square().sum(-2) + _TINY).sqrt()


class PaiNNLayer(nn.Module):
    """A message and an update of scalars s [n, B, w] and vectors V [n, B, d, w].

    Schütt et al. 2021, equations 7 to 9: messages φ(s_j) ∘ W(r_ij) move s_i, scale V_j and scale
    directions. The update mixes the vectors of a body, and gates them by their lengths. Without
    the cutoff and the Bessel functions of molecules; W reads log(1 + r²) and q_i q_j.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sender = two_layers(width, width, 3 * width)
        self.filter = two_layers(2, width, 3 * width)
        self.mix = nn.Linear(width, 2 * width, bias=False)
        self.update = two_layers(2 * width, width, 3 * width)

    def forward(self, s: Tensor, V: Tensor, e: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
        """Return new scalars and vectors, given invariants e and directions r of pairs."""
        others = s.shape[1] - 1
        message = self.sender(s).unsqueeze(1) * self.filter(e)
        own = torch.eye(s.shape[1], dtype=s.dtype, device=s.device)
        ds, scale, along = (message * (1 - own)[..., None]).chunk(3, -1)
        s = s + ds.sum(2) / others
        V = V + torch.einsum("nijw,njdw->nidw", scale, V) / others
        V = V + torch.einsum("nijw,nijd->nidw", along, r) / others
        left, right = self.mix(V).chunk(2, -1)
        a, b, c = self.update(torch.cat([s, lengths(right)], -1)).chunk(3, -1)
        inner = (left * right).sum(-2) / math.sqrt(V.shape[-2])
        return s + a + b * inner, V + c.unsqueeze(-2) * left


class PaiNNCloud(Cloud):
    """``PaiNNLayer``s on charges, speeds and velocities; the output is a mixture of vectors."""

    def __init__(self, clock: Clock, bodies: int, dim: int, width: int, depth: int) -> None:
        super().__init__(clock, bodies, dim)
        self.embedding = nn.Linear(2, width)
        self.velocity = nn.Linear(1, width, bias=False)
        self.layers = nn.ModuleList(PaiNNLayer(width) for _ in range(depth))
        self.last = nn.Linear(width, 1, bias=False)

    def vectors(self, q: Tensor, x: Tensor, v: Tensor) -> Tensor:
        """Return a vector for each body [n, B, d]."""
        e, r = edges(q, x)
        V = self.velocity(v.unsqueeze(-1))
        s = self.embedding(torch.stack([q, lengths(v.unsqueeze(-1))[..., 0]], -1))
        for layer in self.layers:
            s, V = layer(s, V, e, r)
        return cast(Tensor, self.last(V)).squeeze(-1)


class SteerableLinear(nn.Module):
    """A linear map of scalars and vectors that is conditioned on a vector a.

    It is the tensor product with (1, a) up to order 1: scalars W₁ s + W₂ (V·a), vectors
    a (W₃ s) + W₄ V.
    """

    def __init__(self, inputs: tuple[int, int], outputs: tuple[int, int]) -> None:
        super().__init__()
        self.scalars = nn.Linear(sum(inputs), outputs[0])
        self.along = nn.Linear(inputs[0], outputs[1])
        self.vectors = nn.Linear(inputs[1], outputs[1], bias=False)

    def forward(self, s: Tensor, V: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
        """Return scalars [..., outputs] and vectors [..., d, outputs]; a is [..., d]."""
        inner = (V * a.unsqueeze(-1)).sum(-2)
        scalars = self.scalars(torch.cat([s, inner], -1))
        return scalars, a.unsqueeze(-1) * self.along(s).unsqueeze(-2) + self.vectors(V)


class Gated(nn.Module):
    """``SteerableLinear`` to ``width`` scalars and vectors: SiLU on scalars, gates on vectors."""

    def __init__(self, inputs: tuple[int, int], width: int) -> None:
        super().__init__()
        self.linear = SteerableLinear(inputs, (2 * width, width))

    def forward(self, s: Tensor, V: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
        """Return scalars [..., width] and vectors [..., d, width]."""
        both, V = self.linear(s, V, a)
        s, gate = both.chunk(2, -1)
        return nn.functional.silu(s), V * gate.sigmoid().unsqueeze(-2)


class SEGNNLayer(nn.Module):
    """Messages by two gated steerable maps conditioned on directions, and an update on velocities.

    Brandstetter et al. 2022, equations 6 to 9, with features up to order 1 as in their network for
    five bodies.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Gated((2 * width + 2, 2 * width), width)
        self.second = Gated((width, width), width)
        self.update = Gated((2 * width, 2 * width), width)
        self.last = SteerableLinear((width, width), (width, width))

    def forward(
        self, s: Tensor, V: Tensor, pair: tuple[Tensor, Tensor], attribute: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return new scalars and vectors, given (e, r) of pairs and the attribute of each body."""
        e, r = pair
        bodies = s.shape[1]
        both = _of_pairs(s, bodies, -1), _of_pairs(V, bodies, -1)
        m, M = self.first(torch.cat([both[0], e], -1), both[1], r)
        m, M = self.second(m, M, r)
        m, M = (_from_others(t) / (bodies - 1) for t in (m, M))
        ds, dV = self.update(torch.cat([s, m], -1), torch.cat([V, M], -1), attribute)
        ds, dV = self.last(ds, dV, attribute)
        return s + ds, V + dV


def _of_pairs(t: Tensor, bodies: int, axis: int) -> Tensor:
    """Return the features of i and of j along ``axis``, [n, B, B, …], from t [n, B, …]."""
    i = t.unsqueeze(2).expand(-1, -1, bodies, *t.shape[2:])
    return torch.cat([i, i.transpose(1, 2)], axis)


def _from_others(t: Tensor) -> Tensor:
    """Return the sum over j ≠ i of t [n, B, B, …]."""
    own = t.diagonal(dim1=1, dim2=2).movedim(-1, 1)
    return t.sum(2) - own


class SEGNNCloud(Cloud):
    """``SEGNNLayer``s on charges, speeds and velocities; bodies carry v_i and mean directions."""

    def __init__(self, clock: Clock, bodies: int, dim: int, width: int, depth: int) -> None:
        super().__init__(clock, bodies, dim)
        self.embedding = SteerableLinear((2, 1), (width, width))
        self.layers = nn.ModuleList(SEGNNLayer(width) for _ in range(depth))
        self.last = SteerableLinear((width, width), (1, 1))

    def vectors(self, q: Tensor, x: Tensor, v: Tensor) -> Tensor:
        """Return a vector for each body [n, B, d]."""
        e, r = edges(q, x)
        attribute = v + r.sum(2) / (self.bodies - 1)
        s = torch.stack([q, lengths(v.unsqueeze(-1))[..., 0]], -1)
        s, V = self.embedding(s, v.unsqueeze(-1), attribute)
        for layer in self.layers:
            s, V = layer(s, V, (e, r), attribute)
        return cast(Tensor, self.last(s, V, attribute)[1]).squeeze(-1)


@dataclass(frozen=True)
class SteeredConfig:
    """``depth`` layers of ``width`` scalars and vectors; ``step`` as in ``egnn``."""

    width: int = 32
    depth: int = 2
    step: float = 1.0
    learning_rate: float = 3e-3
    batch_size: int = 32
    declined: bool = False


class _Steered(CloudModel):
    version = "1"
    Config = SteeredConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"width": 8},
        "quick": {"declined": True},
        "standard": {},
        "full": {"width": 64, "depth": 4, "batch_size": 100, "learning_rate": 2e-3},
    }

    def accepts(self, problem: Any) -> str | None:
        """Return why the problem is not one of bodies in space, or None."""
        if self.config.declined:
            return f"{self.name} is a twin of egnn: use the tier standard or full"
        return super().accepts(problem)


@final
class PaiNN(_Steered):
    """Scalars and vectors on every body, with messages as in PaiNN, without cutoff.

    Unlike ``egnn``, whose hidden features are invariant, it passes vectors between bodies.
    """

    name, prior = "painn-nbody", "told"
    summary = "PaiNN-like network of scalars and vectors on bodies"
    reference = "Schütt, Unke, Gastegger 2021 (arXiv:2102.03150)"

    def cloud(self, clock: Clock, bodies: int, dim: int) -> Cloud:
        """Return the layers."""
        return PaiNNCloud(clock, bodies, dim, self.config.width, self.config.depth)


@final
class SEGNN(_Steered):
    """Steerable message passing up to order 1, conditioned on directions and velocities.

    The published code for five bodies subtracts the mean over the coordinates of each body instead
    of the mean over bodies, and so is not equivariant from input to output. Here positions enter
    only by differences.
    """

    name, prior = "segnn-nbody", "told"
    summary = "SEGNN-like steerable message passing on bodies"
    reference = "Brandstetter, Hesselink, van der Pol, Bekkers, Welling 2022 (arXiv:2110.02905)"

    def cloud(self, clock: Clock, bodies: int, dim: int) -> Cloud:
        """Return the layers."""
        return SEGNNCloud(clock, bodies, dim, self.config.width, self.config.depth)
