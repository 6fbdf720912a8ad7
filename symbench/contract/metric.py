"""A metric: one score of a trained model on a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from symbench.contract.model import Model
from symbench.contract.task import Task
from symbench.contract.values import Data, Direction, Problem, Scores

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Trained:
    """One finished trial, as metrics get it: the module in evaluation mode, and test data.

    ``prediction`` is the module's output on ``test.x``, [n, *output_shape]. ``thorough`` is true in
    the full tier, where a score may be slow, and ``at_largest`` at the largest n_train. ``initial``
    is the network before training, known at the largest n_train of a task with a symmetry; for a
    model that fits itself it is what ``build`` returns. ``moved`` is the network of the same model,
    n_train and seed after training on moved data, known for one trial of a cell that announces
    generators. ``temperature`` calibrates the class
    probabilities, softmax(output / temperature), on the valid split. ``sampler`` names
    the law of the group elements (``symbench.groups.samplers``). A metric that cannot be
    measured writes the reason into ``notes``, under the name of its score. ``memo`` holds
    intermediate results that several scores of this trial use, and ``cell_memo`` those that all
    trials of the cell use (``symbench.metrics.network.once`` and ``once_per_cell``).
    """

    module: nn.Module
    model: Model
    problem: Problem
    n_train: int
    seed: int
    test: Data
    prediction: Tensor
    thorough: bool = True
    at_largest: bool = True
    initial: nn.Module | None = None
    moved: nn.Module | None = None
    temperature: float = 1.0
    sampler: str = "group"
    notes: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    cell_memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def double(self) -> nn.Module:
        """A float64 copy of the module on the CPU, in evaluation mode."""
        from symbench.contract.modules import copied

        return copied(self.module).cpu().double().eval()


class Metric(ABC):
    """One score of a trained model on a task; deterministic given (task, version, seed).

    ``along_curve`` is False for expensive scores: only the full tier computes them at every
    n_train; the other tiers compute them only at the largest. ``symmetry`` marks a score of how
    well a symmetry is kept or found. It is computed at every n_train, in the smoke tier only at the
    largest, unless the user decides otherwise (``--symmetry-at``).
    """

    name: ClassVar[str]
    version: ClassVar[str]
    unit: ClassVar[str] = ""
    direction: ClassVar[Direction] = "lower"
    summary: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    along_curve: ClassVar[bool] = True
    symmetry: ClassVar[bool] = False

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002 - for overrides
        """Whether the score is defined for this pair; if not, the record has no such score."""
        return True

    @abstractmethod
    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the score, or several by name; the name ``n.chance`` annotates the score ``n``.

        An empty dictionary means that the score could not be measured.
        """

    def score_together(
        self, trials: Sequence[Trained], task: Task, generators: Sequence[torch.Generator]
    ) -> list[Scores]:
        """Return ``score`` of each trial with its own generator; override it to save time.

        All trials are from one cell, none has diverged, and their modules differ only in their
        parameters and buffers. ``symbench.metrics.network.Networks`` evaluates such modules
        together. The scores of a trial may depend on the other trials only by rounding.
        """
        pairs = zip(trials, generators, strict=True)
        return [self.score(trained, task, generator) for trained, generator in pairs]
