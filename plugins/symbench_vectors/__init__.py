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
    *("posed:PosedO5", "posed:PosedO5Within30", "posed:PosedO5Within90"),
    *("posed:PosedInertia", "posed:PosedInertiaWithin30", "posed:PosedInertiaWithin90"),
    *("posed:PosedCross", "posed:PosedCrossWithin30", "posed:PosedCrossWithin90"),
    "posed:PosedScattering",
    *("posed:PosedScatteringWithin30", "posed:PosedScatteringWithin90"),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks and the score of poses."""
    for target in _TASKS:
        registry.task(f"symbench_vectors.{target}")
    registry.metric("symbench_vectors.pose_metric:Pose")
    for name in ("vectors", "known-group", "wrong-group"):
        registry.suite_file(f"suites/{name}.toml")
