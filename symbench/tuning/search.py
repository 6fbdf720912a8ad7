"""The search: Optuna proposes configurations, which are trained and judged on the valid split."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbench.contract import Model, Task
from symbench.contract.values import check_tier
from symbench.draws import fingerprint
from symbench.errors import InputError, SymbenchError
from symbench.records.store import Store
from symbench.registry import Registry
from symbench.registry.problem import make_problem
from symbench.registry.source_hash import model_sha256, source_sha256
from symbench.runs.options import resolve_device
from symbench.runs.protocol import TIERS
from symbench.tuning.space import Categories, Range, search_space
from symbench.tuning.study import Attempt, SearchSpec, Study, path_of, read

if TYPE_CHECKING:
    import optuna

FIRST_SEED = 1000  # far from the seeds of a run, whose training data a search must not see
Report = Callable[[Study], None]


@dataclass(frozen=True)
class Search:
    """How to search: the same for all models that are compared."""

    store: Path
    tier: str = "quick"
    attempts: int = 20
    seeds: int = 2
    sampler_seed: int = 0
    device: str = "cpu"
    fresh: bool = False

    def __post_init__(self) -> None:
        check_tier(self.tier)
        for name in ("attempts", "seeds"):
            if getattr(self, name) < 1:
                raise InputError(f"--{name} {getattr(self, name)}: it must be at least 1")
        if not 0 <= self.sampler_seed < 2**32:
            raise InputError(f"--seed {self.sampler_seed}: choose a number from 0 to 2**32 - 1")


def search(
    registry: Registry, task: str, model: str, how: Search, report: Report = lambda _: None
) -> Study | str:
    """Search for the best configuration of a model on a task.

    Every attempt is stored when it ends. Attempts that the store has of the same search are not
    trained again: the sampler is told their results, so an interrupted search gives the same
    result as an uninterrupted one.

    Args:
        registry: has the task and the model.
        task: name of the task.
        model: name of the model.
        how: budget, seeds and store.
        report: called with the search after every attempt.

    Returns:
        The search, or why there is nothing to search.

    Raises:
        InputError: Optuna is not installed, the device is not available, the store holds another
            search of the pair, or another process is already tuning this pair.
    """
    sampler = _sampler(how.sampler_seed)
    how = replace(how, device=resolve_device(how.device))
    its_task = registry.task(task).for_tier(how.tier)
    its_model = registry.model(model).for_tier(how.tier)
    spec = _spec_or_reason(registry, its_task, its_model, how)
    if isinstance(spec, str):
        return spec
    store = Store(how.store)
    store.check_writable()
    if not store.claim(spec.key):
        raise InputError(f"another process tunes {model} on {task}: wait for it")
    try:
        study = _resumed(spec, how)
        attempt = partial(_attempt, registry, its_task, its_model, how, spec)
        _spend(study, sampler, attempt, lambda: report(_stored(study, how.store)))
    finally:
        store.release(spec.key)
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


def _spec_or_reason(registry: Registry, task: Task, model: Model, how: Search) -> SearchSpec | str:
    """Return the specification of the search, or why there is nothing to search."""
    try:
        if (reason := _unfit(registry, task, model, how.tier)) is not None:
            return reason
        spec = _spec(registry, task, model, how)
    except SymbenchError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything; the other pairs continue
        return _one_line(error)
    return spec if spec.space else "its configuration has nothing to search"


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _unfit(registry: Registry, task: Task, model: Model, tier: str) -> str | None:
    if (missing := task.available()) is not None:
        return missing
    if task.loss == "none":
        return "the task has nothing to learn"
    if not task.sizes_in(tier):
        return f"the task has no sizes in tier {tier}: choose another --tier"
    return model.accepts(make_problem(registry, task, model))


def _spec(registry: Registry, task: Task, model: Model, how: Search) -> SearchSpec:
    budget = TIERS[how.tier]
    return SearchSpec(
        task=task.name,
        task_version=task.version,
        task_fingerprint=fingerprint(task),
        task_source_sha256=source_sha256(task),
        model=model.name,
        model_version=model.version,
        model_source_sha256=model_sha256(registry, model),
        tier=how.tier,
        n_train=max(task.sizes_in(how.tier) or ()),
        seeds=[FIRST_SEED + i for i in range(how.seeds)],
        updates=task.updates.get(how.tier, budget.updates),
        sampler="optuna TPE",
        sampler_seed=how.sampler_seed,
        base=model.config_dict(),
        space=search_space(model),
    )


def _resumed(spec: SearchSpec, how: Search) -> Study:
    """Return the stored search to continue, or a new one."""
    path = path_of(how.store, spec.task, spec.model, spec.tier)
    study = None if how.fresh else read(path)
    if study is None:
        return Study(spec=spec, budget=how.attempts)
    wanted, stored = spec.model_dump(mode="json"), study.spec.model_dump(mode="json")
    if changed := [name for name in wanted if wanted[name] != stored.get(name)]:
        raise InputError(
            f"{path} holds a search of {spec.model} on {spec.task} with another {changed[0]}: "
            "give --fresh to begin anew, or another --store"
        )
    study.budget = max(how.attempts, len(study.attempts))
    return study


def _stored(study: Study, store: Path) -> Study:
    study.write(store)
    return study


def _spend(
    study: Study,
    sampler: optuna.samplers.BaseSampler,
    attempt: Callable[[dict[str, Any]], Attempt],
    ended: Callable[[], None],
) -> None:
    """Make attempts until the budget is spent; of stored ones the sampler is told the result."""
    import optuna

    study.provenance |= {"optuna": optuna.__version__}
    spec = study.spec
    optimiser = optuna.create_study(sampler=sampler)
    optimiser.enqueue_trial({name: spec.base[name] for name in spec.space})
    space = {name: _distribution(dimension) for name, dimension in spec.space.items()}
    for number in range(study.budget):
        proposed = optimiser.ask(space)
        if number == len(study.attempts):
            study.attempts.append(attempt(proposed.params))
            ended()
        made = study.attempts[number]
        if made.config != proposed.params:
            raise InputError(
                f"the search of {spec.model} on {spec.task} cannot be resumed: this version of "
                f"Optuna proposes another attempt {number}; give --fresh to begin anew"
            )
        if made.status == "ok":
            optimiser.tell(proposed, made.loss)
        else:  # TPE ranks what was pruned among the worst, and ignores what failed
            optimiser.tell(proposed, state=optuna.trial.TrialState.PRUNED)


def _distribution(dimension: Range | Categories) -> optuna.distributions.BaseDistribution:
    from optuna import distributions

    if isinstance(dimension, Categories):
        return distributions.CategoricalDistribution(dimension.values)
    low, high, log = dimension.low, dimension.high, dimension.log
    if dimension.kind == "whole":
        return distributions.IntDistribution(int(low), int(high), log=log)
    return distributions.FloatDistribution(low, high, log=log)


def _attempt(
    registry: Registry,
    task: Task,
    model: Model,
    how: Search,
    spec: SearchSpec,
    config: dict[str, Any],
) -> Attempt:
    """Train with a configuration and return the result; an exception is a result, too."""
    from symbench.tuning.validation_loss import valid_losses

    started = time.perf_counter()
    attempt = Attempt(config=config, status="failed")
    try:
        tried = type(model)(replace(model.config, **config))
        make = partial(make_problem, registry, task, tried)
        if (reason := tried.accepts(make())) is not None:
            return attempt.model_copy(update={"status": "declined", "reason": reason})
        losses = valid_losses(task, tried, make, (spec, how.device))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a model may raise anything; only this configuration is lost
        return attempt.model_copy(update={"reason": _one_line(error)})
    finite = all(math.isfinite(loss) for loss in losses)
    return Attempt(
        config=config,
        status="ok" if finite else "diverged",
        loss=sum(losses) / len(losses) if finite else None,
        losses=losses if finite else [],
        seconds=time.perf_counter() - started,
    )
