"""The average of a function over elements of a group."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symbench import Symmetry


class Averaged(nn.Module):
    """x ↦ mean over j of ρ_out(g_j)⁻¹ f(ρ_in(g_j) x) for fixed elements g_j of a group.

    Args:
        net: f.
        law: ρ_in and ρ_out.
        g: elements [e, d, d].
    """

    inputs: Tensor
    outputs: Tensor

    def __init__(self, net: nn.Module, law: Symmetry, g: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("inputs", law.input.rho(g))
        self.register_buffer("outputs", law.output.rho(torch.linalg.inv(g)))

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *output_shape]."""
        values = [
            _moved(self.net(_moved(x, rho)), back)
            for rho, back in zip(self.inputs, self.outputs, strict=True)
        ]
        y: Tensor = torch.stack(values).mean(0)
        return y


def _moved(values: Tensor, rho: Tensor) -> Tensor:
    """Return ρ v [n, ...] for values v [n, ...]."""
    return (values.flatten(1) @ rho.mT).view_as(values)
