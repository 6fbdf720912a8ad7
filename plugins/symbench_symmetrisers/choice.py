"""A symmetriser that the search of configurations chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

from torch import nn

from symbench import InputError, Problem
from symbench_symmetrisers.models import FramesConfig, Symmetriser
from symbench_symmetrisers.wrap import symmetrised


@dataclass(frozen=True)
class ChoiceConfig(FramesConfig):
    """``by`` is one of the exact ways; ``sets`` counts for frames only."""

    by: Literal["canonical", "frames"] = "canonical"


@final
class MLPSymmetrised(Symmetriser):
    """``mlp`` in frames or in a canonical pose, whichever has the lower validation loss.

    ``symbench tune`` chooses between the two exact ways, with one or two sets of frames. In its
    default configuration it is ``mlp-canonical``.
    """

    name = "mlp-symmetrised"
    summary = "mlp in frames or in a canonical pose, as tuned"
    backbone = "mlp"
    Config = ChoiceConfig
    search: ClassVar[Mapping[str, Any]] = {
        "by": ["canonical", "frames"],
        "sets": [1, 2],
        "learning_rate": (3e-4, 3e-2),
    }

    @property
    def backbones(self) -> tuple[str, ...]:
        """``mlp``, and ``scalars`` for a learned frame."""
        return (self.backbone, "scalars")

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape].

        Raises:
            InputError: the problem is declined.
        """
        if problem.symmetry is None:
            raise InputError(f"{self.name} needs to be told a symmetry, but the task has none")
        config = self.config
        return symmetrised(self.network(problem), problem, config.by, sets=config.sets)
