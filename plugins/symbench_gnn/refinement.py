"""Colour refinement and Folklore Weisfeiler-Leman as models without training.

They show on the leaderboard what the theorems predict. Naming: k-FWL is what Cai, Fürer and
Immerman (1992) call k-WL, and it separates the same graphs as the "oblivious" (k + 1)-WL.

Colours are 64-bit integers. The hash of a multiset of tuples of colours is a sum over the multiset,
modulo 2⁶⁴. Each tuple contributes a product with one mixed integer for each position. Integer sums
do not depend on the order of their terms, so relabelling changes no bit.
"""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import InputError, Model, Problem, graphs
from symbench_gnn.pair_heads import declined

_GOLDEN = -7046029254386353131  # the increment and the multipliers of SplitMix64, as int64
_FIRST = -4658895280553007687
_SECOND = -7723592293110705685
_SALTS = (0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179, 0x3C6EF372FE94F82B)
_CHUNK = 2**22  # colours in memory at once
_LARGEST = 64  # nodes up to which 3-FWL runs: n⁴ steps per round
_LARGEST_OF_MANY = 16  # the same where thousands of graphs are refined
_RARE = 1e-6  # the frequency assigned to a class never seen with a signature


def mix(z: Tensor) -> Tensor:
    """Return a bijective scrambling of int64 (SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    z = z + _GOLDEN
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, places: int) -> Tensor:
    return (z >> places) & ((1 << (64 - places)) - 1)  # clears the sign bits


def _folded(*parts: Tensor) -> Tensor:
    """Return the hash of a sequence of colours: the order of the parts counts."""
    colour = mix(parts[0])
    for part in parts[1:]:
        colour = mix(colour + part)
    return colour


def _salted(colours: Tensor) -> tuple[Tensor, ...]:
    return tuple(mix(colours + salt) for salt in _SALTS)


def pair_hashes(x: Tensor) -> Tensor:
    """Return the hash [g, n, n] of the channels of graphs [g, 1 + k, n, n] at each pair of nodes.

    Weights and features are rounded to float32, so that both precisions give the same hash. It
    also depends on whether i = j.
    """
    bits = (x.float() + 0.0).view(torch.int32).long()  # + 0.0 turns -0.0 into 0.0
    same = torch.eye(x.shape[-1], dtype=torch.long, device=x.device).expand(len(x), -1, -1)
    return _folded(same, *bits.unbind(1))


def _first_start(pairs: Tensor) -> Tensor:
    """Return the colours [g, n] of nodes: their features."""
    return pairs.diagonal(dim1=1, dim2=2)


def _first_step(colours: Tensor, edges: Tensor) -> Tensor:
    """Return for each node the sum over its neighbours; ``edges`` are hashes, 0 off the edges."""
    return (edges @ _salted(colours)[0][..., None])[..., 0]


def _second_start(pairs: Tensor) -> Tensor:
    """Return the colours [g, n, n] of pairs of nodes: hashes of all data of the two nodes."""
    nodes = pairs.diagonal(dim1=1, dim2=2)
    return _folded(pairs, pairs.mT, nodes[:, :, None], nodes[:, None, :])


def _second_step(colours: Tensor, edges: Tensor) -> Tensor:  # noqa: ARG001 - the colours contain them
    """Return for each (i, j) the sum over w of (i, w) and (w, j)."""
    left, right, _ = _salted(colours)
    return left @ right


def _third_start(pairs: Tensor) -> Tensor:
    """Return the colours [g, n, n, n] of triples of nodes: those of their three pairs."""
    two = _second_start(pairs)
    return _folded(two[..., None], two[:, :, None, :], two[:, None])


def _third_step(colours: Tensor, edges: Tensor) -> Tensor:  # noqa: ARG001 - the colours contain them
    """Return for each (i, j, k) the sum over w of (w, j, k), (i, w, k) and (i, j, w)."""
    first, second, third = _salted(colours)
    rows = []
    for i in range(colours.shape[1]):  # one i at a time: n⁴ products would not fit in memory
        products = first * second[:, i, :, None] * third[:, i].mT[..., None]  # [g, w, j, k]
        rows.append(products.sum(1))
    return torch.stack(rows, 1)


_STARTS = (_first_start, _second_start, _third_start)
_STEPS = (_first_step, _second_step, _third_step)


def _classes(colours: Tensor) -> Tensor:
    """Return the number [g] of different colours of each graph."""
    flat = colours.flatten(1).sort(1).values
    return (flat[:, 1:] != flat[:, :-1]).sum(1)


def refined(x: Tensor, order: int) -> Tensor:
    """Return the stable colours [g, n, ...] of graphs [g, 1 + k, n, n]: ``order`` node axes.

    Each graph is refined until its own partition no longer changes, and then once more. After
    that, the colours of two graphs agree if and only if they would agree in all further rounds.
    """
    pairs = pair_hashes(x)
    edges = torch.where(graphs.adjacency(x) != 0, mix(pairs), 0)
    colours = _STARTS[order - 1](pairs)
    classes, growing = _classes(colours), torch.arange(len(x), device=x.device)
    while len(growing):
        now = colours[growing]
        after = mix(mix(now) + _STEPS[order - 1](now, edges[growing]))
        count = _classes(after)
        more = count > classes[growing]
        colours[growing], classes[growing] = after, count
        growing = growing[more]
    return colours


def signatures(x: Tensor, order: int) -> Tensor:
    """Return one int64 [n] for each graph [n, 1 + k, N, N]: equal for equal multisets of colours.

    Padded nodes are left out. ``order`` 1 is colour refinement (1-WL), 2 is 2-FWL and 3 is 3-FWL.

    Raises:
        InputError: 3-FWL is asked for a graph of more than 64 nodes.
    """
    counts = (graphs.node_mask(x) > 0).sum(1)
    result = torch.empty(len(x), dtype=torch.long, device=x.device)
    for n in counts.unique().tolist():
        if order == 3 and n > _LARGEST:
            raise InputError(f"fwl-3 supports graphs of at most {_LARGEST} nodes, not {n}")
        step = max(1, _CHUNK // max(1, n) ** order)
        for places in (counts == n).nonzero()[:, 0].split(step):
            colours = refined(_without_padding(x[places], n), order)
            result[places] = mix(mix(colours).flatten(1).sum(1) + n)
    return result


def _without_padding(x: Tensor, n: int) -> Tensor:
    order = (graphs.node_mask(x) > 0).int().argsort(dim=1, descending=True, stable=True)
    return graphs.relabelled(x, order)[..., :n, :n]


def embedded(signature: Tensor, size: int) -> Tensor:
    """Return fixed pseudo-random float64 numbers in [0, 1), [n, size], also exact in float32."""
    places = torch.arange(size, device=signature.device) * _SALTS[0]
    return _shifted(mix(mix(signature)[:, None] + places), 40).double() / 2**24


class Lookup(nn.Module):
    """Predicts the mean target of the training graphs that have the same signature.

    For an unseen signature it predicts the mean of all targets. Classes are predicted as logarithms
    of frequencies, uniform for an unseen signature. With ``lookup`` off, the outputs are
    ``embedded`` signatures.
    """

    keys: Tensor
    values: Tensor
    otherwise: Tensor

    def __init__(self, order: int, output_shape: tuple[int, ...], *, lookup: bool) -> None:
        super().__init__()
        self.order, self.output_shape, self.lookup = order, output_shape, lookup
        self.register_buffer("keys", torch.zeros(1, dtype=torch.long))
        self.register_buffer("values", torch.zeros(1, *output_shape))
        self.register_buffer("otherwise", torch.zeros(output_shape))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Store the signatures of the training graphs x with the mean of their targets y."""
        if not self.lookup or not len(x):
            return
        classes = not y.is_floating_point()
        each = functional.one_hot(y, self.output_shape[0]).to(x) if classes else y
        self.keys, group = signatures(x, self.order).unique(return_inverse=True)
        total = each.new_zeros(len(self.keys), *each.shape[1:]).index_add(0, group, each)
        mean = total / group.bincount().view(-1, *[1] * (each.dim() - 1))
        self.values = mean.clamp(min=_RARE).log() if classes else mean
        self.otherwise = torch.zeros_like(each[0]) if classes else each.mean(0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs [n, *output_shape] for graphs [n, 1 + k, N, N] of any N."""
        signature = signatures(x, self.order)
        if not self.lookup:
            return embedded(signature, self.output_shape[0]).to(x)
        place = torch.searchsorted(self.keys, signature).clamp(max=len(self.keys) - 1)
        known = (self.keys[place] == signature).view(-1, *[1] * len(self.output_shape))
        return torch.where(known, self.values[place], self.otherwise).to(x)


class _Refinement(Model):
    """A model without training that cannot distinguish graphs with the same signature."""

    version, prior = "1", "told"
    order: ClassVar[int]

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not an invariant of graphs, and for 3-FWL also large graphs.

        Each graph takes n⁴ steps per round. The limit is 64 nodes on tasks without training, where
        graphs are few, and 16 nodes on tasks with thousands of graphs.
        """
        if reason := declined(self.name, problem, orders=(0,)):
            return reason
        largest = _LARGEST if problem.loss == "none" else _LARGEST_OF_MANY
        if self.order == 3 and problem.input_shape[-1] > largest:
            return f"{self.name} refines n³ triples, so it supports at most {largest} nodes"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the module: graphs [n, 1 + k, N, N] -> [n, *output_shape]."""
        return Lookup(self.order, problem.output_shape, lookup=problem.loss != "none")


@final
class WL1(_Refinement):
    """1-WL, colour refinement: the colours of a node's neighbours and of the edges to them."""

    name, order = "wl-1", 1
    summary = "colour refinement, without training"
    reference = "Weisfeiler and Leman 1968"


@final
class FWL2(_Refinement):
    """2-FWL (= 3-WL): for a pair (i, j), the colours of (i, w) and (w, j) for every w."""

    name, order = "fwl-2", 2
    summary = "2-FWL (= 3-WL), without training"
    reference = "Cai, Fürer and Immerman 1992"


@final
class FWL3(_Refinement):
    """3-FWL (= 4-WL): for a triple, the colours of its three replacements by w, for every w."""

    name, order = "fwl-3", 3
    summary = "3-FWL (= 4-WL), without training, up to 64 nodes"
    reference = "Cai, Fürer and Immerman 1992"
