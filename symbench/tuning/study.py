"""A search on disk: one JSON document per (task, model, tier), in the same store as the records."""

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


class SearchSpec(_Document):
    """What a search is: equal specifications try the same configurations in the same order.

    ``base`` is the model's configuration for the tier, which is tried first. ``seeds`` are those of
    the trainings, ``sampler_seed`` is that of Optuna's TPE sampler.
    """

    task: str
    task_version: str
    task_fingerprint: str
    task_source_sha256: str = ""  # of searches by earlier releases
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
        """Name of the file: 16 hex digits, a hash of task, model and tier."""
        return _key(self.task, self.model, self.tier)


class Attempt(_Document):
    """One configuration that was tried; ``loss`` is the mean of the ``losses``, one per seed.

    ``config`` has the fields that are searched; the others are as in the specification's ``base``.
    """

    config: dict[str, Any]
    status: Literal["ok", "diverged", "declined", "failed"]
    loss: FiniteFloat | None = None
    losses: list[FiniteFloat] = Field(default_factory=list)
    seconds: FiniteFloat = 0.0
    reason: str | None = None


class Study(_Document):
    """A search: its specification, its attempts so far, and how many it may make (``budget``).

    In the JSON document the specification is called ``plan`` and the attempts ``trials``.
    """

    schema_: Literal[1] = Field(default=1, alias="schema")
    spec: SearchSpec = Field(validation_alias="plan", serialization_alias="plan")
    budget: int
    attempts: list[Attempt] = Field(
        default_factory=list, validation_alias="trials", serialization_alias="trials"
    )
    provenance: dict[str, Any] = Field(default_factory=dict)

    @property
    def best(self) -> Attempt | None:
        """The attempt with the least loss, the first if several have it; None if none succeeded."""
        ended = [one for one in self.attempts if one.status == "ok" and one.loss is not None]
        return min(ended, key=lambda attempt: attempt.loss or 0.0, default=None)

    @property
    def finished(self) -> bool:
        """Whether the budget is spent."""
        return len(self.attempts) >= self.budget

    def write(self, store: Path) -> Path:
        """Write the document atomically; it replaces an earlier one.

        Raises:
            StoreError: the directory cannot be written.
        """
        path = store / "tuning" / f"{self.spec.key}.json"
        text = json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, allow_nan=False)
        try:
            return write_atomic(path, f"{text}\n".encode(), durable=True)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def path_of(store: Path, task: str, model: str, tier: str) -> Path:
    """Return the file of a pair's search; its name is a hash, never made from the names."""
    return store / "tuning" / f"{_key(task, model, tier)}.json"


def read(path: Path) -> Study | None:
    """Return the search, or None where there is none.

    Raises:
        InputError: the file cannot be used; the message says what to do.
    """
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"larger than {_LARGEST} bytes")
        study = Study.model_validate(parse_json(path.read_text(encoding="utf-8")))
        if study.spec.key != path.stem:
            raise ValueError("it is about another task, model or tier than its name says")
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be used ({why}): tune again with --fresh") from error
    return study


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
