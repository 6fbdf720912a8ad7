"""Networks on graphs, from DeepSets to Folklore Weisfeiler-Leman, and the tests of k-WL."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    "passing:GCN",
    "passing:GIN",
    "passing:GAT",
    "passing:MPNN",
    "passing:RandomGIN",
    "others:DeepSets",
    "others:GraphTransformer",
    "others:PowerGNN",
    "line:LineGNN",
    "others:MLPAdjacency",
    "tensors:IGN2",
    "tensors:RingGNN",
    "tensors:PPGN",
    "pooling:LRP",
    "spectral:Spectrum",
    "subgraphs:NGNN",
    "subgraphs:SSWL",
    "subgraphs:LocalFWL2",
    "subgraphs:EdgeTransformer",
    "edge_subgraphs:I2GNN",
    "counted:CountedGIN",
    "counted:KHop",
    "refinement:WL1",
    "refinement:FWL2",
    "refinement:FWL3",
)
_NOT_EQUIVARIANT = ("passing:RandomGIN", "others:MLPAdjacency")  # the first: in distribution only


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for target in _MODELS:
        registry.model(f"symbench_gnn.{target}", equivariant=target not in _NOT_EQUIVARIANT)
