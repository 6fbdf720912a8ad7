"""Groups of the tasks that the core does not have."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from symbench.groups import SO, Group


@final
class CO(Group):
    """CO⁺(2): rotations of the plane times positive scalings, two commuting generators."""

    sampler_law = "angle Haar, logarithm of the scale uniform in [-1, 1]"

    def __init__(self) -> None:
        scaling = torch.eye(2, dtype=torch.float64)
        super().__init__("CO(2)", torch.stack([SO(2).algebra[0], scaling]), negation=True)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, 2, 2]."""
        drawn = torch.rand(count, 1, 1, generator=generator, dtype=torch.float64)
        return (2 * drawn - 1).exp() * SO(2).sample(count, generator)
