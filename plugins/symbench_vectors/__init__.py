"""Regression on vectors: the tasks of EMLP and Scalars, and three that tell their models apart."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_TASKS = (
    ("tasks:O5Invariant", "o5-invariant", 0.002, "invariant function of two 5-vectors"),
    ("tasks:O5Noisy", "o5-noisy", 0.05, "o5-invariant with noise on the training labels"),
    ("tasks:O3Inertia", "o3-inertia", 0.02, "moment of inertia of five point masses"),
    ("tasks:LorentzScattering", "lorentz-scattering", 0.02, "scattering of four four-momenta"),
    (
        "chiral:SO3Cross",
        "so3-cross",
        0.05,
        "a cross product: SO(3)-equivariant, out of reach of O(3)",
    ),
    (
        "chiral:SO2Anisotropic",
        "so2-3-anisotropic",
        0.05,
        "a force in a medium with an axis: SO(2), out of reach of O(3)",
    ),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks."""
    for path, name, threshold, summary in _TASKS:
        registry.task(
            f"symbench_vectors.{path}",
            name=name,
            version="1",
            summary=summary,
            kind="vectors",
            loss="mse",
            threshold=threshold,
        )
