"""L-conv: layers that learn the generators of a symmetry together with their weights."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    "models:LConv",
    "models:LConv2",
    "models:RandomLConv",
    "graph:GCN",
    "pairs:RecursiveLConv",
    "exponential:Exponential",
    "exponential:SkewExponential",
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for target in _MODELS:
        registry.model(f"symbench_lconv.{target}")
