"""Colour refinement and Folklore Weisfeiler-Leman: the theorems on the board, nothing learned.

Naming: k-FWL is what Cai, Fürer and Immerman (1992) call k-WL and separates as much as the
"oblivious" (k + 1)-WL. Colours are 64-bit integers; a multiset of tuples of colours is hashed to
the sum, over the multiset, of the product of one mixed integer for each place of the tuple, modulo
2⁶⁴. Sums of integers do not depend on their order, so that relabelling changes no bit.
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
_CHUNK = 2**22  # colours held at once
_LARGEST = 64  # nodes up to which 3-FWL runs: n⁴ steps a round
_LARGEST_OF_MANY = 16
_RARE = 1e-6  # the frequency that stands for a class never seen with a signature


def mix(z: Tensor) -> Tensor:
    """Return a bijective scrambling of int64 (SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    z = z + _GOLDEN
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, places: int) -> Tensor:
    return (z >> places) & ((1 << (64 - places)) - 1)  # without the copies of the sign


def _folded(*parts: Tensor) -> Tensor:
    """Return the hash of a sequence of colours: the order of the parts counts."""
    colour = mix(parts[0])
    for part in parts[1:]:
        colour = mix(colour + part)
    return colour


def _salted(colours: Tensor) -> tuple[Tensor, ...]:
    return tuple(mix(colours + salt) for salt in _SALTS)


def pair_hashes(x: Tensor) -> Tensor:
    """Return the hash [g, n, n] of what graphs [g, 1 + k, n, n] say of each pair of nodes.

    Weights and features are taken in float32, so that both precisions give the same; i = j counts.
    """
    bits = (x.float() + 0.0).view(torch.int32).long()  # + 0.0: no negative zero
    same = torch.eye(x.shape[-1], dtype=torch.long, device=x.device).expand(len(x), -1, -1)
    return _folded(same, *bits.unbind(1))


def _first_start(pairs: Tensor) -> Tensor:
    """Return the colours [g, n] of nodes: their features."""
    return pairs.diagonal(dim1=1, dim2=2)


def _first_step(colours: Tensor, edges: Tensor) -> Tensor:
    """Return for each node the sum over its edges (hashes [g, n, n], else 0) and neighbours."""
    return (edges @ _salted(colours)[0][..., None])[..., 0]


def _second_start(pairs: Tensor) -> Tensor:
    """Return the colours [g, n, n] of pairs of nodes: all that the graph says of the two."""
    nodes = pairs.diagonal(dim1=1, dim2=2)
    return _folded(pairs, pairs.mT, nodes[:, :, None], nodes[:, None, :])


def _second_step(colours: Tensor, edges: Tensor) -> Tensor:  # noqa: ARG001 - the colours hold them
    """Return for each (i, j) the sum over w of (i, w) and (w, j)."""
    left, right, _ = _salted(colours)
    return left @ right


def _third_start(pairs: Tensor) -> Tensor:
    """Return the colours [g, n, n, n] of triples of nodes: those of their three pairs."""
    two = _second_start(pairs)
    return _folded(two[..., None], two[:, :, None, :], two[:, None])


def _third_step(colours: Tensor, edges: Tensor) -> Tensor:  # noqa: ARG001 - the colours hold them
    """Return for each (i, j, k) the sum over w of (w, j, k), (i, w, k) and (i, j, w)."""
    first, second, third = _salted(colours)
    rows = []
    for i in range(colours.shape[1]):  # one i at a time: n⁴ products would not fit
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

    Each graph is refined until its own partition no longer changes, and once more: colours of
    two graphs agree then exactly if they would in all further rounds.
    """
    pairs = pair_hashes(x)
    edges = torch.where(graphs.adjacency(x) != 0, mix(pairs), 0)
    colours = _STARTS[order - 1](pairs)
    classes, growing = _classes(colours), torch.arange(len(x), device=x.device)
    while len(growing):
        now = colours[growing]
        after = mix(mix(now) + _STEPS[order - 1](now, edges[growing]))
        found = _classes(after)
        more = found > classes[growing]
        colours[growing], classes[growing] = after, found
        growing = growing[more]
    return colours


def signatures(x: Tensor, order: int) -> Tensor:
    """Return one int64 [n] for each graph [n, 1 + k, N, N]: equal for equal multisets of colours.

    Padding is left out. ``order`` 1 is colour refinement (1-WL), 2 and 3 are 2-FWL and 3-FWL.

    Raises:
        InputError: 3-FWL of a graph of more than 64 nodes.
    """
    counts = (graphs.node_mask(x) > 0).sum(1)
    result = torch.empty(len(x), dtype=torch.long, device=x.device)
    for n in counts.unique().tolist():
        if order == 3 and n > _LARGEST:
            raise InputError(f"fwl-3 refines graphs of at most {_LARGEST} nodes, not {n}")
        some = max(1, _CHUNK // max(1, n) ** order)
        for places in (counts == n).nonzero()[:, 0].split(some):
            colours = refined(_without_padding(x[places], n), order)
            result[places] = mix(mix(colours).flatten(1).sum(1) + n)
    return result


def _without_padding(x: Tensor, n: int) -> Tensor:
    order = (graphs.node_mask(x) > 0).int().argsort(dim=1, descending=True, stable=True)
    return graphs.relabelled(x, order)[..., :n, :n]


def embedded(signature: Tensor, size: int) -> Tensor:
    """Return fixed pseudo-random numbers in [0, 1), [n, size] float64, exact in float32 too."""
    places = torch.arange(size, device=signature.device) * _SALTS[0]
    return _shifted(mix(mix(signature)[:, None] + places), 40).double() / 2**24


class Lookup(nn.Module):
    """Predicts the mean target of the training graphs that have the same signature.

    A graph like none of them gets the mean of all; classes come as logarithms of frequencies, and
    an unseen graph's are uniform. With ``lookup`` off it puts out ``embedded`` signatures.
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
        """Return the output [n, *output_shape] for graphs [n, 1 + k, N, N] of any N."""
        found = signatures(x, self.order)
        if not self.lookup:
            return embedded(found, self.output_shape[0]).to(x)
        place = torch.searchsorted(self.keys, found).clamp(max=len(self.keys) - 1)
        known = (self.keys[place] == found).view(-1, *[1] * len(self.output_shape))
        return torch.where(known, self.values[place], self.otherwise).to(x)


class _Refinement(Model):
    """Nothing is learned: graphs of one signature are one graph to it."""

    version, prior = "1", "told"
    order: ClassVar[int]

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not an invariant of graphs, and for 3-FWL large graphs.

        64 nodes where each graph is looked at a few times, 16 where thousands are (n⁴ steps each).
        """
        if reason := declined(self.name, problem, orders=(0,)):
            return reason
        largest = _LARGEST if problem.loss == "none" else _LARGEST_OF_MANY
        if self.order == 3 and problem.input_shape[-1] > largest:
            return f"{self.name} refines n³ triples: at most {largest} nodes"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the module: graphs [n, 1 + k, N, N] -> [n, *output_shape]."""
        return Lookup(self.order, problem.output_shape, lookup=problem.loss != "none")


@final
class WL1(_Refinement):
    """1-WL, colour refinement: the colours of a node's neighbours, with the edges to them."""

    name, order = "wl-1", 1
    summary = "colour refinement, nothing learned"
    reference = "Weisfeiler and Leman 1968"


@final
class FWL2(_Refinement):
    """2-FWL (= 3-WL): for a pair (i, j), the colours of (i, w) and (w, j) for every w."""

    name, order = "fwl-2", 2
    summary = "2-FWL (= 3-WL), nothing learned"
    reference = "Cai, Fürer and Immerman 1992"


@final
class FWL3(_Refinement):
    """3-FWL (= 4-WL): for a triple, the colours of its three replacements by w, for every w."""

    name, order = "fwl-3", 3
    summary = "3-FWL (= 4-WL), nothing learned, up to 64 nodes"
    reference = "Cai, Fürer and Immerman 1992"
