"""Plan a selection of tasks and models: the cells in order, with a reason for the declined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from symbench.contract import Model, Problem, Task
from symbench.contract.values import check_tier
from symbench.errors import InputError
from symbench.records.record import Identity
from symbench.registry import Registry
from symbench.registry.problem import make_problem
from symbench.registry.source_hash import source_sha256
from symbench.runs.protocol import PROTOCOL_VERSION, TIERS, Budget
from symbench.runs.staleness import fingerprint_of


@dataclass(frozen=True)
class Cell:
    """One task and one model at one tier: the unit of planning, execution and storage.

    ``reason`` is set if the cell is declined.
    """

    identity: Identity
    reason: str | None = None

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.identity.task

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.identity.model

    @cached_property
    def key(self) -> str:
        """Key of the cell's record in a store."""
        return self.identity.key


@dataclass(frozen=True)
class Tuned:
    """A configuration found by a search (fields of ``Config``), and the budget of the search."""

    config: Mapping[str, Any]
    budget: Mapping[str, Any]


@dataclass(frozen=True)
class Selection:
    """What to run: tasks and models by name or glob (empty means all), the tier and its overrides.

    ``tuned`` holds the configurations, by (task, model), that differ from the tier's.
    """

    tasks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tier: str = "quick"
    sizes: tuple[int, ...] = ()
    seeds: int | None = None
    tuned: Mapping[tuple[str, str], Tuned] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_tier(self.tier)
        if self.seeds is not None and self.seeds < 1:
            raise InputError(f"--seeds {self.seeds}: choose at least one seed")
        if any(size < 2 and size != 0 for size in self.sizes):
            raise InputError(f"--sizes {self.sizes}: choose at least 2 for every n_train")


def make_plan(registry: Registry, selection: Selection) -> list[Cell]:
    """Return the cells, ordered by task and then by model.

    Raises:
        InputError: an unknown name, or no working task and model in the selection.
    """
    tasks = registry.drop_broken("task", registry.select("task", selection.tasks))
    models = registry.drop_broken("model", registry.select("model", selection.models))
    hashes = {model: source_sha256(registry.model(model)) for model in models}
    cells = [
        _cell(registry, task, model, selection, sha256)
        for task in tasks
        for model, sha256 in hashes.items()
    ]
    if not cells:
        raise InputError(
            "nothing to run: no selected task or model works; `symbench list plugins` says why"
        )
    return cells


def _cell(
    registry: Registry, task_name: str, model_name: str, selection: Selection, source: str
) -> Cell:
    task = registry.task(task_name).for_tier(selection.tier)
    tuned = selection.tuned.get((task_name, model_name), Tuned({}, {}))
    model = registry.model(model_name).for_tier(selection.tier, **tuned.config)
    problem = make_problem(registry, task, model)
    reason = task.available() or _declines(model, problem)
    budget = TIERS[selection.tier]
    budget = replace(budget, updates=task.updates.get(selection.tier, budget.updates))
    sizes = selection.sizes or task.sizes[selection.tier]
    if task.loss != "none" and 0 in sizes:
        raise InputError(f"--sizes 0: {task.name} has to be trained; choose at least 2")
    protocol = _protocol(task, model, problem, budget, declined=reason is not None)
    if tuned.budget:
        protocol["tuning"] = dict(tuned.budget)
    identity = Identity(
        task=task.name,
        task_version=task.version,
        task_fingerprint=fingerprint_of(registry.task(task_name)),
        model=model.name,
        model_version=model.version,
        model_source_sha256=source,
        config=model.config_dict(),
        tier=selection.tier,
        sizes=sorted(set(sizes)),
        seeds=list(range(selection.seeds or budget.seeds)),
        protocol=protocol,
    )
    return Cell(identity, reason)


def _declines(model: Model, problem: Problem) -> str | None:
    try:
        return model.accepts(problem)
    except Exception:  # the cell calls it again and records the error
        return None


def _protocol(
    task: Task, model: Model, problem: Problem, budget: Budget, *, declined: bool
) -> dict[str, Any]:
    try:
        recipe = {} if declined else asdict(model.recipe(problem))
    except Exception:  # as in _declines
        recipe = {}
    return {
        "version": PROTOCOL_VERSION,
        "updates": budget.updates,
        "validations": budget.validations,
        "test_size": task.test_size,
        "recipe": recipe,
        "prior": model.prior,
        "threshold": None if task.loss == "none" else task.threshold,
        "baseline": task.baseline,
        "chance_error": _chance_error(task),
        **({"headline": task.headline} if task.headline else {}),
    }


def _chance_error(task: Task) -> float | None:
    if task.loss == "none":
        return None
    return 1 - 1 / task.output_shape[0] if task.loss == "cross-entropy" else task.chance
