"""Parts of a submission's document, and the document after a forgery whose hashes fit again."""

from __future__ import annotations

import json
from typing import Any

from symbench.publish.submission import Submission, parse
from symbench.publish.submission.contradictions import find
from symbench.records.record import Record
from symbench.results import leaderboard
from symbench.results.published.document import sha256, whole_sha256


def cell(document: dict[str, Any], model: str) -> dict[str, Any]:
    """Return the only record of a model."""
    (found,) = [one for one in document["records"] if one["identity"]["model"] == model]
    return found


def rehashed(document: dict[str, Any]) -> dict[str, Any]:
    """Adapt plan, tables and hashes to the records, as a forger does who knows the format."""
    records = [Record.model_validate(one) for one in document["records"]]
    document["plan"] = [one["identity"] for one in document["records"]]
    table = leaderboard.make(records, document["tier"], planned=len(records))
    document["leaderboard"] = table.document()
    hashes = {r.key: sha256(one) for r, one in zip(records, document["records"], strict=True)}
    document["hashes"] = {"records": hashes, "whole": ""}
    document["hashes"]["whole"] = whole_sha256(document)
    return document


def read(document: dict[str, Any]) -> Submission:
    """Write the document and parse it."""
    return parse(json.dumps(document).encode())


def found(document: dict[str, Any]) -> str:
    """Return the contradictions of the document, in one line."""
    return "; ".join(find(read(document)))
