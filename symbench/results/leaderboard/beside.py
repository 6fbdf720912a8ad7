"""Published records that are shown beside those of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symbench.records.record import Record
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import Flag, Row
from symbench.results.leaderboard.selection import is_experiment, pair_of

_NONE = "no published row stands beside these"
_MOST, _LONGEST = 5, 60  # tasks that a message names, characters of a value
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


def why_none(own: Iterable[Record], published: Iterable[Record]) -> str:
    """Return why no published record stands beside those of a run, and what to do about it.

    Args:
        own: the current records of a run, of one tier.
        published: records of publications, of which none has the terms of the own ones.
    """
    trained = [record for record in own if record.trials and not is_experiment(record)]
    if not trained:
        return f"{_NONE}: the run has no trained cell that rows can be compared with"
    tasks = {record.identity.task for record in trained}
    theirs = [one for one in published if one.identity.task in tasks and one.trials]
    if not theirs:
        names = ", ".join(sorted(tasks)[:_MOST])
        return f"{_NONE}: the publication has no results of {names}; -t chooses tasks"
    pairs = [
        (mine, other)
        for mine in trained
        for other in theirs
        if mine.identity.task == other.identity.task
    ]
    mine, other = min(pairs, key=lambda pair: len(_differences(*pair)))
    differ = _differences(mine, other)
    said = "; ".join(f"{what} {ours} here, {published} there" for what, ours, published in differ)
    return f"{_NONE}: {mine.identity.task} has {said or 'another origin'}. {_way_out(differ)}"


def _differences(mine: Record, other: Record) -> list[tuple[str, str, str]]:
    """Return what two records of a task must share and do not: its name, ours and theirs."""
    ours, theirs = (_stated(record) for record in (mine, other))
    return [(what, ours[what], theirs[what]) for what in ours if ours[what] != theirs[what]]


def _stated(record: Record) -> dict[str, str]:
    identity, protocol = record.identity, record.identity.protocol
    return {
        "protocol": _short(protocol.get("version")),
        "tier": identity.tier,
        "task version": identity.task_version,
        "data": identity.task_fingerprint,
        "sizes": _short(RecordSummary(record).sizes),
        **{
            name.replace("_", " "): _short(protocol.get(name))
            for name in ("updates", "test_size", "threshold", "baseline")
        },
    }


def _short(value: object) -> str:
    return "none" if value is None else str(value)[:_LONGEST]


def _way_out(differ: Sequence[tuple[str, str, str]]) -> str:
    names = {what for what, *_ in differ}
    if "protocol" in names:
        return (
            "Results of another protocol were trained and scored in another way: run the models "
            "here, too (-m), and read the publication by `symbench leaderboard --store`"
        )
    if names & {"task version", "data"}:
        return "The data of the task are others: run the models here, too (-m)"
    return "Choose the same by --tier, --sizes and --updates"


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
