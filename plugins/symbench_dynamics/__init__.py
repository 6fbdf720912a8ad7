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
_MODELS = {  # and whether they are equivariant
    "models:NodeMLP": False,
    "models:NodeEMLP": True,
    "models:NodeScalars": True,
    "models:HNNMLP": False,
    "models:HNNEMLP": True,
    "models:HNNScalars": True,
    **{f"subgroups:{name}": True for name in ("NodeSO2", "NodeD2", "NodeD6")},
    **{f"subgroups:{name}": True for name in ("HNNSO2", "HNND2", "HNND6")},
    "quadratic:QuadraticConserved": False,
    "models:SRNN": False,
    "models:LNN": False,
    "angles:NodeAngles": False,
    "angles:LNNAngles": False,
    "models:PortHNN": False,
    "driven:PortDissipative": False,
    "driven:NodeTime": False,
    "egnn:EGNN": True,
    **dict.fromkeys(("steered:PaiNN", "steered:SEGNN"), True),
    "tensorfield:TensorField": True,
}


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the systems, the networks, and the papers' own scores."""
    for target in _TASKS:
        registry.task(f"symbench_dynamics.{target}")
    for target, equivariant in _MODELS.items():
        registry.model(f"symbench_dynamics.{target}", equivariant=equivariant)
    for target in ("scores:RolloutError", "scores:EnergyError", "motion:RolloutMotion"):
        registry.metric(f"symbench_dynamics.{target}")
    for name in ("dynamics", "bodies"):
        registry.suite_file(f"suites/{name}.toml")
