"""The e3nn model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from symbench import InputError, Model, Problem
from symbench.groups import SO, Group, O, Standardised


@dataclass(frozen=True)
class E3NNConfig:
    """``depth`` tensor-product layers with ``channels`` channels of each irrep up to l = 2."""

    channels: int = 8
    depth: int = 2
    learning_rate: float = 1e-2  # e3nn's weights have unit scale, so 3e-3 would be slow
    batch_size: int = 64


class E3NN(Model):
    """Gated tensor products of irreps up to l = 2, in residual layers.

    If it is told O(3), scalars are 0e and vectors 1o. If it is told SO(3), parity is ignored and
    all irreps are even. If the declared group on R³ is neither, the model is told the task's
    ambient O(3) or SO(3), which is more symmetry than the task has.
    """

    name, version, prior = "e3nn", "1", "told"
    summary = "gated tensor products of irreducible representations of O(3) or SO(3)"
    reference = "Geiger and Smidt 2022 (e3nn: Euclidean neural networks)"
    Config = E3NNConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {"channels": 32, "depth": 3, "batch_size": 500}
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Return why the problem cannot be read, or None."""
        if problem.symmetry is None:
            return "needs to be told a symmetry, but the task has no symmetry"
        if problem.kind != "vectors":
            return f"reads vectors, not {problem.kind} data"
        if _rotations(problem) is None:
            return f"only supports O(3) and SO(3), not {problem.symmetry.group}"
        law = problem.symmetry
        for what, rep, highest in (("inputs", law.input, 1), ("outputs", law.output, 2)):
            if any(len(piece.modes) > highest for piece in rep.pieces):
                return f"{what} {rep} contain tensors of rank above {highest}"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape].

        Raises:
            InputError: neither the symmetry nor the ambient group is O(3) or SO(3).
        """
        # e3nn takes seconds to import, and plans build no network
        from symbench_e3nn.layers import network

        group = _rotations(problem)
        if problem.symmetry is None or group is None:
            raise InputError("e3nn needs to be told O(3) or SO(3)")
        inputs, outputs = (
            r.rebind(group) for r in (problem.symmetry.input, problem.symmetry.output)
        )
        net = network(inputs, outputs, self.config.channels, self.config.depth)
        return Standardised(net, inputs, outputs, problem.output_shape)


def _rotations(problem: Problem) -> Group | None:
    """Return O(3) or SO(3): the declared group if it is one of them, else the ambient group."""
    declared = None if problem.symmetry is None else problem.symmetry.group
    for group in (declared, problem.ambient):
        if isinstance(group, (O, SO)) and (group.p, group.q) == (3, 0):
            return group
    return None
