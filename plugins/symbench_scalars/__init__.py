"""Networks on invariant scalars (Villar et al. 2021, "Scalars are universal")."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = ("Scalars", "PermutationScalars", "PublishedScalars")


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models on invariant scalars."""
    for name in _MODELS:
        registry.model(f"symbench_scalars.models:{name}", equivariant=True)
    registry.model("symbench_scalars.soft:SoftScalars", equivariant=False)
