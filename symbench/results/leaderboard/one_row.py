"""One record -> its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symbench.records.record import Record
from symbench.results import statistics
from symbench.results.leaderboard import estimates
from symbench.results.leaderboard.greying import announces_built_in
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import Estimate, Flag, Rank, Row, known

# Above chance, where the record states no limit of its own: a fair coin tossed 500 times exceeds
# 0.02 by less than three standard deviations.
_TOLD_APART = 0.02 + 3 * 0.5 / 500**0.5


@dataclass(frozen=True)
class Compared:
    """What the other models of the task add to a row; empty for a row that is not compared.

    ``gain`` and ``ratios`` are relative to the baseline. ``poor_rollout`` says that other models
    predict much better trajectories.
    """

    gain: Estimate | None = None
    ratios: Sequence[statistics.Ratio] = ()
    rank: statistics.Rank | None = None
    poor_rollout: bool = False


def row(
    summary: RecordSummary,
    compared: Compared,
    *,
    status: str | None = None,
    reason: str | None = None,
) -> Row:
    """Return the row of one record.

    Args:
        summary: the record, summarised.
        compared: what follows from the other records of the task.
        status: replaces that of the record, as does ``reason``.
        reason: why the row is not compared with the others, if it is not.
    """
    record = summary.record
    failure = None if record.error is None else record.error.message
    scores = estimates.scores(summary, compared.poor_rollout)
    flags = _flags(summary, scores)
    if "extrapolates" in flags:  # the share is defined only where the inputs' law is invariant
        scores.pop("symmetric_share", None)
    ratio = estimates.ratio_estimate(statistics.headline(compared.ratios))
    return Row(
        task=record.identity.task,
        model=record.identity.model,
        prior=summary.prior,
        status=status or record.status,
        reason=reason or failure,
        params=summary.params,
        machine=_machine(record),
        threshold=summary.setting("threshold"),
        diverged=summary.diverged,
        scores=scores | known(data_gain=compared.gain, data_ratio=ratio),
        cost=estimates.costs(summary),
        curve=estimates.curve(summary, compared.ratios),
        rank=None if (rank := compared.rank) is None else Rank(low=rank.low, high=rank.high),
        group=None if rank is None else rank.group,
        **known(
            headline=summary.headline,
            threshold_note=summary.threshold_note,
            tuning=summary.tuning or None,
            flags=flags or None,
            separate_validation=summary.separate_validation,
            absent=summary.absent or None,
            learned=summary.has_learned or None,
        ),
    )


def _flags(summary: RecordSummary, scores: Mapping[str, Estimate]) -> list[Flag]:
    """Return what a reader must know before the scores are compared."""
    equivariance = scores.get("equivariance_error")
    unconnected = scores.get("announced_unconnected")
    holds: dict[Flag, bool] = {
        "experiment": summary.is_experiment,
        "over budget": summary.is_over_budget,
        "not converged": summary.is_unconverged,
        "separate validation": bool(summary.separate_validation),
        "built in": summary.is_built_in or announces_built_in(scores),
        "extrapolates": equivariance is not None and _is_told_apart(equivariance),
        "unconnected": unconnected is not None and unconnected.value > 0,
    }
    return [flag for flag, holding in holds.items() if holding]


def _is_told_apart(equivariance: Estimate) -> bool:
    """Whether inputs are told from moved inputs more often than by chance."""
    limit = _TOLD_APART if equivariance.inputs_limit is None else equivariance.inputs_limit
    return (equivariance.inputs or 0.0) > limit


def _machine(record: Record) -> str | None:
    """Return where the costs were measured: timings compare only where this is equal."""
    made = record.provenance
    parts = [part for part in (made.machine, made.device) if part is not None]
    if made.concurrent is not None and made.concurrent > 1:
        parts.append(f"up to {made.concurrent} cells at a time")
    return ", ".join(parts) or None
