"""The equivariant vector field of the plane."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from symbench import InputError, Model, Problem
from symbench.groups import Representation, Standardised


@dataclass(frozen=True)
class DriftConfig:
    """``depth`` hidden layers of ``width`` SiLU units, which compute both coefficients."""

    width: int = 64
    depth: int = 2
    learning_rate: float = 3e-3
    batch_size: int = 128


class EquivariantDrift(Model):
    """f(x, s) = a(|x|², s) x + b(|x|², s) J x, with J the quarter turn and perceptrons a and b.

    Every smooth SO(2)-equivariant field of the plane has this form, where s are invariants that the
    input may hold beside the vector, such as a time. The field is exactly equivariant, and as
    smooth as the perceptrons are; least-action paths need smoothness.
    """

    name, version, prior = "so2-drift", "1", "told"
    summary = "a(r) x + b(r) J x: the SO(2)-equivariant field of the plane"
    reference = "Villar et al. 2021 (Scalars are universal), SO(d) for d = 2"
    Config = DriftConfig
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline everything but a vector field of the plane under SO(2)."""
        told = problem.symmetry
        if problem.kind != "vectors" or told is None:
            return "needs vectors with a symmetry"
        if not _is_rotation(told.input):
            return f"needs the rotations of the plane, SO(2), not {told.group}"
        vectors, scalars = _count(told.input)
        if (vectors, vectors + scalars) != (1, len(told.input.summands)):
            return f"needs one vector and scalars, not {told.input!r}"
        if _count(told.output) != (1, 0) or told.output.size != 2:
            return f"outputs one vector, not {told.output!r}"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the field [n, 2 + scalars] -> [n, 2], standardised by its training data.

        Raises:
            InputError: the problem tells no symmetry.
        """
        told = problem.symmetry
        if told is None:
            raise InputError(f"{self.name} needs to be told a symmetry")
        net = Field(told.input, self.config.width, self.config.depth)
        return Standardised(net, told.input, told.output)


def _is_rotation(space: Representation) -> bool:
    group = space.group
    if group.dim != 2 or len(group.algebra) != 1 or len(group.factors) != 1:
        return False
    # a reflection would forbid the second coefficient
    return group.is_orthogonal and bool((torch.linalg.det(group.discrete) > 0).all())


def _count(space: Representation) -> tuple[int, int]:
    """Return the numbers of vectors and of scalars among the summands."""
    ranks = [summand.rank for summand in space.summands]
    return ranks.count(1), ranks.count(0)


class Field(nn.Module):
    """a(|x|², s) x + b(|x|², s) J x of the one vector x among scalars s."""

    at: Tensor
    rest: Tensor

    def __init__(self, inputs: Representation, width: int, depth: int) -> None:
        super().__init__()
        place, vector, scalars = 0, [0, 1], []
        for summand in inputs.summands:
            if summand.rank == 1:
                vector = [place, place + 1]
            else:
                scalars.append(place)
            place += summand.size
        self.register_buffer("at", torch.tensor(vector), persistent=False)
        self.register_buffer("rest", torch.tensor(scalars, dtype=torch.long), persistent=False)
        sizes = [1 + len(scalars), *[width] * depth]
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.SiLU()]
        self.coefficients = nn.Sequential(*layers, nn.Linear(sizes[-1], 2))

    def forward(self, z: Tensor) -> Tensor:
        """Return the field [n, 2] at z [n, 2 + scalars]."""
        x = z[:, self.at]
        square = x.square().sum(1, keepdim=True).log1p()
        a, b = self.coefficients(torch.cat([square, z[:, self.rest]], 1)).split(1, 1)
        turned = torch.stack([-x[:, 1], x[:, 0]], 1)
        field: Tensor = a * x + b * turned
        return field
