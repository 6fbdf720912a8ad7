"""Mechanics: systems whose symmetries and conserved quantities are known, and networks for them."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_TASKS = (
    "springs:MassSpring",
    "springs:DampedForced",
    "pendula:Pendulum",
    "pendula:DoublePendulum",
    "pendula:SpringPendulum",
    "pendula:TalkPendulum",
    *("bodies:TwoBody", "bodies:ThreeBody", "charged:NBodySoftened", "charged:NBodyCharged"),
    *("forces:ElectromagneticForce", "forces:GravityEnergy"),
)
_EQUIVARIANT = (
    *(f"models:{name}" for name in ("NodeEMLP", "NodeScalars", "HNNEMLP", "HNNScalars")),
    *("subgroups:NodeD6", "subgroups:HNND6"),  # has no more tensors of low rank than O(2)
    *("egnn:EGNN", "steered:PaiNN", "steered:SEGNN", "tensorfield:TensorField"),
)
_OTHERS = (
    *(f"subgroups:{name}" for name in ("NodeSO2", "NodeD2", "HNNSO2", "HNND2")),
    *(f"models:{name}" for name in ("NodeMLP", "HNNMLP", "SRNN", "LNN", "PortHNN")),
    *("quadratic:QuadraticConserved", "angles:NodeAngles", "angles:LNNAngles"),
    *("driven:PortDissipative", "driven:NodeTime"),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the systems, the networks, and the papers' own scores."""
    for target in _TASKS:
        registry.task(f"symbench_dynamics.{target}")
    for target in (*_EQUIVARIANT, *_OTHERS):
        registry.model(f"symbench_dynamics.{target}", equivariant=target in _EQUIVARIANT)
    for target in ("scores:RolloutError", "scores:EnergyError", "motion:RolloutMotion"):
        registry.metric(f"symbench_dynamics.{target}")
    for name in ("dynamics", "bodies"):
        registry.suite_file(f"suites/{name}.toml")
