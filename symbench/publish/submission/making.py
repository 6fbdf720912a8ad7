"""Stored records -> a submission."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from symbench.errors import InputError
from symbench.publish.submission import contradictions
from symbench.records.record import Record
from symbench.records.store import started
from symbench.results import leaderboard
from symbench.results.leaderboard.selection import Pair, newest, pair_of
from symbench.results.published.document import (
    PROVENANCE,
    Submission,
    canonical,
    text_sha256,
    whole_sha256,
)

_ETERNITY = 1e12  # seconds: no cell takes as long, and the sum stays finite


def make(
    records: Iterable[Record], tier: str, stale: Callable[[Record], bool] = lambda _: False
) -> Submission:
    """Return the submission of one tier: the newest current record of each (task, model).

    Records of failed and declined cells are included, tracebacks are not. ``absent`` names the
    pairs of its tasks and models without a current record.

    Args:
        records: of any tier, from any number of stores.
        tier: the tier to publish.
        stale: whether the task, model, protocol or metrics of a record have changed.

    Raises:
        InputError: there is no current record of the tier, or the records contradict one another.
    """
    current, outdated = newest(records, tier, stale)
    if not current:
        raise InputError(f"nothing to publish: the store has no current {tier} record")
    published = sorted(current, key=pair_of)
    made = Submission.of(_document(published, tier, {pair_of(record) for record in outdated}))
    if wrong := contradictions.find(made, made_here=True):
        raise InputError(f"these records cannot be published: {wrong[0]}")
    return made


def _document(records: Sequence[Record], tier: str, outdated: set[Pair]) -> dict[str, Any]:
    pairs = {pair_of(record) for record in records}
    tasks, models = ({pair[place] for pair in pairs | outdated} for place in (0, 1))
    missing = sorted({(task, model) for task in tasks for model in models} - pairs)
    documents = [_published(record) for record in records]
    texts = [canonical(one) for one in documents]
    document: dict[str, Any] = {
        "schema": 1,
        "kind": "symbench-submission",
        "tier": tier,
        "provenance": _provenance(records),
        "leaderboard": leaderboard.make(records, tier, planned=len(records)).document(),
        "absent": [
            {"task": pair[0], "model": pair[1],
             "reason": "outdated" if pair in outdated else "not run"}
            for pair in missing
        ],
        "plan": [record["identity"] for record in documents],
        "records": documents,
        "hashes": {
            "records": {
                record.key: text_sha256(text) for record, text in zip(records, texts, strict=True)
            },
            "whole": "",
        },
    }  # fmt: skip
    document["hashes"]["whole"] = whole_sha256(document, texts)
    return document


def _published(record: Record) -> dict[str, Any]:
    """Return the document of a record without what stays on the machine: traceback, networks."""
    document = record.model_dump(mode="json", by_alias=True)
    if document["error"] is not None:
        document["error"].pop("traceback")  # it describes a machine and no result
    document["provenance"].pop("networks", None)
    return document


def _provenance(records: Sequence[Record]) -> dict[str, Any]:
    provenances = [record.provenance for record in records]
    plugins: dict[str, set[str]] = {}
    for provenance in provenances:
        if isinstance(name := provenance.get("plugin"), str):
            plugins.setdefault(name, set()).add(str(provenance.get("plugin_version", "")))
    starts = sorted(start for record in records if (start := started(record)))
    seconds = [s for one in provenances if (s := one.seconds) is not None and 0 <= s < _ETERNITY]
    return {
        **{name: sorted({str(one[name]) for one in provenances if one.get(name) is not None})
           for name in PROVENANCE},
        "plugins": {name: sorted(versions) for name, versions in sorted(plugins.items())},
        "started": [starts[0], starts[-1]] if starts else [],
        "seconds": float(sum(seconds)),
    }  # fmt: skip
