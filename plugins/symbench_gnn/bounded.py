"""Models whose cost grows fast with the number of nodes, and which decline larger graphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from symbench import Problem
from symbench_gnn.network import NetworkConfig, NodeModel


@dataclass(frozen=True)
class BoundedConfig(NetworkConfig):
    """Graphs of tasks have at most ``nodes`` nodes, or ``trained_nodes`` where a network trains."""

    nodes: int = 256
    trained_nodes: int = 64
    learning_rate: float = 1e-3


class BoundedModel(NodeModel):
    """A network on node embeddings that declines larger graphs than a tier can afford."""

    Config = BoundedConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"width": 8, "depth": 2},
        "quick": {"width": 16, "nodes": 16, "trained_nodes": 0},
    }

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a graph, and graphs with too many nodes."""
        if reason := super().accepts(problem):
            return reason
        most = self.config.nodes if problem.loss == "none" else self.config.trained_nodes
        if problem.input_shape[-1] <= most:
            return None
        what = "compares" if problem.loss == "none" else "trains on"
        return f"{self.name} {what} graphs of at most {most} nodes in this tier"
