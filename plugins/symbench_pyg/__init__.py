"""The networks of torch-geometric, as its authors wrote them."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_EXACT = ("GAT", "GCN", "GIN", "PNA", "GraphSAGE")


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the networks; the encodings of GPS are rounded to single precision."""
    for name in _EXACT:
        registry.model(f"symbench_pyg.models:{name}", equivariant=True)
    registry.model("symbench_pyg.models:GPS")
