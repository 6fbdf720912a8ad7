"""Stochastic Noether: a symmetry of the learned drift conserves a quantity on likely paths."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_TASKS = (
    "diffusions:DriftDiffusion",
    "diffusions:OrnsteinUhlenbeck",
    "diffusions:RotatingOU",
    "diffusions:DoubleWell",
    "attractors:AttractorNetwork",
    "rings:RingDiffusion",
    "current:NoetherCurrent",
    "current:OffShell",
)
_METRICS = (
    "scores:FieldError",
    "scores:PathConservation",
    "scores:PathError",
    "bridges:RingPaths",
    "scores:DriftGenerators",
    "current:CurrentGenerators",
    "conserved:ConservedQuantities",
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the stochastic systems, their scores and the baselines."""
    for target in _TASKS:
        registry.task(f"symbench_noether.{target}")
    registry.model("symbench_noether.models:EquivariantDrift", equivariant=True)
    for target in _METRICS:
        registry.metric(f"symbench_noether.{target}")
    registry.suite_file("suites/stochastic.toml")
