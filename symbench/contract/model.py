"""A model: how to build, and to train, one network for a problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from symbench.contract.values import Context, Data, Prior, Problem, Recipe, Selection
from symbench.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class NoConfig:
    """The configuration of a model that has nothing to configure."""


class Model(ABC):
    """Builds one ``torch.nn.Module`` for a problem, and says how to train it.

    ``tiers`` overrides fields of ``Config`` for a tier (``{"full": {"width": 384}}``).
    ``search`` says what values of them ``symbench tune`` may try: a tuple (low, high) is a range, a
    list holds choices. Without it, positive numbers near their defaults are tried.
    ``selection`` is that of the default recipe: the last network, or the best on validation data.
    ``parametrisation`` says how explicit generators enter the function: ``linear`` for 1 + θL,
    ``recursive-3`` for (1 + θL/3)³, ``exponential`` for exp(θL). A task may know the best generator
    of each form.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    prior: ClassVar[Prior]
    summary: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    parametrisation: ClassVar[str] = ""
    Config: ClassVar[type] = NoConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    search: ClassVar[Mapping[str, tuple[Any, ...] | list[Any]]] = {}
    selection: ClassVar[Selection] = "last"

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
        """Return how the model wants to be trained on the problem.

        By default Adam with a cosine schedule, ``learning_rate`` and ``batch_size`` as in the
        configuration, where it has them, and ``selection`` as in the class.
        """
        names = ("learning_rate", "batch_size")
        own = {name: getattr(self.config, name) for name in names if hasattr(self.config, name)}
        return Recipe(selection=self.selection, **own)

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


@runtime_checkable
class Flows(Protocol):
    """A module of a dynamical system, which carries any state along for any time.

    Scores that need more than the trained horizon (conservation, rollouts) ask it.
    """

    def flow(self, state: Tensor, times: Tensor) -> Tensor:
        """Return the states [n, k, size] at ``times`` [k] from ``state`` [n, size] at times[0]."""
