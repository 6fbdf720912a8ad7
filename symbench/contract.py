"""What a plugin author writes: tasks, models and metrics, and the values they exchange.

Nothing here imports torch when it is loaded, so that a card can be listed without it.
"""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from symbench.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from symbench.groups import Group, Representation

Kind = Literal["vectors", "image", "graph", "trajectory"]
Prior = Literal["none", "told", "discovers"]
Tier = Literal["smoke", "quick", "full"]
Split = Literal["train", "valid", "test"]
Loss = Literal["mse", "cross-entropy"]
Direction = Literal["lower", "higher"]
Scores = float | dict[str, float]

SPLITS: tuple[Split, ...] = ("train", "valid", "test")


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
    selection: Literal["last", "best-valid"] = "last"


@dataclass(frozen=True)
class Problem:
    """What a model may see of a task: shapes and loss, and the symmetry only if it is told.

    ``ambient`` is a larger group that acts on the same space, for models that are told too much.
    ``candidate`` says to a model that discovers how vectors are laid out, by the action of GL(V).
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


@dataclass(frozen=True)
class NoConfig:
    """The configuration of a model that has nothing to configure."""


class Model(ABC):
    """A recipe that builds one ``torch.nn.Module`` for a problem.

    ``tiers`` overrides fields of ``Config`` for a tier (``{"full": {"width": 384}}``).
    ``parametrisation`` says how explicit generators enter the function: ``linear`` for 1 + θL,
    ``recursive-3`` for (1 + θL/3)³, ``exponential`` for exp(θL); a task may know what the best
    generator in it is.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    prior: ClassVar[Prior]
    summary: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    parametrisation: ClassVar[str] = ""
    Config: ClassVar[type] = NoConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None else config

    @classmethod
    def for_tier(cls, tier: str, **overrides: Any) -> Model:
        """Return the model with the tier's frozen configuration, and ``overrides`` on top."""
        chosen = {**cls.tiers.get(tier, {}), **overrides}
        allowed = {f.name for f in fields(cls.Config)}
        if unknown := sorted(set(chosen) - allowed):
            raise InputError(f"{cls.name} has no option {unknown[0]!r}; it has {sorted(allowed)}")
        return cls(cls.Config(**chosen))

    def config_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON-ready values."""
        return asdict(self.config)

    def accepts(self, problem: Problem) -> str | None:  # noqa: ARG002 - the author's to use
        """Return why this model declines the problem, or None."""
        return None

    @abstractmethod
    def build(self, problem: Problem) -> nn.Module:
        """Return a fresh module: [n, *input_shape] -> [n, *output_shape]."""

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the author's to use
        """Return how the model wants to be trained on the problem."""
        return Recipe()

    def generators(self, module: nn.Module) -> Tensor | None:  # noqa: ARG002 - the author's to use
        """Return explicit generators [k, d, d] on the defining space, if the module holds any."""
        return None


@runtime_checkable
class Fits(Protocol):
    """A model that trains itself where the ordinary loop cannot express the training."""

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the trained module."""


@runtime_checkable
class Calibrates(Protocol):
    """A module that wants the statistics of its training data before the first update."""

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Store what is needed of the training data as buffers."""


class Task(ABC):
    """A data source with its symmetry, its loss and its headline error.

    ``threshold`` is the ``error`` that counts as solved; ``sizes`` gives each tier's ladder of
    n_train; ``updates`` replaces a tier's number of updates where a published protocol wants
    another one, for every model alike. ``published`` holds figures of papers.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str] = ""
    kind: ClassVar[Kind] = "vectors"
    loss: ClassVar[Loss] = "mse"
    threshold: ClassVar[float]
    sizes: ClassVar[Mapping[str, tuple[int, ...]]]
    updates: ClassVar[Mapping[str, int]] = {}
    input_shape: ClassVar[tuple[int, ...]]
    output_shape: ClassVar[tuple[int, ...]]
    baseline: ClassVar[str] = "mlp"
    test_size: ClassVar[int] = 4000
    valid_size: ClassVar[int] = 1000
    published: ClassVar[tuple[Published, ...]] = ()

    @property
    @abstractmethod
    def symmetry(self) -> Symmetry | None:
        """The task's symmetry; None for a control that has none."""

    @property
    def ambient(self) -> Group | None:
        """A larger group acting on the same space, for models that are told too much."""
        return None

    @abstractmethod
    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n examples; depends on the arguments, the task's name and its version alone."""

    def generator(self, seed: int, split: Split, purpose: str = "data") -> torch.Generator:
        """Return the generator that ``sample`` draws from."""
        return seeded(self.name, self.version, seed, split, purpose)

    def target(self, x: Tensor) -> Tensor | None:  # noqa: ARG002 - the author's to use
        """Return the exact, noiseless target at any x, in the dtype of x; None if unknown."""
        return None

    def paper_error(self, prediction: Tensor, y: Tensor) -> float | None:  # noqa: ARG002
        """Return the published papers' own error where it differs from ``error``."""
        return None

    def candidate_algebra(self) -> Tensor | None:
        """Return the basis [m, d, d] in which discovery is scored; None stands for gl(V)."""
        return None

    def layout(self) -> Symmetry | None:
        """Return how GL(V) acts on the inputs and outputs: where the copies of V stand.

        A model that discovers sees this of ``vectors``, and nothing else of their symmetry; a
        control without symmetry may say it too.
        """
        from symbench.groups import GL

        told = self.symmetry
        if self.kind != "vectors" or told is None:
            return None
        try:
            everything = GL(told.group.dim)
            return Symmetry(
                everything, told.input.rebind(everything), told.output.rebind(everything)
            )
        except InputError:  # factors of a product that are addressed one by one
            return None

    def attainable(self, parametrisation: str) -> Tensor | None:  # noqa: ARG002
        """Return the generators [k, d, d] of the exact solution in a model's parametrisation.

        Their score is the ceiling shown beside that of a model; None if it is not known.
        """
        return None

    def pixel_order(self) -> Tensor | None:
        """Return, for images, the row-major place [d] of each coordinate, for drawing; or None."""
        return None

    def is_local(self) -> bool:
        """Whether the data can be drawn without fetching anything; asked before a mere look."""
        return True

    def available(self) -> str | None:
        """Return why the data cannot be had on this machine, and the mend; None if they can."""
        return None

    def conserved(self, trajectory: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the conserved quantities [n, times] along trajectories [n, times, size]."""
        return {}

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.name}\n{self.version}".encode())
        for split in SPLITS:
            data = self.sample(32, 0, split)
            for tensor in (data.x, data.y):
                digest.update((tensor.double() * 1e4).round().long().numpy().tobytes())
        return digest.hexdigest()[:16]

    def fingerprint(self) -> str:
        """Return 16 hex digits that change when the data do (a rounded draw of every split)."""
        return self._fingerprint


@dataclass(frozen=True)
class Trained:
    """One finished trial as the metrics see it: the module in evaluation mode, and test data.

    ``prediction`` is the module's output on ``test.x``, [n, *output_shape].
    """

    module: nn.Module
    model: Model
    problem: Problem
    n_train: int
    seed: int
    test: Data
    prediction: Tensor

    @cached_property
    def double(self) -> nn.Module:
        """A float64 copy of the module on the CPU, in evaluation mode."""
        from copy import deepcopy

        return deepcopy(self.module).cpu().double().eval()


class Metric(ABC):
    """One score of a trained model on a task; deterministic given (task, version, seed).

    ``along_curve`` = False, for what costs more than a training of the quick tier: such a score is
    taken at the largest n_train, which the tables show, and at every size in the full tier alone.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    unit: ClassVar[str] = ""
    direction: ClassVar[Direction] = "lower"
    summary: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    along_curve: ClassVar[bool] = True

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002 - the author's to use
        """Whether the score is defined for this pair; where it is not, it stays absent."""
        return True

    @abstractmethod
    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the score, or several by name; a name ``n.chance`` annotates the score ``n``.

        An empty dictionary says that the score could not be measured.
        """
