"""Networks on invariant scalars (Villar et al. 2021, "Scalars are universal")."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    ("Scalars", "scalars", "standardised invariant products, perceptron with a bilinear path"),
    ("PermutationScalars", "scalars-perm", "scalars, also invariant when the bodies are permuted"),
    ("PublishedScalars", "scalars-2021", "raw invariant products, ReLU perceptron, as published"),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models on invariant scalars."""
    for cls, name, summary in _MODELS:
        registry.model(
            f"symbench_scalars.models:{cls}",
            name=name,
            version="1",
            prior="told",
            equivariant=True,
            summary=summary,
        )
