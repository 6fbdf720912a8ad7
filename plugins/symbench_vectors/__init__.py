"""Regression on vectors: the tasks of EMLP and Scalars, and three that tell their models apart."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_TASKS = (
    "tasks:O5Invariant",
    "tasks:O5Noisy",
    "tasks:O3Inertia",
    "tasks:LorentzScattering",
    "chiral:SO3Cross",
    "chiral:SO2Anisotropic",
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks."""
    for target in _TASKS:
        registry.task(f"symbench_vectors.{target}")
