"""The search itself: Optuna proposes, the fleet trains, the valid split judges."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbench.draws import fingerprint
from symbench.contract import Model, Task
from symbench.errors import InputError, SymbenchError
from symbench.records.store import Store
from symbench.registry import Registry
from symbench.registry.source_hash import source_sha256
from symbench.registry.view import make_problem
from symbench.runs.options import resolve_device
from symbench.runs.protocol import TIERS
from symbench.tuning.space import Choices, Range, search_space
from symbench.tuning.study import Attempt, Plan, Study, path_of, read

if TYPE_CHECKING:
    import optuna

FIRST_SEED = 1000  # far from those of a run: its training draws stay unseen
Told = Callable[[Study], None]


@dataclass(frozen=True)
class Search:
    """How to search; equal for every model that is to be compared."""

    store: Path
    tier: str = "quick"
    trials: int = 20
    seeds: int = 2
    sampler_seed: int = 0
    device: str = "cpu"
    fresh: bool = False

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise InputError(f"unknown tier {self.tier!r}: take one of {', '.join(TIERS)}")
        for name in ("trials", "seeds"):
            if getattr(self, name) < 1:
                raise InputError(f"--{name} {getattr(self, name)}: it must be at least 1")
        if not 0 <= self.sampler_seed < 2**32:
            raise InputError(f"--seed {self.sampler_seed}: take a number from 0 to 2**32 - 1")


def search(
    registry: Registry, task: str, model: str, how: Search, told: Told = lambda _: None
) -> Study | str:
    """Spend the budget on one task and model; return the search, or why there is none.

    Every trial is stored as it ends. What the store holds of the same search is not trained
    again: the sampler is led through it, so that a search in parts equals one in one piece.

    Args:
        registry: where the task and the model stand.
        task: name of the task.
        model: name of the model.
        how: budget, seeds, place.
        told: called with the search after every trial.

    Raises:
        InputError: Optuna is not installed, the device is not here, the store holds another search
            of the pair, or another process is at it.
    """
    sampler = _sampler(how.sampler_seed)
    how = replace(how, device=resolve_device(how.device))
    of, chosen = registry.task(task), registry.model(model).for_tier(how.tier)
    intended = _intended(registry, of, chosen, how)
    if isinstance(intended, str):
        return intended
    store = Store(how.store)
    store.check_writable()
    if not store.claim(intended.key):
        raise InputError(f"another process tunes {model} on {task}: wait for it")
    try:
        study = _begun(intended, how)
        tries = partial(_attempt, registry, of, chosen, how, intended)
        _spend(study, sampler, tries, lambda: told(_stored(study, how.store)))
    finally:
        store.release(intended.key)
    return study


def _sampler(seed: int) -> optuna.samplers.BaseSampler:
    try:
        import optuna
    except ImportError as error:
        raise InputError(
            "tuning needs Optuna, which is not installed: pip install 'symbench[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.samplers.TPESampler(seed=seed)


def _intended(registry: Registry, task: Task, model: Model, how: Search) -> Plan | str:
    """Return the plan of the search, or why there is none."""
    try:
        if (reason := _unfit(registry, task, model)) is not None:
            return reason
        intended = _plan(task, model, how)
    except SymbenchError:
        raise
    except Exception as error:  # a plugin may raise anything; the other pairs go on
        return _one_line(error)
    return intended if intended.space else "its configuration has nothing to search"


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _unfit(registry: Registry, task: Task, model: Model) -> str | None:
    if (missing := task.available()) is not None:
        return missing
    if task.loss == "none":
        return "the task has nothing to learn"
    return model.accepts(make_problem(registry, task, model))


def _plan(task: Task, model: Model, how: Search) -> Plan:
    budget = TIERS[how.tier]
    return Plan(
        task=task.name,
        task_version=task.version,
        task_fingerprint=fingerprint(task),
        model=model.name,
        model_version=model.version,
        model_source_sha256=source_sha256(model),
        tier=how.tier,
        n_train=max(task.sizes[how.tier]),
        seeds=[FIRST_SEED + i for i in range(how.seeds)],
        updates=task.updates.get(how.tier, budget.updates),
        sampler="optuna TPE",
        sampler_seed=how.sampler_seed,
        base=model.config_dict(),
        space=search_space(model),
    )


def _begun(intended: Plan, how: Search) -> Study:
    """Return the stored search, to go on with, or a new one."""
    path = path_of(how.store, intended.task, intended.model, intended.tier)
    found = None if how.fresh else read(path)
    if found is None:
        return Study(plan=intended, budget=how.trials)
    ours, theirs = intended.model_dump(mode="json"), found.plan.model_dump(mode="json")
    if changed := [name for name in ours if ours[name] != theirs.get(name)]:
        raise InputError(
            f"{path} holds a search of {intended.model} on {intended.task} with another "
            f"{changed[0]}: give --fresh to begin anew, or another --store"
        )
    found.budget = max(how.trials, len(found.trials))
    return found


def _stored(study: Study, store: Path) -> Study:
    study.write(store)
    return study


def _spend(
    study: Study,
    sampler: optuna.samplers.BaseSampler,
    tries: Callable[[dict[str, Any]], Attempt],
    ended: Callable[[], None],
) -> None:
    """Ask, try and tell until the budget is spent; what was tried before is only told."""
    import optuna

    study.provenance |= {"optuna": optuna.__version__}
    oracle = optuna.create_study(sampler=sampler)
    oracle.enqueue_trial({name: study.plan.base[name] for name in study.plan.space})
    space = {name: _distribution(one) for name, one in study.plan.space.items()}
    for number in range(study.budget):
        asked = oracle.ask(space)
        if number == len(study.trials):
            study.trials.append(tries(asked.params))
            ended()
        trial = study.trials[number]
        if trial.config != asked.params:
            raise InputError(
                f"trial {number} of {study.plan.model} on {study.plan.task} cannot be gone on "
                "from: this version of Optuna proposes others; give --fresh to begin anew"
            )
        if trial.status == "ok":
            oracle.tell(asked, trial.loss)
        else:  # TPE takes a pruned trial for one of the worst, and forgets a failed one
            oracle.tell(asked, state=optuna.trial.TrialState.PRUNED)


def _distribution(one: Range | Choices) -> optuna.distributions.BaseDistribution:
    from optuna import distributions

    if isinstance(one, Choices):
        return distributions.CategoricalDistribution(one.values)
    if one.kind == "whole":
        return distributions.IntDistribution(int(one.low), int(one.high), log=one.log)
    return distributions.FloatDistribution(one.low, one.high, log=one.log)


def _attempt(
    registry: Registry, task: Task, model: Model, how: Search, of: Plan, config: dict[str, Any]
) -> Attempt:
    """Train with a configuration and return how it fared; whatever it raises is its result."""
    from symbench.tuning.validation_loss import valid_losses

    started = time.perf_counter()
    attempt = Attempt(config=config, status="failed")
    try:
        tried = type(model)(replace(model.config, **config))
        view = partial(make_problem, registry, task, tried)
        if (reason := tried.accepts(view())) is not None:
            return attempt.model_copy(update={"status": "declined", "reason": reason})
        losses = valid_losses(task, tried, view, (of, how.device))
    except Exception as error:  # a model may raise anything; this configuration alone is lost
        return attempt.model_copy(update={"reason": _one_line(error)})
    finite = all(math.isfinite(loss) for loss in losses)
    return Attempt(
        config=config,
        status="ok" if finite else "diverged",
        loss=sum(losses) / len(losses) if finite else None,
        losses=losses if finite else [],
        seconds=time.perf_counter() - started,
    )
