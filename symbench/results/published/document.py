"""The submission file, schema 1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import FailFast, Field, PrivateAttr

from symbench.contract import Tier
from symbench.records.record import Identity, Record
from symbench.results.leaderboard import Leaderboard
from symbench.results.leaderboard.rows import Part
from symbench.results.report.csv_json import line_by_line

FILE_NAME = "submission.json"
COMPRESSED = f"{FILE_NAME}.gz"
PROVENANCE = ("symbench", "git", "python", "torch", "machine", "device")  # of every record


class Absent(Part):
    """A pair of the tasks and models of the plan without a current record, and why."""

    task: str
    model: str
    reason: Literal["not run", "outdated"]


class Provenance(Part):
    """The distinct values in the records: a single one where all records were made alike.

    ``seconds`` is the sum of the wall times of the cells; ``started`` are the start times (UTC) of
    the first and the last cell.
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


class Hashes(Part):
    """SHA-256 in hex: of the canonical JSON of each record by its key, and of the document.

    ``whole`` is the hash of the document in which ``whole`` is an empty string.
    """

    records: dict[str, str]
    whole: str


class Submission(Part):
    """The plan, the record of every cell in it, and the tables made of the records.

    ``raw`` is the document as it was read, unknown fields included. The hashes are made of it.
    """

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["symbench-submission"]
    tier: Tier
    plan: Annotated[list[Identity], FailFast()]
    absent: Annotated[list[Absent], FailFast()]
    records: Annotated[list[Record], FailFast()]
    provenance: Provenance
    leaderboard: Leaderboard
    hashes: Hashes
    _raw: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Submission:
        """Return the submission that a JSON document holds.

        Raises:
            ValueError: the document does not fit the schema; no value is converted.
        """
        submission = cls.model_validate(document, strict=True)
        submission._raw = dict(document)
        return submission

    @property
    def raw(self) -> dict[str, Any]:
        """Return the document as it was read."""
        return self._raw

    def to_json(self) -> str:
        """Return the document as text, one record per line."""
        return line_by_line(self._raw)


def canonical(value: Any) -> str:
    """Return the value's canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a text in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256(value: Any) -> str:
    """Return the SHA-256 of the value's canonical JSON."""
    return text_sha256(canonical(value))


def whole_sha256(document: Mapping[str, Any], records: Sequence[str] | None = None) -> str:
    """Return the SHA-256 of the document of a submission, with an empty ``hashes.whole``.

    Args:
        document: the submission.
        records: the canonical JSON of each of its records, if that is known already.
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
