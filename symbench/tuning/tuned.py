"""What a finished search says to a run: configuration and stated budget of each pair."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from symbench.draws import fingerprint
from symbench.errors import InputError
from symbench.registry import Registry
from symbench.registry.source_hash import source_sha256
from symbench.runs.plan import Tuned
from symbench.tuning.study import Study, path_of, read

Pair = tuple[str, str]


def tuned_cells(
    registry: Registry, pairs: Iterable[Pair], tier: str, store: Path
) -> dict[Pair, Tuned]:
    """Return the configuration of each (task, model) that the store has a search of.

    Raises:
        InputError: no pair has one, or one is unfinished, out of date or without a success.
    """
    found: dict[Pair, Tuned] = {}
    for task, model in pairs:
        study = read(path_of(store, task, model, tier))
        if study is not None:
            found[task, model] = _tuned(registry, study)
    if not found:
        raise InputError(
            f"{store} holds no {tier} search of these tasks and models: `symbench tune` first"
        )
    return found


def _tuned(registry: Registry, study: Study) -> Tuned:
    of = study.plan
    named = f"the search of {of.model} on {of.task}"
    if not study.finished:
        done = f"{len(study.trials)} of {study.budget} trials"
        raise InputError(f"{named} has made {done}: let `symbench tune` finish it")
    task, model = registry.task(of.task), registry.model(of.model)
    current = (task.version, fingerprint(task), model.version, source_sha256(model))
    known = (of.task_version, of.task_fingerprint, of.model_version, of.model_source_sha256)
    if current != known:
        raise InputError(f"{named} is out of date, task or model has changed: tune with --fresh")
    if (best := study.best) is None:
        raise InputError(f"no trial of {named} succeeded: `symbench tune` shows why")
    budget = {
        "trials": len(study.trials), "seeds": len(of.seeds), "n_train": of.n_train,
        "sampler_seed": of.sampler_seed,
    }  # fmt: skip
    return Tuned(best.config, budget)
