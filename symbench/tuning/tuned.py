"""The result of finished searches for a run: configuration and budget of each pair."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from symbench.draws import fingerprint
from symbench.errors import InputError
from symbench.registry import Registry
from symbench.registry.source_hash import model_sha256, source_sha256
from symbench.runs.plan import Tuned
from symbench.tuning.study import SearchSpec, Study, path_of, read

Pair = tuple[str, str]


def tuned_cells(
    registry: Registry, pairs: Iterable[Pair], tier: str, store: Path
) -> dict[Pair, Tuned]:
    """Return the best configuration of each (task, model) that the store has a search of.

    Raises:
        InputError: no pair has a search, or one is unfinished, out of date or had no success.
    """
    tuned: dict[Pair, Tuned] = {}
    for task, model in pairs:
        study = read(path_of(store, task, model, tier))
        if study is not None:
            tuned[task, model] = _tuned(registry, study)
    if not tuned:
        raise InputError(
            f"{store} holds no {tier} search of these tasks and models: run `symbench tune` first"
        )
    return tuned


def _tuned(registry: Registry, study: Study) -> Tuned:
    spec = study.spec
    named = f"the search of {spec.model} on {spec.task}"
    if not study.finished:
        done = f"{len(study.attempts)} of {study.budget} attempts"
        raise InputError(f"{named} has made {done}: let `symbench tune` finish it")
    if _now(registry, spec) != (
        spec.task_version, spec.task_fingerprint, spec.task_source_sha256,
        spec.model_version, spec.model_source_sha256,
    ):  # fmt: skip
        raise InputError(f"{named} is out of date, task or model has changed: tune with --fresh")
    if (best := study.best) is None:
        raise InputError(f"no attempt of {named} succeeded: `symbench tune` shows why")
    budget = {
        "trials": len(study.attempts), "seeds": len(spec.seeds), "n_train": spec.n_train,
        "sampler_seed": spec.sampler_seed,
    }  # fmt: skip
    return Tuned(best.config, budget)


def _now(registry: Registry, spec: SearchSpec) -> tuple[str, ...]:
    """Return versions and hashes of what a search was made with, as they are now."""
    task = registry.task(spec.task).for_tier(spec.tier)
    model = registry.model(spec.model).for_tier(spec.tier)
    return (
        task.version, fingerprint(task), source_sha256(task),
        model.version, model_sha256(registry, model),
    )  # fmt: skip
