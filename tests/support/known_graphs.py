"""Pairs of graphs with the known tests that distinguish them, as networkx graphs and tensors."""

from __future__ import annotations

import os
from itertools import combinations, product
from pathlib import Path

import networkx as nx
import numpy as np
import torch

from symbench import Problem, graphs

DATA = Path(os.environ.get("SYMBENCH_DATA", "")) / "brec"
CATEGORIES = ("basic", "regular", "str", "extension", "cfi", "4vtx", "dr")
CSL_SKIPS = (2, 3, 4, 5, 6, 9, 11, 12, 13, 16)


def tensor(*many):
    """Return networkx graphs of one size as a float64 batch [n, 2, N, N]."""
    arrays = [nx.to_numpy_array(graph, dtype=np.float64) for graph in many]
    return graphs.pack(torch.from_numpy(np.stack(arrays)))


def cfi(base):
    """Return the two graphs of Cai, Fürer and Immerman over a base, without edge vertices."""
    names = {edge: k for k, edge in enumerate(map(frozenset, base.edges))}
    nodes = [
        (v, frozenset(chosen))
        for v in base
        for chosen in (
            [names[frozenset(e)] for e, bit in zip(base.edges(v), bits, strict=True) if bit]
            for bits in product((0, 1), repeat=base.degree(v))
            if sum(bits) % 2 == 0
        )
    ]
    return _twisted(nodes, names, 0), _twisted(nodes, names, 1)


def _twisted(nodes, names, twist):
    graph = nx.Graph()
    graph.add_nodes_from(nodes)
    for (u, mine), (v, yours) in combinations(nodes, 2):
        edge = names.get(frozenset((u, v)))
        if edge is not None and ((edge in mine) ^ (edge in yours)) == (edge == 0 and twist):
            graph.add_edge((u, mine), (v, yours))
    return graph


def csl(skip, nodes=41):
    return nx.circulant_graph(nodes, [1, skip])


def shrikhande():
    graph = nx.Graph()
    for i, j in product(range(4), repeat=2):
        for a, b in ((0, 1), (1, 0), (1, 1)):
            graph.add_edge((i, j), ((i + a) % 4, (j + b) % 4))
    return graph


def pairs():
    """Return name -> (first, second, whether 1-, 2- and 3-FWL distinguish them; None: not run)."""
    two = nx.disjoint_union
    triangle, square = nx.cycle_graph(3), nx.cycle_graph(4)
    pentagons = two(nx.cycle_graph(5), nx.cycle_graph(5))
    pentagons.add_edge(0, 5)
    decalin = nx.cycle_graph(10)
    decalin.add_edge(0, 5)
    rook = nx.line_graph(nx.complete_bipartite_graph(4, 4))
    star = two(nx.cycle_graph(4), nx.empty_graph(1))
    return {
        "2C3-C6": (two(triangle, triangle), nx.cycle_graph(6), (False, True, True)),
        "2C4-C8": (two(square, square), nx.cycle_graph(8), (False, True, True)),
        "K33-prism": (
            nx.complete_bipartite_graph(3, 3),
            nx.circular_ladder_graph(3),
            (False, True, True),
        ),
        "decalin-bicyclopentyl": (decalin, pentagons, (False, True, True)),
        "CSL-2-3": (csl(2), csl(3), (False, True, None)),
        "CSL-2-20": (csl(2), csl(20), (False, False, None)),
        "rook-shrikhande": (rook, shrikhande(), (False, False, True)),
        "CFI-K3": (*cfi(nx.complete_graph(3)), (False, True, True)),
        "CFI-K4": (*cfi(nx.complete_graph(4)), (False, False, True)),
        "CFI-K33": (*cfi(nx.complete_bipartite_graph(3, 3)), (False, False, True)),
        "CFI-K5": (*cfi(nx.complete_graph(5)), (False, False, False)),
        "K14-C4K1": (nx.star_graph(4), star, (True, True, True)),
    }


def brec(category):
    """Return the pairs of one category of BREC, from SYMBENCH_DATA."""
    strings = np.load(DATA / f"{category}.npy").flatten()
    loaded = [nx.from_graph6_bytes(s.encode() if isinstance(s, str) else bytes(s)) for s in strings]
    return list(zip(loaded[::2], loaded[1::2], strict=True))


def asks(loss, channels, nodes, copies, order=0):
    """Return a problem on graphs [channels, nodes, nodes]."""
    symmetry = graphs.graph_symmetry(channels, nodes, order, copies)
    shape = (copies, *[nodes] * order)
    return Problem("graph", loss, (channels, nodes, nodes), shape, symmetry)


def built(model, problem, seed=0, **config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model.for_tier("quick", **config).build(problem)


def separated(module, first, second, generator):
    """Return whether the outputs of a float64 module differ more than under relabelling."""
    batch = tensor(first, second).repeat_interleave(2, 0)
    order = graphs.random_orders(2, batch.shape[-1], generator)
    batch[1::2] = graphs.relabelled(batch[1::2], order)
    with torch.no_grad():
        y = module(batch)
    y = y / y.abs().max()
    noise = max(float((y[0] - y[1]).abs().max()), float((y[2] - y[3]).abs().max()))
    gap = float((y[:2].mean(0) - y[2:].mean(0)).abs().max())
    return gap > max(1e3 * noise, 1e-12)
