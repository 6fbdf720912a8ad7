"""Models without built-in symmetry: networks, closed forms, and floors that all must beat."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    "models:MLP",
    "models:AugmentedMLP",
    "models:PenalisedMLP",
    "penalty:LearnedPenaltyMLP",
    "models:Constant",
    "models:Linear",
    "images:CNN",
    "images:CNNMaxPool",
    "images:FCLConv",
    "images:FCShallow",
    "closed_form:LeastSquares",
    "closed_form:MatrixLog",
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the baseline models."""
    for target in _MODELS:
        registry.model(f"symbench_baselines.{target}")
