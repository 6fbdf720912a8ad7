"""A search on disk: one JSON document a (task, model, tier), in the store beside the records."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from symbench.errors import InputError, StoreError
from symbench.files import parse_json, write_atomic
from symbench.tuning.space import Space

_LARGEST = 10_000_000  # bytes


class _Document(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=(), populate_by_name=True)


class Plan(_Document):
    """What a search is: equal plans try the same configurations in the same order.

    ``base`` is the configuration of the tier, which is tried first. ``seeds`` are those of the
    trainings, ``sampler_seed`` that of Optuna's TPE sampler.
    """

    task: str
    task_version: str
    task_fingerprint: str
    model: str
    model_version: str
    model_source_sha256: str
    tier: str
    n_train: int
    seeds: list[int]
    updates: int
    sampler: str
    sampler_seed: int
    base: dict[str, Any]
    space: Space

    @property
    def key(self) -> str:
        """Sixteen hex digits of what the document is about, which name its file."""
        return _key(self.task, self.model, self.tier)


class Attempt(_Document):
    """One configuration that was tried: ``loss`` is the mean over seeds of the ``losses``.

    ``config`` holds the fields that were searched; the others are those of the plan's ``base``.
    """

    config: dict[str, Any]
    status: Literal["ok", "diverged", "declined", "failed"]
    loss: FiniteFloat | None = None
    losses: list[FiniteFloat] = Field(default_factory=list)
    seconds: FiniteFloat = 0.0
    reason: str | None = None


class Study(_Document):
    """A search: its plan, the trials it may take (``budget``), and those it has taken."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    plan: Plan
    budget: int
    trials: list[Attempt] = Field(default_factory=list)
    provenance: dict[str, Any] = Field(default_factory=dict)

    @property
    def best(self) -> Attempt | None:
        """The trial of least loss, the first of equal ones; None if none came to an end."""
        tried = [trial for trial in self.trials if trial.status == "ok" and trial.loss is not None]
        return min(tried, key=lambda trial: trial.loss or 0.0, default=None)

    @property
    def finished(self) -> bool:
        """Whether the budget is spent."""
        return len(self.trials) >= self.budget

    def write(self, store: Path) -> Path:
        """Write the document whole or not at all, in place of an earlier one.

        Raises:
            StoreError: the directory cannot be written.
        """
        path = store / "tuning" / f"{self.plan.key}.json"
        text = json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, allow_nan=False)
        try:
            return write_atomic(path, f"{text}\n".encode(), durable=True)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def path_of(store: Path, task: str, model: str, tier: str) -> Path:
    """Return where the search of a pair stands; no path is made from a name."""
    return store / "tuning" / f"{_key(task, model, tier)}.json"


def read(path: Path) -> Study | None:
    """Return the search, or None where there is none.

    Raises:
        InputError: the file cannot be used; the message says how to be rid of it.
    """
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"larger than {_LARGEST} bytes")
        study = Study.model_validate(parse_json(path.read_text(encoding="utf-8")))
        if study.plan.key != path.stem:
            raise ValueError("it is about another task, model or tier than its name says")
    except (OSError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be used ({why}): tune again with --fresh") from error
    return study


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
