"""The tensor field network on bodies in space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from symbench import Problem
from symbench_dynamics.egnn import Cloud, CloudModel, cloud_reason
from symbench_dynamics.heads import Clock


@dataclass(frozen=True)
class TensorFieldConfig:
    """``depth`` layers of ``channels`` of each irrep up to ``degree``; R has ``hidden`` units."""

    channels: int = 8
    degree: int = 1
    depth: int = 1
    hidden: int = 32
    step: float = 1.0
    learning_rate: float = 3e-3
    batch_size: int = 32


@final
class TensorField(CloudModel):
    """A small tensor field network on bodies in space: l ≤ 1, or 2 in the full tier."""

    name = "e3nn-nbody"
    summary = "tensor-product network on point clouds"
    reference = "Thomas et al. 2018 (arXiv:1802.08219); Geiger and Smidt 2022 (e3nn)"
    Config = TensorFieldConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {"channels": 32, "degree": 2, "depth": 3, "hidden": 64, "batch_size": 100}
    }

    def accepts(self, problem: Problem) -> str | None:
        """Return why the problem is not one of bodies in space, or None."""
        if (why := cloud_reason(problem)) is not None:
            return why
        if problem.symmetry is not None and problem.symmetry.group.dim != 3:
            return "needs three dimensions"
        return None

    def cloud(self, clock: Clock, bodies: int, dim: int) -> Cloud:  # noqa: ARG002 - dim is 3
        """Return the convolutions."""
        # e3nn takes seconds to import, and plans build no network
        from symbench_dynamics.tensorcloud import TensorCloud

        return TensorCloud(clock, bodies, self.config)
