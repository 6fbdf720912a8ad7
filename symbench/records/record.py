"""Everything known of a cell, as one JSON document (schema 1)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Status = Literal["ok", "failed", "timeout", "oom", "crashed", "diverged", "declined", "interrupted"]
FINISHED: frozenset[str] = frozenset({"ok", "declined"})


class _Document(BaseModel):
    model_config = ConfigDict(
        extra="allow",
        protected_namespaces=(),
        ser_json_inf_nan="constants",  # json.dumps then refuses them; pydantic would write null
    )


class Identity(_Document):
    """What a cell is: equal identities are the same experiment; its hash is the cell's key."""

    model_config = ConfigDict(frozen=True)  # or a key that is known would be another's

    task: str
    task_version: str
    task_fingerprint: str
    model: str
    model_version: str
    model_source_sha256: str
    config: dict[str, Any]
    tier: str
    sizes: list[int]
    seeds: list[int]
    protocol: dict[str, Any]

    @cached_property  # every sort, merge and check asks for it
    def key(self) -> str:
        """First 16 hex digits of the SHA-256 of the identity's canonical JSON."""
        canonical = json.dumps(
            self.model_dump(), sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields changed; its key is its own."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("key", None)
        return copied


class Failure(_Document):
    """Why a cell has no scores."""

    type: str
    message: str
    traceback: str = ""


class TrialRecord(_Document):
    """One training: its scores by name, and its cost."""

    n_train: int
    seed: int
    status: Status
    scores: dict[str, FiniteFloat] = Field(default_factory=dict)
    cost: dict[str, FiniteFloat] = Field(default_factory=dict)


class Record(_Document):
    """One cell from start to finish.

    ``tensors`` (learned generators) are no part of the document; the store writes them beside it.
    """

    schema_: Literal[1] = Field(default=1, alias="schema")
    identity: Identity
    status: Status
    error: Failure | None = None
    trials: list[TrialRecord] = Field(default_factory=list)
    provenance: dict[str, Any] = Field(default_factory=dict)
    tensors: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)

    model_config = ConfigDict(populate_by_name=True)

    @property
    def key(self) -> str:
        """The key under which the record is stored."""
        return self.identity.key

    def to_json(self) -> str:
        """Return the document; NaN and infinities are refused."""
        document = self.model_dump(mode="json", by_alias=True)
        return json.dumps(document, indent=1, allow_nan=False, sort_keys=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Read a document.

        Raises:
            ValueError: not JSON, not schema 1, or a number that is not finite.
        """
        return cls.model_validate(json.loads(text, parse_constant=_refuse, parse_float=_finite))


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a number that a record may hold")
