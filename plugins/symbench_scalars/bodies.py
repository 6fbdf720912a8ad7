"""A network on scalars that is invariant under permutations of the bodies."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench_scalars.layers import (
    BilinearPerceptron,
    Combination,
    Parts,
    ZScore,
    invariant_count,
    invariants,
)
from symbench_scalars.signature import Signature


def zeroed(layer: nn.Linear) -> nn.Linear:
    """Return the layer with its parameters set to zero, so that its output starts at zero."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Pairs(nn.Module):
    """SiLU(P h_b + Q h_c + R e_bc) for every ordered pair of bodies: [n, B, B, width]."""

    def __init__(self, node: int, edge: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(node, width)
        self.second = nn.Linear(node, width, bias=False)
        self.edge = nn.Linear(edge, width, bias=False)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """Combine nodes h [n, B, node] and edges e [n, B, B, edge]."""
        total = self.first(h).unsqueeze(2) + self.second(h).unsqueeze(1) + self.edge(e)
        return functional.silu(total)


class ScalarHead(nn.Module):
    """One invariant output: a function of the means over bodies and over pairs of bodies."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.system = BilinearPerceptron(2 * width, width, 1, 1)

    def forward(self, z: Tensor, e: Tensor) -> Tensor:
        """Return a coefficient [n, 1] from states z [n, B, width] and e [n, B, B, width]."""
        return cast(Tensor, self.system(torch.cat([z.mean(1), e.mean((1, 2))], -1)))


class VectorHead(nn.Module):
    """The coefficients of one vector output: c_k(z_b, mean e_bc, mean z) for vector k of body b."""

    def __init__(self, width: int, k: int) -> None:
        super().__init__()
        self.body = nn.Linear(3 * width, width)
        self.coefficients = zeroed(nn.Linear(width, k))

    def forward(self, z: Tensor, e: Tensor) -> Tensor:
        """Return coefficients [n, k B], in the order of the input's vectors."""
        u = z.mean(1, keepdim=True).expand_as(z)
        hidden = functional.silu(self.body(torch.cat([z, e.mean(2), u], -1)))
        return cast(Tensor, self.coefficients(hidden)).mT.flatten(1)


class TensorHead(nn.Module):
    """The coefficients of one V ⊗ V output: first that of F⁻¹, then those of v_bk ⊗ v_cl."""

    def __init__(self, width: int, k: int) -> None:
        super().__init__()
        self._k = k
        self.system = ScalarHead(width)
        self.mixed = zeroed(nn.Linear(width, k * k))
        self.own = zeroed(nn.Linear(width, k * k))

    def forward(self, z: Tensor, e: Tensor) -> Tensor:
        """Return coefficients [n, 1 + (k B)²], in the order of the input's vectors."""
        square = self.mixed(e) + torch.diag_embed(self.own(z).mT).movedim(1, -1)
        square = square.view(*square.shape[:3], self._k, self._k)
        return torch.cat([self.system(z, e), square.permute(0, 3, 1, 4, 2).flatten(1)], 1)


class BodyNetwork(nn.Module):
    """Scalars of bodies and of pairs of bodies, pooled by means (Zaheer et al. 2017).

    The state z_b of a body is a function of its own invariants. The state e_bc of a pair is a
    function of both body states and of the products between the bodies. Every coefficient is a
    function of these states and their means. Laws that are sums over bodies, like those of
    mechanics, can therefore be learned without pairs.
    """

    def __init__(self, law: Signature, width: int, depth: int) -> None:
        super().__init__()
        self._definite = law.group.q == 0
        self._bodies, self._k = law.bodies, law.vectors // law.bodies
        node = law.scalars // law.bodies + invariant_count(self._k, definite=self._definite)
        edge = self._k**2
        self.parts = Parts(law)
        self.standard_nodes, self.standard_edges = ZScore(node), ZScore(edge)
        self.states = BilinearPerceptron(node, width, depth, width)
        self.pairs = Pairs(width, edge, width)
        self.heads = nn.ModuleList(self._head(rank, width) for rank in law.ranks)
        self.combination = Combination(law)

    def _head(self, rank: int, width: int) -> nn.Module:
        if rank == 0:
            return ScalarHead(width)
        return VectorHead(width, self._k) if rank == 1 else TensorHead(width, self._k)

    def calibrate(self, x: Tensor, y: Tensor) -> None:  # noqa: ARG002 - only features
        """Store the statistics of the features of the training inputs x, pooled over bodies."""
        nodes, edges = self._features(*self.parts(x))
        self.standard_nodes.calibrate(nodes)
        self.standard_edges.calibrate(edges)

    def forward(self, x: Tensor) -> Tensor:
        """Return y: [n, input size] -> [n, output size]."""
        scalars, vectors, covectors = self.parts(x)
        nodes, edges = self._features(scalars, vectors, covectors)
        z = self.states(self.standard_nodes(nodes))
        e = self.pairs(z, self.standard_edges(edges))
        coefficients = torch.cat([head(z, e) for head in self.heads], 1)
        return cast(Tensor, self.combination(coefficients, vectors))

    def _features(self, scalars: Tensor, v: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """Return the invariants of bodies [n, B, node] and of pairs of bodies [n, B, B, edge]."""
        v, w = (t.view(len(t), self._k, self._bodies, -1).transpose(1, 2) for t in (v, w))
        each = scalars.view(len(v), scalars.shape[1] // self._bodies, self._bodies).mT
        nodes = torch.cat([each, invariants(v, w, definite=self._definite)], -1)
        return nodes, torch.einsum("nbkd,ncld->nbckl", v, w).flatten(3)
