"""The network on multivectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from symbench import InputError, Model, Prior, Problem, Symmetry
from symbench.groups import SO, O, Representation, Standardised
from symbench_clifford.algebra import Algebra, places
from symbench_clifford.layers import Block, Graded, GradedLinear

_LARGEST = 6  # dimensions: a multivector has 2^d coordinates


class MultivectorNetwork(nn.Module):
    """Blocks on multivectors; scalar outputs by a perceptron on the invariants of the last.

    For SO(p, q) the pseudoscalar is a constant input channel, so that dual quantities, such as a
    cross product, are products with it.
    """

    def __init__(self, law: Symmetry, group: O | SO, channels: int, depth: int, width: int) -> None:
        super().__init__()
        algebra = Algebra((1,) * group.p + (-1,) * group.q)
        self._algebra, self._inputs, self._outputs = algebra, law.input, law.output
        self._special = isinstance(group, SO)
        ranks = [summand.rank for summand in law.output.summands]
        widths = [len(law.input.summands) + self._special, *[channels] * depth]
        blocks = [Block(algebra, a, b) for a, b in pairwise(widths)]
        self.blocks = nn.Sequential(*blocks)
        self.graded = Graded(algebra)
        invariants = channels * (algebra.d + 2)
        self.scalars = nn.Sequential(
            nn.Linear(invariants, width), nn.SiLU(), nn.Linear(width, max(1, ranks.count(0)))
        )
        self.vectors = GradedLinear(algebra, channels, max(1, ranks.count(1)))

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, output size] of x [n, input size]."""
        features = self.blocks(self._embedded(x))
        invariants = torch.cat([features[..., :1], self.graded.quadratic(features)], -1)
        scalars = self.scalars(invariants.flatten(1)).split(1, 1)
        vectors = self.vectors(features)[..., places(self._algebra.d, x.device)].unbind(1)
        given = {0: iter(scalars), 1: iter(vectors)}
        return torch.cat([next(given[s.rank]) for s in self._outputs.summands], 1)

    def _embedded(self, x: Tensor) -> Tensor:
        """Return the multivectors [n, channels, 2^d] of the inputs."""
        parts = []
        for summand, part in zip(self._inputs.summands, _split(x, self._inputs), strict=True):
            if summand.rank:
                parts.append(self._algebra.vector(part))
            else:
                parts.append(nn.functional.pad(part, (0, self._algebra.size - 1)))
        if self._special:
            parts.append(nn.functional.pad(x.new_ones(len(x), 1), (self._algebra.size - 1, 0)))
        return torch.stack(parts, 1)


def _split(x: Tensor, rep: Representation) -> tuple[Tensor, ...]:
    parts: tuple[Tensor, ...] = x.flatten(1).split([s.size for s in rep.summands], 1)
    return parts


@dataclass(frozen=True)
class CliffordConfig:
    """``depth`` blocks of ``channels`` multivectors, and a perceptron of ``width`` units.

    ``declined`` keeps it out of the tier ``quick``, of which it would take a quarter of the time.
    """

    declined: bool = False
    channels: int = 8
    depth: int = 2
    width: int = 64
    learning_rate: float = 3e-3
    batch_size: int = 128


@final
class Clifford(Model):
    """A Clifford group equivariant network: channels are multivectors of Cl(p, q).

    Linear maps act on each grade, gates read invariants of each grade, and geometric products
    combine grades with learned weights. It is exact for O(p, q) and SO(p, q) in at most six
    dimensions. Multivectors hold antisymmetric tensors only, so that V ⊗ V outputs are declined.

    The published network of the O(5) task is trained for 131,000 updates. It is larger, and its
    scalar outputs read the scalar parts; here they are a perceptron of all invariants.
    """

    name, version = "clifford", "1"
    prior: ClassVar[Prior] = "told"
    summary = "geometric products of multivectors (CGENN)"
    reference = "Ruhe, Brandstetter, Forré 2023, Clifford group equivariant neural networks"
    Config = CliffordConfig
    config: CliffordConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 4},
        "quick": {"declined": True},
        "standard": {},
        "full": {"channels": 32, "depth": 3, "width": 128},
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline all but scalars and vectors of O(p, q) or SO(p, q)."""
        if self.config.declined:
            return f"an update of {self.name} takes long: use the tier standard or full"
        try:
            self._group(problem)
        except InputError as error:
            return str(error)
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape].

        Raises:
            InputError: the problem is declined.
        """
        law, group = self._group(problem)
        config = self.config
        net = MultivectorNetwork(law, group, config.channels, config.depth, config.width)
        return Standardised(net, law.input, law.output, problem.output_shape)

    def _group(self, problem: Problem) -> tuple[Symmetry, O | SO]:
        law = problem.symmetry
        if problem.kind != "vectors":
            raise InputError(f"{self.name} reads vectors, not {problem.kind} data")
        if law is None:
            raise InputError(f"{self.name} needs to be told a symmetry, but the task has none")
        group = law.group
        if not isinstance(group, (O, SO)) or group.dim > _LARGEST:
            raise InputError(f"{self.name} knows O(p, q) in at most 6 dimensions, not {group}")
        sizes = law.input.size, law.output.size
        if sizes != (problem.input_size, problem.output_size):
            raise InputError(
                f"the symmetry maps {sizes[0]} to {sizes[1]} coordinates, not the task"
            )
        for rep in (law.input, law.output):
            if any(s.rank > 1 for s in rep.summands) or any(leaf.dual for leaf in rep.leaves):
                raise InputError(f"multivectors hold scalars and vectors, not {rep}")
        return law, group
