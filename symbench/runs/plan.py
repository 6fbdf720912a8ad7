"""Plan a selection: the cells in order, with the reason if a cell is declined."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import Any, TypeVar, get_args

from symbench.contract import Prior, Problem, Recipe, Task, seeded
from symbench.contract.values import Discovery, check_tier
from symbench.errors import InputError
from symbench.groups.samplers import SAMPLERS, elements
from symbench.records.record import Failure, Identity
from symbench.registry import Registry
from symbench.registry.problem import for_model, shown
from symbench.registry.settings import Snapshot, guarded
from symbench.registry.source_hash import model_sha256, source_sha256
from symbench.runs.json_values import check_json
from symbench.runs.protocol import PROTOCOL_VERSION, TIERS, Budget, SymmetryAt
from symbench.runs.staleness import fingerprint_of

T = TypeVar("T")
_log = logging.getLogger(__name__)
_NAMED = 3  # tasks that a warning names


@dataclass(frozen=True)
class Cell:
    """One task and one model at one tier: the unit of planning, execution and storage.

    ``reason`` is set if the cell is not to be computed: it is declined, or its task or model failed
    while it was planned, and ``error`` says how. ``part`` holds the n_train to compute if the cell
    is computed in parts; a part has the identity and the key of its cell.
    """

    identity: Identity
    reason: str | None = None
    error: Failure | None = None
    part: tuple[int, ...] | None = None

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.identity.task

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.identity.model

    @property
    def sizes(self) -> Sequence[int]:
        """The n_train to compute."""
        return self.identity.sizes if self.part is None else self.part

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

    ``tuned`` holds the configurations, by (task, model), that differ from the tier's. ``metrics``
    are names or globs of metrics that are to score although neither the task nor the model is of
    their plugin.

    ``updates``, ``sampler`` and ``symmetry_at`` are for experiments: they replace the number of
    updates, the law of the group elements of ``equivariance_error``, and the n_train at which
    symmetry scores are computed. Records made with them are never ranked.
    """

    tasks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tier: str = "quick"
    sizes: tuple[int, ...] = ()
    seeds: int | None = None
    updates: int | None = None
    sampler: str | None = None
    symmetry_at: SymmetryAt | None = None
    tuned: Mapping[tuple[str, str], Tuned] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_tier(self.tier)
        if self.seeds is not None and self.seeds < 1:
            raise InputError(f"--seeds {self.seeds}: choose at least one seed")
        if self.updates is not None and self.updates < 1:
            raise InputError(f"--updates {self.updates}: choose at least one update")
        if self.sampler is not None and self.sampler not in SAMPLERS:
            raise InputError(f"--sampler {self.sampler!r}: choose one of {', '.join(SAMPLERS)}")
        if self.symmetry_at not in (None, *get_args(SymmetryAt)):
            raise InputError(f"--symmetry-at {self.symmetry_at!r}: choose all or largest")
        if any(size < 2 and size != 0 for size in self.sizes):
            raise InputError(f"--sizes {self.sizes}: choose at least 2 for every n_train")

    @property
    def experiment(self) -> dict[str, Any]:
        """The options that make this run an experiment where they differ from the tier's."""
        given = {
            "updates": self.updates, "sampler": self.sampler, "symmetry_at": self.symmetry_at,
        }  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}


def make_plan(registry: Registry, selection: Selection) -> list[Cell]:
    """Return the cells, ordered by task and then by model.

    A task or a model may raise anything: its cells fail, and the others are planned.

    Raises:
        InputError: an unknown name, a named task that stays out of the tier, or no working task and
            model in the selection.
    """
    tasks = registry.drop_broken("task", registry.select("task", selection.tasks))
    tasks = _of_the_tier(registry, tasks, selection)
    models = registry.drop_broken("model", registry.select("model", selection.models))
    trained = [name for name in tasks if registry.tasks[name].details.get("loss") != "none"]
    if 0 in selection.sizes and trained:
        raise InputError(f"--sizes 0: {trained[0]} has to be trained; choose at least 2")
    settings = Snapshot()
    cells = [cell for task in tasks for cell in _cells(registry, task, models, selection, settings)]
    if not cells:
        raise InputError(
            "nothing to run: no selected task or model works; `symbench list plugins` says why"
        )
    return cells


def _of_the_tier(registry: Registry, tasks: Sequence[str], selection: Selection) -> list[str]:
    """Return the tasks that have the sizes; warnings name those that do not.

    Raises:
        InputError: one of the others was selected by its name, or none is left.
    """
    if not selection.sizes:
        tier = selection.tier
        out = [name for name in tasks if _attempt(_stays_out, registry.task(name), tier)[0]]
        why = f"no sizes in tier {tier} (choose another --tier, or give --sizes)"
        return _without(out, why, tasks, selection)
    largest = max(selection.sizes)
    for name in tasks:
        have, _ = _attempt(registry.task(name).at_most, largest, "train")
        if have is not None and have < largest:
            why = f"--sizes {largest} is more than its {have} training rows: choose at most {have}"
            tasks = _without([name], why, tasks, selection)
    return list(tasks)


def _without(out: Sequence[str], why: str, tasks: Sequence[str], selection: Selection) -> list[str]:
    """Return the tasks without some, which are named in one warning; raises as above."""
    refused = [name for name in out if name in selection.tasks] or (out if out == tasks else [])
    if refused:
        raise InputError(f"{', '.join(refused)}: {why}")
    if out:
        shown = ", ".join(out[:_NAMED])
        more = f" and {len(out) - _NAMED} more tasks" if len(out) > _NAMED else ""
        _log.warning("not planned, %s: %s%s", why, shown, more)
    return [name for name in tasks if name not in out]


def _stays_out(task: Task, tier: str) -> bool:
    return task.for_tier(tier).sizes_in(tier) == ()


def _attempt(ask: Callable[..., T], *arguments: object) -> tuple[T | None, Failure | None]:
    """Call into a plugin; return its result, or None and why it failed."""
    try:
        return ask(*arguments), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything, SystemExit included
        return None, Failure.of(error)


def _cells(
    registry: Registry,
    name: str,
    models: Sequence[str],
    selection: Selection,
    settings: Snapshot,
) -> Iterator[Cell]:
    """Yield the cells of one task; ``fields`` gets each value as soon as it is known.

    ``settings`` are restored after every call into a plugin.
    """
    card, budget = registry.card("task", name), TIERS[selection.tier]
    fields: dict[str, Any] = {
        "task": name, "task_version": card.version, "task_fingerprint": "", "config": {},
        "tier": selection.tier, "sizes": sorted(set(selection.sizes)),
        "seeds": list(range(selection.seeds or budget.seeds)), "protocol": _protocol(budget),
    }  # fmt: skip
    if selection.metrics:
        fields["protocol"]["metrics"] = registry.select("metric", selection.metrics)
    task = registry.task(name)
    with guarded(card.plugin, settings=settings):
        missing, failure = _attempt(_ask_task, task, selection, fields)
    seen = cache(lambda prior: shown(task.for_tier(selection.tier), prior))
    for model in models:
        asked = registry.card("model", model)
        own = {
            **fields, "model": model, "model_version": asked.version,
            "model_source_sha256": "", "protocol": dict(fields["protocol"]),
        }  # fmt: skip
        own["protocol"]["prior"] = asked.details.get("prior")
        reason, error = missing, failure
        if error is None:
            with guarded(asked.plugin, settings=settings):
                reason, error = _attempt(_ask_model, registry, selection, own, seen, missing)
        if error is not None:
            reason = f"{error.type}: {error.message}"
        yield Cell(Identity(**own), reason, error)


def _protocol(budget: Budget) -> dict[str, Any]:
    """Return a cell's protocol before its task and model complete it."""
    return {
        "version": PROTOCOL_VERSION,
        "updates": budget.updates,
        "validations": budget.validations,
        "symmetry_at": budget.symmetry_at,
        "test_size": None,
        "recipe": {},
        "prior": None,
    }


def _ask_task(task: Task, selection: Selection, fields: dict[str, Any]) -> str | None:
    """Complete the fields of the task, and return why its data are missing."""
    tier, trained = selection.tier, task.loss != "none"
    planned = task.for_tier(tier)
    updates = planned.updates.get(tier, fields["protocol"]["updates"])
    usual = {**fields["protocol"], "updates": updates}
    if selection.updates is not None:
        updates = selection.updates
    if type(updates) is not int or updates < 0:
        raise InputError(f"{task.name}: updates[{tier!r}] is {updates!r}: give a whole number")
    if not selection.sizes:
        fields["sizes"] = _sizes(planned, tier)
    terms: dict[str, Any] = {
        "updates": updates,
        "test_size": planned.test_size,
        "threshold": planned.threshold if trained else None,
        "baseline": planned.baseline,
        "chance_error": _chance_error(planned),
        **({"headline": planned.headline} if planned.headline else {}),
        **({"files": dict(planned.files)} if planned.files else {}),
        **_terms_of(planned, tier),
    }
    given = selection.experiment.items()
    if experiment := {name: value for name, value in given if usual.get(name) != value}:
        terms |= {**experiment, "experiment": experiment}
    for name, value in terms.items():
        check_json(f"{task.name}: {name}", value)
    fields["protocol"].update(terms)
    missing = _answer(f"{task.name}: available", planned.available())
    missing = missing or _cannot_sample(planned, selection.sampler)
    fields["task_source_sha256"] = source_sha256(planned)
    fingerprint = fingerprint_of(planned)
    if not isinstance(fingerprint, str):
        raise InputError(f"{task.name}: fingerprint returned {fingerprint!r}: return a string")
    fields["task_fingerprint"] = fingerprint
    return missing


def _cannot_sample(task: Task, sampler: str | None) -> str | None:
    """Return why the task's group has no elements of the law, if it has none."""
    if sampler is None or (symmetry := task.symmetry) is None:
        return None
    try:
        elements(symmetry.group, 1, seeded("plan"), sampler)
    except InputError as error:
        return str(error)
    return None


def _terms_of(task: Task, tier: str) -> dict[str, str]:
    """Return what a task declares only if it applies.

    It is separate validation, the kind of discovery, and why few models cross the threshold.

    Raises:
        InputError: there is no such kind of discovery.
    """
    kind, reason = task.discovery, task.separate_validation
    if kind is not None and kind not in get_args(Discovery):
        raise InputError(
            f"{task.name}: discovery is {kind!r}: choose one of {', '.join(get_args(Discovery))}"
        )
    note = task.threshold_note.get(tier)
    terms = {"separate_validation": reason, "discovery": kind, "threshold_note": note}
    return {name: value for name, value in terms.items() if value}


def _sizes(task: Task, tier: str) -> list[int]:
    sizes = task.sizes_in(tier) or ()
    least = 0 if task.loss == "none" else 2
    if not sizes or any(type(size) is not int or size < least for size in sizes):
        raise InputError(
            f"{task.name}: sizes[{tier!r}] is {sizes!r}: "
            f"list whole numbers of at least {least}, or give --sizes"
        )
    return sorted(set(sizes))


def _ask_model(
    registry: Registry,
    selection: Selection,
    fields: dict[str, Any],
    seen: Callable[[Prior], Problem],
    missing: str | None,
) -> str | None:
    """Complete the fields of the model, and return why the cell is declined.

    ``seen`` returns what a model of a prior may see of the task.
    """
    tuned = selection.tuned.get((fields["task"], fields["model"]), Tuned({}, {}))
    model = registry.model(fields["model"]).for_tier(selection.tier, **tuned.config)
    fields["model_source_sha256"] = model_sha256(registry, model)
    config = model.config_dict()
    check_json(f"{fields['model']}: Config", config, dict)
    fields["config"] = config
    if tuned.budget:
        fields["protocol"]["tuning"] = dict(tuned.budget)
    problem = for_model(registry, seen(model.prior), model)
    reason = missing or _answer(f"{fields['model']}: accepts", model.accepts(problem))
    if reason is None:
        recipe = model.recipe(problem)
        if not isinstance(recipe, Recipe):
            raise InputError(f"{fields['model']}: recipe returned {recipe!r}: return a Recipe")
        check_json(f"{fields['model']}: recipe", asdict(recipe))
        fields["protocol"]["recipe"] = asdict(recipe)
    return reason


def _answer(method: str, answer: object) -> str | None:
    """Return the reason that a method has returned, or None.

    Raises:
        InputError: it is neither.
    """
    if answer is None or isinstance(answer, str):
        return answer or None
    raise InputError(f"{method} returned {answer!r}: return None, or a string with the reason")


def _chance_error(task: Task) -> float | None:
    if task.loss == "none":
        return None
    return 1 - 1 / task.output_shape[0] if task.loss == "cross-entropy" else task.chance
