"""Published records that are shown beside those of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symbench.records.record import Record
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import Flag, Row
from symbench.results.leaderboard.selection import is_experiment, pair_of

AGAIN = "not ranked: published; the same model was run here, too"


@dataclass(frozen=True)
class Beside:
    """The published records of one task that can stand beside those of a run.

    Attributes:
        ranked: those of other models, compared with the models of the run.
        again: those of models of the run, shown without a rank.
    """

    ranked: Sequence[Record] = ()
    again: Sequence[Record] = ()


def beside(own: Iterable[Record], published: Iterable[Record]) -> dict[str, Beside]:
    """Return, by task, the published records with the data, sizes and budget of the own ones.

    Args:
        own: the current records of a run, of one tier.
        published: records of publications, of any tier.
    """
    trained = [record for record in own if record.trials and not is_experiment(record)]
    pairs = {pair_of(record) for record in trained}
    terms = {(r.identity.task, r.identity.tier, RecordSummary(r).terms) for r in trained}
    found: dict[str, tuple[dict[str, Record], dict[str, Record]]] = {}
    for record in published:
        identity = record.identity
        if not record.trials or is_experiment(record):
            continue
        if (identity.task, identity.tier, RecordSummary(record).terms) in terms:
            ranked, again = found.setdefault(identity.task, ({}, {}))
            (again if pair_of(record) in pairs else ranked)[identity.model] = record
    return {
        task: Beside(list(ranked.values()), list(again.values()))
        for task, (ranked, again) in found.items()
    }


def marked(row: Row, record: Record, own: Iterable[Record]) -> Row:
    """Return a published row with its flags.

    Times of another machine class are not compared.

    Args:
        row: that of the published record.
        record: the published record.
        own: the records of the run.
    """
    flags: list[Flag] = [*row.flags, "published"]
    if _machine(record) not in {_machine(one) for one in own}:
        flags.append("other machine")
    return row.model_copy(update={"flags": flags})


def _machine(record: Record) -> tuple[str | None, str | None]:
    return record.provenance.machine, record.provenance.device
