"""The values that tasks, models and metrics exchange."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from symbench.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from symbench.groups import Group, Representation

T = TypeVar("T")

Kind = Literal["vectors", "image", "graph", "trajectory"]
Prior = Literal["none", "told", "discovers"]
Tier = Literal["smoke", "quick", "standard", "full"]
Split = Literal["train", "valid", "test"]
Loss = Literal["mse", "cross-entropy", "own", "none"]
Direction = Literal["lower", "higher"]
Selection = Literal["last", "best-valid"]
Discovery = Literal["continuous", "broken", "hidden", "finite", "control"]
Scores = float | dict[str, float]

DEFAULT_TIER: Tier = "quick"
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


def check_tier(name: str) -> None:
    """Raise InputError unless the name is that of a tier.

    Raises:
        InputError: the name is not one of ``Tier``.
    """
    if name not in get_args(Tier):
        raise InputError(f"unknown tier {name!r}: choose one of {', '.join(get_args(Tier))}")


def of_tier(by_tier: Mapping[str, T], tier: str) -> T | None:
    """Return what a task or a model says of a tier; None if it says nothing.

    ``standard`` is ``quick`` with more updates: where ``standard`` is not named, what is said of
    ``quick`` holds.
    """
    return by_tier.get("quick" if tier == "standard" and tier not in by_tier else tier)


def seeded(*parts: object) -> torch.Generator:
    """Return a CPU generator whose stream depends only on ``parts``, through SHA-256."""
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

    def clone(self) -> Data:
        """Return a copy that shares no memory with this one."""
        return Data(self.x.clone(), self.y.clone())

    def to(self, *args: Any, **kwargs: Any) -> Data:
        """Move or cast like ``Tensor.to``; class labels keep their integer type."""
        x = self.x.to(*args, **kwargs)
        y = self.y.to(*args, **kwargs) if self.y.is_floating_point() else self.y.to(x.device)
        return Data(x, y)


@dataclass(frozen=True)
class Symmetry:
    """The law y(rho_in(g) x) = rho_out(g) y(x) for every g of the group.

    ``bodies`` > 1 states that the task is also invariant when the copies of each repeated summand
    of the input are permuted together (five masses with their five positions).
    """

    group: Group
    input: Representation
    output: Representation
    bodies: int = 1


@dataclass(frozen=True)
class Published:
    """Published results of one model on one task: ``values`` maps n_train to the ``score``."""

    model: str
    label: str
    source: str
    values: Mapping[int, float]
    score: str = "paper_error"


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; the tier decides the number of updates.

    ``cosine`` decreases the learning rate to zero, ``exponential`` to ``final`` times its initial
    value. ``augment`` moves every training example along its orbit, (x, y) -> (rho_in(g) x,
    rho_out(g) y) with a new random g. ``penalty`` adds to the loss that multiple of the mean square
    of f(gx) - g f(x), in units of the target's variance. Both need a model whose prior is ``told``.
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
    """What a model sees of a task: shapes, loss, and the symmetry if its prior is ``told``.

    ``ambient`` is a larger group that acts on the same space, for models that impose more symmetry.
    ``candidate`` tells a model that discovers the layout of vectors, as the action of GL(V).
    ``times`` is the grid of a trajectory, t = 0 first; empty if the target is not a trajectory.
    ``periods`` holds the period of each input coordinate, 0 for none; empty without angles.
    ``generator`` seeds the initialisation. While ``build`` runs, torch's global generator has the
    same seed, so ordinary layers need no generator argument.
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
        """Build another registered model for this problem, as a part of the model.

        Raises:
            InputError: the problem was made outside a registry.
        """
        if self.builder is None:
            raise InputError(
                f"no backbone {name!r}: this problem was made outside a registry; "
                "make it by symbench.problem(task, model)"
            )
        return self.builder(name, self)


@dataclass(frozen=True)
class Context:
    """What ``Fits.fit`` gets besides its data: budget, device, validation data and generator.

    ``valid`` is the last fifth of the ``data`` that ``fit`` gets, and ``rest`` the other examples:
    n_train labels are all that a model may look at, for training and choosing together. A model
    that chooses by ``valid`` should train on ``rest``. Only where a task allows a separate
    validation set is ``valid`` that set, and ``rest`` all of the data.
    """

    n_train: int
    seed: int
    updates: int
    device: torch.device
    valid: Data
    generator: torch.Generator
    rest: Data
