"""Networks on graphs in space, from distances to tensors of any degree."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    "models:Distances",
    "models:Complete",
    "models:Angles",
    "models:MovedNodes",
    "models:Tensor1",
    "models:Tensor2",
    "models:Tensor3",
    "models:Tensor4",
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for target in _MODELS:
        registry.model(f"symbench_geometry.{target}", equivariant=True)
