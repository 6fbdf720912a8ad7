"""The training loss of a fleet: batches, orbit augmentation and equivariance penalty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from symbench.contract import Data, Problem, Recipe, Symmetry, Task, seeded
from symbench.errors import InputError

_BLOCK = 50  # updates whose batch indices are drawn at once
_POOL = 4096  # group elements sampled once a trial: drawing a new one costs more than a step
_POOL_NUMBERS = 2**22  # fewer of them for large matrices (16 MiB in float32)

Network = Callable[[Tensor], Tensor]


def trial_losses(
    task: Task, prediction: Tensor, data: tuple[Tensor, Tensor], weight: Tensor | None = None
) -> Tensor:
    """Return the mean loss [T] of predictions [T, n, ...] on data (x, y), [T, n, ...] each.

    ``weight`` [T, n] replaces the uniform 1/n. Regression sums the square over an example's
    outputs; classification takes the cross-entropy of the logits.
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
        each = (prediction - y).square().flatten(2).sum(2)
    return each.mean(1) if weight is None else (each * weight).sum(1)


def batch_indices(n: int, batch: int, updates: int, generator: torch.Generator) -> Tensor:
    """Return indices [updates, batch] below n: epochs without replacement, one after another."""
    epochs = -(-updates * batch // n)
    order = torch.argsort(torch.rand(epochs, n, generator=generator), dim=1).flatten()
    return order[: updates * batch].view(updates, batch)


@dataclass(frozen=True)
class _Stream:
    """The randomness of one trial: where its batches and group elements come from."""

    n: int
    batch: int
    indices: torch.Generator
    elements: torch.Generator
    pool: int

    def draw(self, updates: int, width: int) -> tuple[Tensor, Tensor]:
        """Return batch indices and pool indices, [updates, width] each (zero-padded)."""
        taken = batch_indices(self.n, self.batch, updates, self.indices)
        pooled = torch.randint(self.pool, (updates, self.batch), generator=self.elements)
        padding = (0, width - self.batch)
        return functional.pad(taken, padding), functional.pad(pooled, padding)


@dataclass(frozen=True, eq=False)
class Objective:
    """Callable (network, update) -> losses [T] of the trials' next batches.

    The loss of regression is in units of the variance of the trial's training targets, so that
    learning rates and penalties mean the same on every task.
    """

    task: Task
    recipe: Recipe
    symmetry: Symmetry | None
    x: Tensor
    y: Tensor
    scale: Tensor
    weight: Tensor
    streams: list[_Stream]
    pool: Tensor | None

    @classmethod
    def of(
        cls, task: Task, view: Problem, recipe: Recipe, trials: list[tuple[int, Data]]
    ) -> Objective:
        """Gather the trials, (seed, training data) each, of one task."""
        if (recipe.augment or recipe.penalty) and view.symmetry is None:
            raise InputError(
                "the recipe asks for augmentation or a penalty, which need a symmetry: give the "
                'model the prior "told" and let it decline problems without one'
            )
        streams = [
            _Stream(
                len(data),
                min(recipe.batch_size, len(data)),
                seeded(task.name, task.version, seed, len(data), "batches"),
                seeded(task.name, task.version, seed, len(data), "elements"),
                _pool_size(view),
            )
            for seed, data in trials
        ]
        longest = max(len(data) for _, data in trials)
        x, y = ([_padded(getattr(data, name), longest) for _, data in trials] for name in "xy")
        device = x[0].device
        width = max(stream.batch for stream in streams)
        weight = torch.zeros(len(trials), width, device=device)
        for row, stream in zip(weight, streams, strict=True):
            row[: stream.batch] = 1 / stream.batch
        return cls(
            task, recipe, view.symmetry, torch.stack(x), torch.stack(y),
            torch.stack([_scale(task, data.y) for _, data in trials]), weight, streams,
            _pool(view.symmetry, recipe, streams, device),
        )  # fmt: skip

    def __call__(self, network: Network, update: int) -> Tensor:
        """Return the losses [T] of the next batches; to be called with update = 0, 1, 2, …"""
        x, y, g = self._batch(update)
        if self.recipe.augment:
            x, y = self._moved(x, g, "input"), self._moved(y, g, "output")
        prediction = network(x)
        losses = trial_losses(self.task, prediction, (x, y), self.weight) / self.scale
        if self.recipe.penalty:
            moved = network(self._moved(x, g, "input")) - self._moved(prediction, g, "output")
            square = moved.square().flatten(2).sum(2)
            losses = losses + self.recipe.penalty * (square * self.weight).sum(1) / self.scale
        return losses

    @cached_property
    def _block(self) -> dict[str, Tensor]:
        return {}

    @cached_property
    def _rows(self) -> Tensor:
        return torch.arange(len(self.x), device=self.x.device)[:, None]

    def _batch(self, update: int) -> tuple[Tensor, Tensor, Tensor | None]:
        within = update % _BLOCK
        if within == 0:
            drawn = [stream.draw(_BLOCK, self.weight.shape[1]) for stream in self.streams]
            for name, blocks in zip(("indices", "pooled"), zip(*drawn, strict=True), strict=True):
                self._block[name] = torch.stack(blocks, dim=1).to(self.x.device)
        taken = self._block["indices"][within]
        g = None
        if self.pool is not None:
            g = self.pool[self._rows, self._block["pooled"][within]]
        return self.x[self._rows, taken], self.y[self._rows, taken], g

    def _moved(self, values: Tensor, g: Tensor | None, side: str) -> Tensor:
        """Apply rho(g) to values [T, n, ...], element by element; labels stay as they are."""
        if g is None or self.symmetry is None or not values.is_floating_point():
            return values
        rho = self.symmetry.input if side == "input" else self.symmetry.output
        flat = values.flatten(0, 1).flatten(1)
        return rho.act(g.flatten(0, 1), flat).view(values.shape)


def _padded(values: Tensor, length: int) -> Tensor:
    padded = values.new_zeros(length, *values.shape[1:])
    padded[: len(values)] = values
    return padded


def _scale(task: Task, y: Tensor) -> Tensor:
    """Total variance of the targets of a regression, else one; never zero."""
    if task.loss != "mse":
        return torch.ones((), device=y.device)
    total = (y - y.mean(0)).square().flatten(1).sum(1).mean()
    return torch.where(total > 0, total, torch.ones_like(total))


def _pool_size(view: Problem) -> int:
    if view.symmetry is None:
        return 1
    return max(64, min(_POOL, _POOL_NUMBERS // view.symmetry.group.dim**2))


def _pool(
    symmetry: Symmetry | None, recipe: Recipe, streams: list[_Stream], device: torch.device
) -> Tensor | None:
    if symmetry is None or not (recipe.augment or recipe.penalty):
        return None
    group = symmetry.group
    pools = [group.sample(stream.pool, stream.elements).float() for stream in streams]
    return torch.stack(pools).to(device)
