"""The training loss of a stack of trials: batches, orbit augmentation, equivariance penalty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from symbench.contract import Data, Problem, Recipe, Symmetry, Task, seeded
from symbench.errors import InputError
from symbench.groups import binary_unit, rounding_of
from symbench.training.pool import Pool, occurrences, pool_size, room

_BLOCK = 50  # updates whose batch indices are drawn at once

Network = Callable[[Tensor], Tensor]


def trial_losses(
    task: Task,
    prediction: Tensor,
    data: tuple[Tensor, Tensor],
    unit: Tensor | None = None,
) -> Tensor:
    """Return the mean loss [T] of predictions [T, n, ...] on data (x, y), [T, n, ...] each.

    The loss of an example is the sum over its outputs of squared errors (regression, in multiples
    of ``unit`` [T]), the cross-entropy of its logits (classification), or the task's own objective.
    """
    x, y = data
    if task.loss == "own":
        each = task.objective(prediction.flatten(0, 1), x.flatten(0, 1), y.flatten(0, 1))
        each = each.view(prediction.shape[:2])
    elif task.loss == "cross-entropy":
        trials, n = y.shape
        each = functional.cross_entropy(
            prediction.flatten(0, 1), y.flatten(), reduction="none"
        ).view(trials, n)
    else:
        each = squares(prediction - y, unit)
    return each.mean(1)


def squares(residual: Tensor, unit: Tensor | None = None) -> Tensor:
    """Return the sums of squares [T, n] of residuals [T, n, ...], in multiples of unit² [T]."""
    flat = residual.flatten(2)
    return (flat if unit is None else flat / unit[:, None, None]).square().sum(2)


def target_units(task: Task, ys: Sequence[Tensor]) -> Tensor:
    """Return the powers of two [T] in which the errors of T trials with targets y are squared.

    The unit is that of the largest deviation from the mean, so that no square leaves the range of
    float32. If the targets do not vary, it is that of the targets.
    """
    if task.loss != "mse":
        return torch.ones(len(ys), device=ys[0].device)
    return torch.stack([binary_unit(y - y.mean(0) if _varies(y) else y) for y in ys])


def batch_indices(n: int, batch: int, updates: int, generator: torch.Generator) -> Tensor:
    """Return indices [updates, batch] below n: consecutive epochs, each without replacement."""
    epochs = -(-updates * batch // n)
    order = torch.argsort(torch.rand(epochs, n, generator=generator), dim=1).flatten()
    return order[: updates * batch].view(updates, batch)


@dataclass(frozen=True)
class _Stream:
    """The random generators of one trial, for its batches and its group elements."""

    n: int
    batch: int
    indices: torch.Generator
    elements: torch.Generator
    pool: int

    def draw(self, updates: int) -> Tensor:
        """Return the indices of examples [updates, batch]."""
        return batch_indices(self.n, self.batch, updates, self.indices)

    def draw_places(self, updates: int, pool: Pool) -> Tensor:
        """Return places in the pool [updates, batch]."""
        drawn = batch_indices(self.pool, self.batch, updates, self.elements)
        return drawn * pool.room + occurrences(drawn)


@dataclass(frozen=True, eq=False)
class Objective:
    """Callable (network) -> losses [T] of the trials' next batches; call ``prepare`` before.

    The loss of regression is divided by the variance of the trial's training targets, so that
    learning rates and penalties mean the same on every task and in every unit. Errors are squared
    in multiples of ``unit``, and ``scale`` is the variance in the same unit.

    A call reads no changing value from the host; its position in the drawn indices is on the
    device, too.
    """

    task: Task
    recipe: Recipe
    symmetry: Symmetry | None
    x: Tensor
    y: Tensor
    unit: Tensor
    scale: Tensor
    streams: list[_Stream]
    pool: Pool | None

    @classmethod
    def of(
        cls, task: Task, problem: Problem, recipe: Recipe, trials: list[tuple[int, Data]]
    ) -> Objective:
        """Stack trials of one n_train, given as (seed, training data)."""
        if (recipe.augment or recipe.penalty) and problem.symmetry is None:
            raise InputError(
                "the recipe asks for augmentation or a penalty, which need a symmetry: declare "
                'prior "told" in the model, and decline problems without a symmetry'
            )
        streams = [
            _Stream(
                len(data),
                min(recipe.batch_size, len(data)),
                seeded(task.name, task.version, seed, len(data), "batches"),
                seeded(task.name, task.version, seed, len(data), "elements"),
                pool_size(problem),
            )
            for seed, data in trials
        ]
        x, y = (torch.stack([getattr(data, name) for _, data in trials]) for name in "xy")
        unit = target_units(task, [data.y for _, data in trials])
        scale = [_scale(task, data.y, u) for (_, data), u in zip(trials, unit, strict=True)]
        return cls(
            task, recipe, problem.symmetry, x, y, unit, torch.stack(scale), streams,
            _pool(problem.symmetry, recipe, streams, x.device),
        )  # fmt: skip

    def prepare(self, update: int) -> None:
        """Draw the indices of a block of updates if ``update`` (0, 1, 2, …) is its first."""
        if update % _BLOCK == 0:
            drawn = [[stream.draw(_BLOCK) for stream in self.streams]]
            if self.pool is not None:
                drawn.append([one.draw_places(_BLOCK, self.pool) for one in self.streams])
            block = torch.stack([torch.stack(rows, dim=1) for rows in drawn], dim=1)
            if self.x.device.type != "cpu":  # so that the host goes on, and draws the next ahead
                block = block.pin_memory()
            self._block.copy_(block, non_blocking=True)
            self._position.zero_()

    def __call__(self, network: Network) -> Tensor:
        """Return the losses [T] of the next batches."""
        x, y, places = self._batch()
        if self.recipe.augment:
            x, y = self._moved(x, places, "input"), self._moved(y, places, "output")
        # a network may write into its input
        used_again = bool(self.recipe.penalty) or self.task.loss == "own"
        prediction = network(x.clone() if used_again else x)
        losses = trial_losses(self.task, prediction, (x, y), self.unit) / self.scale
        if self.recipe.penalty:
            before = network(self._moved(x, places, "input"))
            square = squares(before - self._moved(prediction, places, "output"), self.unit)
            losses = losses + self.recipe.penalty * square.mean(1) / self.scale
        return losses

    @cached_property
    def _block(self) -> Tensor:
        """Indices of examples and places in the pool, if there is one: [updates, 1 or 2, T, batch].

        They are overwritten in place.
        """
        kinds = 1 if self.pool is None else 2
        shape = (_BLOCK, kinds, len(self.streams), self.streams[0].batch)
        return torch.zeros(shape, dtype=torch.long, device=self.x.device)

    @cached_property
    def _position(self) -> Tensor:
        """The position of the next update in the block, [1]."""
        return torch.zeros(1, dtype=torch.long, device=self.x.device)

    @cached_property
    def _rows(self) -> Tensor:
        return torch.arange(len(self.x), device=self.x.device)[:, None]

    def _batch(self) -> tuple[Tensor, Tensor, Tensor | None]:
        drawn = self._block.index_select(0, self._position)[0]
        self._position.add_(1)
        x, y = self.x[self._rows, drawn[0]], self.y[self._rows, drawn[0]]
        return x, y, None if self.pool is None else drawn[1]

    def _moved(self, values: Tensor, places: Tensor | None, side: str) -> Tensor:
        """Apply rho(g) to values [T, n, ...], example by example; labels do not change."""
        if self.pool is None or places is None or self.symmetry is None:
            return values
        rho = self.symmetry.input if side == "input" else self.symmetry.output
        if not rho.leaves or not values.is_floating_point():  # only scalars
            return values
        return self.pool.moved(rho, values, places)


def _varies(y: Tensor) -> bool:
    """Whether the deviations of targets [n, ...] from their mean are more than rounding."""
    deviations = (y - y.mean(0)).abs().flatten(1).amax(0)
    return bool((deviations > rounding_of(y.abs().flatten(1).amax(0), y.dtype)).any())


def _scale(task: Task, y: Tensor, unit: Tensor) -> Tensor:
    """Return the total variance of regression targets in unit², or one if they do not vary."""
    if task.loss != "mse" or not _varies(y):
        return torch.ones((), device=y.device)
    return squares((y - y.mean(0))[None], unit[None]).mean()


def _pool(
    symmetry: Symmetry | None, recipe: Recipe, streams: list[_Stream], device: torch.device
) -> Pool | None:
    if symmetry is None or not (recipe.augment or recipe.penalty):
        return None
    pools = [symmetry.group.sample(one.pool, one.elements).float() for one in streams]
    return Pool(torch.stack(pools).to(device), room(streams[0].batch, streams[0].pool))
