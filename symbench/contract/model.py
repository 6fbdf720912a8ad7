"""A model: how to build and train a network for a problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from symbench.contract.values import (
    Context,
    Data,
    Prior,
    Problem,
    Recipe,
    Selection,
    of_tier,
)
from symbench.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class NoConfig:
    """The configuration of a model without options."""


class Model(ABC):
    """Builds one ``torch.nn.Module`` for a problem, and says how to train it.

    ``tiers`` overrides fields of ``Config`` for a tier (``{"full": {"width": 384}}``). Where it
    does not name ``standard``, what it says of ``quick`` holds.
    ``search`` holds the values that ``symbench tune`` may try: a tuple (low, high) is a range, and
    a list holds choices. Without it, positive numbers near their defaults are tried.
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

    @property
    def backbones(self) -> tuple[str, ...]:
        """Names of the registered models that ``build`` requests from ``problem.backbone``.

        Their source counts as the model's own: if it changes, results of the model are stale.
        A class attribute (``backbones = ("mlp",)``) is enough, unless they depend on the
        configuration. A name that is not declared is refused.
        """
        return ()

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None else config

    @classmethod
    def for_tier(cls, tier: str, **overrides: Any) -> Model:
        """Return the model with the tier's configuration, changed by ``overrides``."""
        if not is_dataclass(cls.Config):
            raise InputError(f"{cls.name}: Config is no dataclass: decorate it with @dataclass")
        values = {**(of_tier(cls.tiers, tier) or {}), **overrides}
        allowed = {f.name for f in fields(cls.Config)}
        if unknown := sorted(set(values) - allowed):
            raise InputError(
                f"{cls.name} has no option {unknown[0]!r}; choose from {sorted(allowed)}"
            )
        return cls(cls.Config(**values))

    def config_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON values."""
        return asdict(self.config)

    def accepts(self, problem: Problem) -> str | None:  # noqa: ARG002 - for overrides
        """Return why this model declines the problem, or None."""
        return None

    @abstractmethod
    def build(self, problem: Problem) -> nn.Module:
        """Return a fresh module: [n, *input_shape] -> [n, *output_shape]."""

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - for overrides
        """Return how the model is trained on the problem.

        The default is Adam with a cosine schedule and the class's ``selection``. ``learning_rate``
        and ``batch_size`` are those of the configuration, if it has them.
        """
        names = ("learning_rate", "batch_size")
        given = {name: getattr(self.config, name) for name in names if hasattr(self.config, name)}
        return Recipe(selection=self.selection, **given)

    def generators(self, module: nn.Module) -> Tensor | None:  # noqa: ARG002 - for overrides
        """Return explicit generators [k, d, d] on the defining space, if the module holds any."""
        return None

    def elements(self, module: nn.Module) -> Tensor | None:  # noqa: ARG002 - for overrides
        """Return the group elements [k, d, d] on the defining space that the module announces.

        They are all elements of a finite group, or a sample of a group, each counted as often as it
        occurs. The identity may be left out. None if the model announces no elements by its nature.
        """
        return None

    def fields(self, module: nn.Module, x: Tensor) -> Tensor | None:  # noqa: ARG002
        """Return vector fields [k, n, input_size] at inputs x [n, input_size], if any are held.

        They are the infinitesimal symmetries that a method announces where these are not linear.
        None means that the fields are those of ``generators``.
        """
        return None


@runtime_checkable
class Fits(Protocol):
    """A model that trains itself because the common training loop cannot express its training."""

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the trained module."""


@runtime_checkable
class FitsTogether(Fits, Protocol):
    """A model that trains itself, and several trials of one n_train together, to save time.

    A trial's result must be that of ``fit`` alone, up to rounding: each draws from its own
    ``context.generator``, and a network is built after torch's global generator has been seeded
    with ``problem.generator.initial_seed()``. Steps that all trials take together count once.
    """

    def fit_together(
        self, problems: Sequence[Problem], data: Sequence[Data], contexts: Sequence[Context]
    ) -> Sequence[nn.Module]:
        """Return the trained module of each trial, in order."""


@runtime_checkable
class Calibrates(Protocol):
    """A module that uses statistics of its training data, computed before the first update."""

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Store the statistics of the training data as buffers."""


@runtime_checkable
class Flows(Protocol):
    """A module of a dynamical system that evolves any state over any times.

    Scores beyond the trained horizon (conservation, rollouts) call ``flow``.
    """

    def flow(self, state: Tensor, times: Tensor) -> Tensor:
        """Return the states [n, k, size] at ``times`` [k] from ``state`` [n, size] at times[0]."""
