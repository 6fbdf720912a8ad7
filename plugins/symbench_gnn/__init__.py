"""Networks on graphs, from DeepSets to Folklore Weisfeiler-Leman, and the tests of k-WL."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    ("passing:GCN", "gcn", "told", "graph convolution of Kipf and Welling"),
    ("passing:GIN", "gin", "told", "graph isomorphism network: as strong as 1-WL"),
    ("passing:GAT", "gat", "told", "graph attention network"),
    ("passing:MPNN", "mpnn", "told", "message passing by an edge network"),
    ("passing:RandomGIN", "gin-random", "told", "GIN on random node features"),
    ("others:DeepSets", "deep-sets", "told", "sum over nodes, blind to edges"),
    ("others:GraphTransformer", "graph-transformer", "told", "GPS with random-walk encodings"),
    ("others:PowerGNN", "power-gnn", "told", "operators 1, D, A, min(1, A²), …"),
    ("line:LineGNN", "line-gnn", "told", "GNN on the graph and its line graph, non-backtracking"),
    (
        "others:MLPAdjacency",
        "mlp-adjacency",
        "none",
        "perceptron on the flattened graph: the floor",
    ),
    ("tensors:IGN2", "ign-2", "told", "2-IGN: the 15 equivariant linear maps of matrices"),
    ("tensors:RingGNN", "ring-gnn", "told", "2-IGN layers and their matrix products"),
    ("tensors:PPGN", "ppgn", "told", "provably powerful graph network: 2-FWL"),
    ("pooling:LRP", "lrp", "told", "local relational pooling over depth-1 egonets"),
    ("spectral:Spectrum", "spectrum", "told", "perceptron on the eigenvalues of the adjacency"),
    ("refinement:WL1", "wl-1", "told", "colour refinement, nothing learned"),
    ("refinement:FWL2", "fwl-2", "told", "2-FWL (= 3-WL), nothing learned"),
    ("refinement:FWL3", "fwl-3", "told", "3-FWL (= 4-WL), nothing learned, up to 64 nodes"),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for target, name, prior, summary in _MODELS:
        registry.model(
            f"symbench_gnn.{target}", name=name, version="1", prior=prior, summary=summary,
            equivariant=prior == "told" and name != "gin-random",  # equivariant in distribution
        )  # fmt: skip
