"""What registered methods of discovery announce on the same rows."""

from __future__ import annotations

import torch
from torch import Tensor

from symbench.contract import Context, Data, Fits, Model, seeded
from symbench.discovery.findings import Method
from symbench.discovery.fit import Fit
from symbench.discovery.rows_task import Rows, RowsTask
from symbench.metrics.algebra import orthonormal, principal_cosines
from symbench.registry import Registry
from symbench.registry.card import one_line
from symbench.registry.problem import make_problem
from symbench.training.labels import set_aside
from symbench.training.setup import seeded_globally

METHODS = ("local-null", "liegg", "certify", "field-fit")
"""The methods that are asked by default, where they are registered: each takes seconds."""
_ROWS, _UPDATES = 1000, 350


def chosen(registry: Registry) -> list[str]:
    """Return those of METHODS that are registered."""
    return [name for name in METHODS if name in registry.models]


def announced_by(registry: Registry, name: str, fit: Fit, found: Tensor, seed: int) -> Method:
    """Return what a method announces; at most 1,000 rows are shown to it.

    Args:
        registry: has the method.
        name: of it.
        fit: whose question is asked.
        found: generators [k, d, d] to compare with.
        seed: of the method.
    """
    question = fit.question
    task = RowsTask(Rows.of(question.data, question.test, _ROWS), None, question.law)
    try:
        L = _announced(registry, task, registry.model(name), seed)
    except Exception as error:  # a plugin may raise anything
        return Method(name, None, note=one_line(error))
    return L if isinstance(L, Method) else _compared(name, fit, L, found)


def _announced(registry: Registry, task: RowsTask, cls: type[Model], seed: int) -> Tensor | Method:
    model = cls.for_tier("quick")
    generator = seeded("discover", model.name, seed)
    problem = make_problem(registry, task, model, generator)
    if reason := model.accepts(problem):
        return Method(model.name, None, note=reason)
    if not isinstance(model, Fits):
        return Method(model.name, None, note="it does not train itself")
    data = task.given.train
    rest, valid = set_aside(data)
    cpu = torch.device("cpu")
    context = Context(len(data), seed, _UPDATES, cpu, valid, generator, rest)
    with seeded_globally(seed, cpu):
        module = model.fit(problem, Data(data.x.clone(), data.y.clone()), context)
    L = model.generators(module)
    if L is None:
        return Method(model.name, None, note="it announces no generators")
    return L.detach().cpu().double()


def _compared(name: str, fit: Fit, L: Tensor, found: Tensor) -> Method:
    """Return the number of generators, and the cosine of their span with that of the others."""
    rows, others = (orthonormal(fit.within.coordinates(part)) for part in (L, found))
    if len(rows) == 0 or len(others) == 0:
        return Method(name, len(rows))
    total = float(principal_cosines(rows, others).square().sum())
    return Method(name, len(rows), (total / max(len(rows), len(others))) ** 0.5)
