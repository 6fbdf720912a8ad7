"""The submission file, schema 1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from symbench.contract import Tier
from symbench.records.record import Identity, Record
from symbench.results.leaderboard import Leaderboard

FILE_NAME = "submission.json"
# What was read from JSON, or made by pydantic, holds no circle.
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
)
_SPACED = json.JSONEncoder(allow_nan=False, check_circular=False)


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())


class Absent(_Part):
    """A pair of the plan's tasks and models that the submitter has no record of, and why."""

    task: str
    model: str
    reason: Literal["not run", "outdated"]


class Provenance(_Part):
    """Every value that occurs in the records: one where all were made alike.

    ``seconds`` is the sum over the cells of their wall time, ``started`` the first and the last
    cell's start (UTC).
    """

    symbench: list[str]
    git: list[str]
    python: list[str]
    torch: list[str]
    machine: list[str]
    device: list[str]
    plugins: dict[str, list[str]]
    started: list[str]
    seconds: float


class Hashes(_Part):
    """SHA-256 in hex: of each record's canonical JSON by its key, and of the whole document.

    ``whole`` is that of the document in which it stands as an empty string.
    """

    records: dict[str, str]
    whole: str


class Submission(_Part):
    """The plan, what became of every cell in it, and the tables that follow.

    ``raw`` is the document as it was read: what hashes are made of, unknown fields included.
    """

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["symbench-submission"]
    tier: Tier
    plan: list[Identity]
    absent: list[Absent]
    records: list[Record]
    provenance: Provenance
    leaderboard: Leaderboard
    hashes: Hashes
    _raw: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Submission:
        """Return the submission that a JSON document holds.

        Raises:
            ValueError: the document is not of the schema; no value is converted to fit.
        """
        found = cls.model_validate(document, strict=True)
        found._raw = dict(document)
        return found

    @property
    def raw(self) -> dict[str, Any]:
        """Return the document as it was read."""
        return self._raw

    def to_json(self) -> str:
        """Return the document as text, one record a line."""
        parts = [f"{json.dumps(name)}: {_lines(value)}" for name, value in self._raw.items()]
        return "{\n" + ",\n".join(parts) + "\n}\n"


def canonical(value: Any) -> str:
    """Return the value's canonical JSON: sorted keys, no spaces, ASCII."""
    return _CANONICAL.encode(value)


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a text in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256(value: Any) -> str:
    """Return the SHA-256 of the value's canonical JSON."""
    return text_sha256(canonical(value))


def whole_sha256(document: Mapping[str, Any], records: Sequence[str] | None = None) -> str:
    """Return the SHA-256 of a submission's document, its own place left empty.

    Args:
        document: the submission.
        records: the canonical JSON of each of its records, where that is known already.
    """
    blank = {**document, "hashes": {**document["hashes"], "whole": ""}}
    if records is None:
        return sha256(blank)
    texts = {name: canonical(value) for name, value in blank.items() if name != "records"}
    texts["records"] = f"[{','.join(records)}]"
    parts = (f"{canonical(name)}:{texts[name]}" for name in sorted(texts))
    return text_sha256("{" + ",".join(parts) + "}")


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the submission file."""
    schema = Submission.model_json_schema()
    schema["$defs"]["Record"]["properties"].pop("tensors")  # never part of a document
    return schema


def _lines(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _SPACED.encode(value)
    return "[\n" + ",\n".join(map(_SPACED.encode, value)) + "\n]"
