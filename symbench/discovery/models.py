"""Registered models that know the symmetry, on the same rows as the predictor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from symbench.contract import Data, Model, Problem, Symmetry
from symbench.discovery.findings import ModelGain, Predictor
from symbench.discovery.fit import r2
from symbench.discovery.question import Question
from symbench.discovery.rows_task import Rows, RowsTask
from symbench.draws import Draws
from symbench.groups import Group, Identity, Representation, Scalar, T, V
from symbench.groups.notation import parse_group
from symbench.registry import Registry
from symbench.registry.card import one_line
from symbench.registry.problem import make_problem
from symbench.tables import Block
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

_ROWS, _UPDATES = 2000, 350
_MANY, _LARGEST, _LONG = 2000, 20_000, 2000  # rows from which a network is trained, and how


@dataclass(frozen=True)
class Told:
    """The rows in the basis of the named representation.

    Attributes:
        task: with the symmetry.
    """

    task: RowsTask

    @classmethod
    def of(cls, question: Question, algebra: Identity, *, reflected: bool) -> Told | str:
        """Return the rows, or why no registered model can be told the symmetry.

        Args:
            question: whose rows they are.
            algebra: names a group and its basis.
            reflected: whether a reflection is a symmetry too.
        """
        if len(question.spaces.frames) > 1:
            return "models are told groups of one space"
        if not algebra.group or algebra.basis is None:
            return f"no model is told the algebra {algebra.name or 'without a name'}"
        if algebra.group.startswith("SE"):
            return "models are told groups that act about a fixed point"
        name = algebra.group
        orthogonal = name.startswith("SO(") and "," not in name
        group = parse_group(name.removeprefix("S") if reflected and orthogonal else name)
        inner = torch.linalg.inv(algebra.basis)
        size, d = group.dim, len(question.frame.centre)
        if any(b.dimension == d and b.rank == 2 for b in question.inputs):
            return "the inputs hold matrices"
        moved = [b for b in question.outputs if b.dimension == d]
        if moved and (size != question.frame.size or len(question.outputs) != len(moved)):
            return "the outputs are moved by more than the group"
        inputs, x = _inputs(question, group, inner)
        outputs, y = _outputs(question, group, inner)
        rows, held_out = (Data(x(p.x), y(p.y)) for p in (question.data, question.test))
        symmetry = Symmetry(group, inputs, outputs)
        return cls(RowsTask(Rows.of(rows, held_out, _ROWS), symmetry, None))


class _Turned:
    """Takes encoded blocks to the basis of the group: its vectors first, then scalars."""

    def __init__(self, blocks: Sequence[Block], d: int, inner: Tensor, size: int) -> None:
        self._blocks, self._d, self._inner, self._size = blocks, d, inner, size

    def __call__(self, rows: Tensor) -> Tensor:
        vectors, scalars, start, width = [], [], 0, len(self._inner)
        for block in self._blocks:
            is_moved = block.dimension == self._d
            each = width**block.rank if is_moved else 1
            part = rows[:, start : start + block.copies * each]
            start += block.copies * each
            if not is_moved:
                scalars.append(part)
                continue
            if block.rank == 2:
                matrices = part.unflatten(1, (block.copies, width, width))
                turned = self._inner @ matrices @ self._inner.mT
                vectors.append(turned[..., : self._size, : self._size].flatten(1))
                continue
            turned = part.unflatten(1, (block.copies, width)) @ self._inner.mT
            vectors.append(turned[..., : self._size].flatten(1))
            scalars.append(turned[..., self._size : -1].flatten(1))
        return torch.cat([*vectors, *scalars], 1)


def _inputs(question: Question, group: Group, inner: Tensor) -> tuple[Representation, _Turned]:
    d, size = len(question.frame.centre), group.dim
    copies = sum(b.copies for b in question.inputs if b.dimension == d)
    rest = sum(b.copies for b in question.inputs if b.dimension != d)
    rest += copies * (question.frame.size - size)
    rep = copies * V + rest * Scalar if rest else copies * V
    return rep(group), _Turned(question.inputs, d, inner, size)


def _outputs(question: Question, group: Group, inner: Tensor) -> tuple[Representation, _Turned]:
    d = len(question.frame.centre)
    turned = _Turned(question.outputs, d, inner, group.dim)
    parts = [
        b.copies * ((T(2) if b.rank == 2 else V) if b.dimension == d else Scalar)
        for b in question.outputs
    ]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole(group), turned


def told_models(registry: Registry, told: Told) -> list[str]:
    """Return the registered models of prior ``told`` that accept the rows."""
    names = [n for n, card in registry.models.items() if card.details.get("prior") == "told"]
    return [name for name in names if _accepts(registry, name, told)]


def _accepts(registry: Registry, name: str, told: Told) -> bool:
    try:
        model = registry.model(name).for_tier("quick")
        return model.accepts(make_problem(registry, told.task, model)) is None
    except Exception:  # a plugin may raise anything
        return False


def gain_of(registry: Registry, name: str, told: Told, reached: float, seed: int) -> ModelGain:
    """Return the R² of a model, and what it gains over the predictor.

    Args:
        registry: has the model.
        name: of it.
        told: the rows and the symmetry.
        reached: R² of the predictor on the held-out rows.
        seed: of the training.
    """
    try:
        value = _trained(registry, registry.model(name).for_tier("quick"), told.task, seed)
    except Exception as error:  # a plugin may raise anything
        return ModelGain(name, None, note=one_line(error))
    return ModelGain(name, value, (1 - reached) / max(1 - value, 1e-12))


def network(registry: Registry, question: Question, seed: int) -> Predictor | None:
    """Return the baseline network on the same rows; None if these are few, or it fails."""
    if len(question.data) < _MANY:
        return None
    task = RowsTask(Rows.of(question.data, question.test, _LARGEST), None, question.law)
    if task.baseline not in registry.models:
        return None
    try:
        model = registry.model(task.baseline).for_tier("quick")
        reached = _trained(registry, model, task, seed, _LONG)
    except Exception:  # a plugin may raise anything
        return None
    return Predictor(task.baseline, reached, len(task.given.train), len(task.given.test))


def _trained(
    registry: Registry, model: Model, task: RowsTask, seed: int, updates: int = _UPDATES
) -> float:
    def problem(generator: torch.Generator | None) -> Problem:
        return make_problem(registry, task, model, generator)

    setup = TrainingSetup(
        Draws(task, task.fingerprint()), model, problem, updates, torch.device("cpu")
    )
    data, test = task.given.train, task.given.test
    (trial,) = train(setup, [TrialKey(len(data), seed)])
    with torch.no_grad():
        return r2(trial.module(test.x), test.y, data.y)
