"""Makes a ``Problem``: what a model may see of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symbench.contract import Model, Prior, Problem, Task
from symbench.errors import InputError, UnknownNameError
from symbench.registry.card import Card
from symbench.registry.registry import Registry

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class _Backbones:
    """Builds the declared backbones of a model; it holds no task, so no model can reach one."""

    cards: Mapping[str, Card]
    model: str
    declared: tuple[str, ...]

    def __call__(self, name: str, problem: Problem) -> nn.Module:
        if name not in self.cards:
            raise UnknownNameError("model", name, self.cards)
        if name not in self.declared:
            raise InputError(
                f"{self.model} asks for the backbone {name!r}, which it does not declare: add it "
                f"to its attribute backbones, now {self.declared}, so that a change of {name} "
                "makes its results stale"
            )
        model: Model = self.cards[name].load()()
        own = replace(problem, builder=replace(self, model=name, declared=model.backbones))
        if reason := model.accepts(own):
            raise InputError(f"{name} declines the problem: {reason}")
        return model.build(own)


def make_problem(
    registry: Registry,
    task: Task,
    model: Model | type[Model],
    generator: torch.Generator | None = None,
) -> Problem:
    """Return what the model may see of the task: ``task.told`` only if its prior is ``told``."""
    return for_model(registry, shown(task, model.prior), model, generator)


def shown(task: Task, prior: Prior) -> Problem:
    """Return what every model of a prior may see of the task, without a builder of backbones."""
    told = prior == "told"
    return Problem(
        kind=task.kind,
        loss=task.loss,
        input_shape=task.input_shape,
        output_shape=task.output_shape,
        symmetry=task.told if told else None,
        ambient=task.ambient if told else None,
        candidate=task.layout() if prior == "discovers" else None,
        times=task.times,
        periods=task.periods,
    )


def for_model(
    registry: Registry,
    problem: Problem,
    model: Model | type[Model],
    generator: torch.Generator | None = None,
) -> Problem:
    """Return the problem with a builder of the backbones that the model declares."""
    configured = model() if isinstance(model, type) else model
    builder = _Backbones(registry.models, model.name, configured.backbones)
    return replace(problem, generator=generator, builder=builder)
