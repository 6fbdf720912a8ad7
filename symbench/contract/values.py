"""The values that tasks, models and metrics exchange."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from symbench.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from symbench.groups import Group, Representation


Kind = Literal["vectors", "image", "graph", "trajectory"]
Prior = Literal["none", "told", "discovers"]
Tier = Literal["smoke", "quick", "full"]
Split = Literal["train", "valid", "test"]
Loss = Literal["mse", "cross-entropy", "own", "none"]
Direction = Literal["lower", "higher"]
Selection = Literal["last", "best-valid"]
Scores = float | dict[str, float]

SPLITS: tuple[Split, ...] = ("train", "valid", "test")


def check_tier(name: str) -> None:
    """Refuse a name that is not that of a tier.

    Raises:
        InputError: the name is not one of ``Tier``.
    """
    if name not in get_args(Tier):
        raise InputError(f"unknown tier {name!r}: choose one of {', '.join(get_args(Tier))}")


def seeded(*parts: object) -> torch.Generator:
    """Return a CPU generator whose stream depends on ``parts`` alone (through SHA-256)."""
    import torch

    digest = hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


@dataclass(frozen=True)
class Data:
    """Inputs ``x`` [n, *input_shape]; targets ``y`` [n, *output_shape], or [n] class labels."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def to(self, *args: Any, **kwargs: Any) -> Data:
        """Move or cast like ``Tensor.to``; class labels keep their integer type."""
        x = self.x.to(*args, **kwargs)
        y = self.y.to(*args, **kwargs) if self.y.is_floating_point() else self.y.to(x.device)
        return Data(x, y)


@dataclass(frozen=True)
class Symmetry:
    """The law y(rho_in(g) x) = rho_out(g) y(x) for every g of the group.

    ``bodies`` > 1 adds that the task is invariant when the copies of each repeated summand of
    the input are permuted together (five masses with their five positions).
    """

    group: Group
    input: Representation
    output: Representation
    bodies: int = 1


@dataclass(frozen=True)
class Published:
    """Published figures of one model on one task: ``values`` maps n_train to the ``score``."""

    model: str
    label: str
    source: str
    values: Mapping[int, float]
    score: str = "paper_error"


@dataclass(frozen=True)
class Recipe:
    """How a model wants to be trained; the number of updates is the tier's, not the model's.

    The cosine falls to zero; ``exponential`` falls to the part ``final`` of the learning rate.
    ``augment`` moves every training example along its orbit, (x, y) -> (rho_in(g) x, rho_out(g) y)
    with a fresh g; ``penalty`` adds that multiple of the mean square of f(gx) - g f(x), in units
    of the target's variance, to the loss. Both need a model whose prior is ``told``.
    """

    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 3e-3
    batch_size: int = 128
    schedule: Literal["constant", "cosine", "exponential"] = "cosine"
    final: float = 0.01
    weight_decay: float = 0.0
    augment: bool = False
    penalty: float = 0.0
    selection: Selection = "last"


@dataclass(frozen=True)
class Problem:
    """What a model may see of a task: shapes and loss, and the symmetry only if it is told.

    ``ambient`` is a larger group that acts on the same space, for models that are told too much.
    ``candidate`` says to a model that discovers how vectors are laid out, by the action of GL(V).
    ``times`` is the grid of a trajectory, t = 0 first; empty where the target is no trajectory.
    ``periods`` are those of the input coordinates, 0 for none; empty where there are no angles.
    ``generator`` seeds the initialisation; while ``build`` runs, torch's own initialisers draw
    from the same seed, so that ordinary layers need no generator argument.
    """

    kind: Kind
    loss: Loss
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    symmetry: Symmetry | None = None
    ambient: Group | None = None
    candidate: Symmetry | None = None
    times: tuple[float, ...] = ()
    periods: tuple[float, ...] = ()
    generator: torch.Generator | None = None
    builder: Callable[[str, Problem], nn.Module] | None = field(default=None, repr=False)

    @property
    def input_size(self) -> int:
        """Number of input coordinates of one example."""
        return math.prod(self.input_shape)

    @property
    def output_size(self) -> int:
        """Number of output coordinates of one example (classes, for classification)."""
        return math.prod(self.output_shape)

    def backbone(self, name: str) -> nn.Module:
        """Build another registered model for this same problem, to stand inside this one.

        Raises:
            InputError: the problem was made outside a registry.
        """
        if self.builder is None:
            raise InputError(
                f"no backbone {name!r} here: this problem was made by hand; "
                "take it from symbench.problem(task, model)"
            )
        return self.builder(name, self)


@dataclass(frozen=True)
class Context:
    """What ``Model.fit`` gets beside its data: the budget, the place and the randomness."""

    n_train: int
    seed: int
    updates: int
    device: torch.device
    valid: Data
    generator: torch.Generator
