"""Graphs: what a network can tell apart, by theorem, and what it learns to."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_TASKS = (
    "csl:CSL",
    "brec:BREC",
    "mini:BRECMini",
    "ladder:WLLadder",
    "geometry:Chains",
    "geometry:Stars",
    "geometry:Neighbourhoods",
    "counting:ErdosRenyiCount",
    "counting:RegularCount",
    "hamiltonian:HamiltonianLength",
    "hamiltonian:HamiltonianPath",
    "maxcut:MaxCut",
    "community:Community",
    "matching:GraphMatching",
)
_METRICS = (
    "structural:Structural",
    "paired:PairsTrained",
    "structural:Classes",
    "counting:CountError",
    "hamiltonian:PathF1",
    "hamiltonian:PathGap",
    "hamiltonian:LengthError",
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks and their papers' own scores."""
    for target in _TASKS:
        registry.task(f"symbench_graphs.{target}")
    for target in _METRICS:
        registry.metric(f"symbench_graphs.{target}")
    for name in ("graphs-solved", "graphs-apart"):
        registry.suite_file(f"suites/{name}.toml")
