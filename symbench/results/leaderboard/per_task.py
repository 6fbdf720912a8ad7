"""The leaderboard of each task: one row per model, with data gains and ranks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from symbench.records.record import FINISHED, Record
from symbench.results import statistics
from symbench.results.fidelity import Judge, judge
from symbench.results.leaderboard.beside import AGAIN, Beside, beside, marked
from symbench.results.leaderboard.equal_size import ParameterWindow, at_equal_size
from symbench.results.leaderboard.greying import poor_rollouts
from symbench.results.leaderboard.one_row import Compared, row
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import Coverage, Estimate, Leaderboard, Row, known
from symbench.results.leaderboard.selection import by_task, experiments, newest

RANKED_SEEDS = 5  # models with fewer seeds are shown but never ranked
_BOUNDS = {"≥": "above", "≤": "below"}  # a lower bound: the truth is above it
_OTHER_TERMS = "not compared: its data, sizes or budget differ from those of the other models"
_EXPERIMENT = "not ranked: an experiment with {}"
_NOT_CONVERGED = "not ranked: twice the updates lower its error more than 1.5 times"
_OVER_BUDGET = "not ranked: it took more updates or forward passes than the budget allows"
_STALE = "the task, the model or the protocol has changed since; run it again"


def make(  # noqa: PLR0913 - public arguments
    records: Iterable[Record],
    tier: str,
    stale: Callable[[Record], bool] = lambda _: False,
    planned: int | None = None,
    window: ParameterWindow | None = None,
    published: Iterable[Record] = (),
    *,
    judge: Judge = judge,
) -> Leaderboard:
    """Return the rows of one tier.

    Args:
        records: of any tier, from any number of stores.
        stale: whether the task, model, protocol or metrics of a record have changed.
        planned: the number of cells in the plan; without it, the number of cells with a record.
        window: compare only models of these sizes; ``equal_size`` names the others.
        published: records of publications. Those of the same tasks, data, sizes and budget get
            rows with the flag ``published``; they are not counted in the coverage.
        judge: whether a cell had enough updates; by default the shipped measurements say so.
    """
    current, outdated = newest(records, tier, stale)
    equal_size = None
    if window is not None:
        current, equal_size = at_equal_size(by_task(current).values(), window)
    current += experiments(records, tier, stale)
    others = beside(current, published)
    own: list[Row] = []
    foreign: list[Row] = []
    for task, of_task in by_task(current).items():
        ours, theirs = _beside_published(of_task, others.get(task, Beside()), judge)
        own += ours
        foreign += theirs
    own += [_stale_row(RecordSummary(record, judge)) for record in outdated]
    coverage = _coverage(own, planned)
    rows = sorted([*own, *foreign], key=_order)
    return Leaderboard(tier=tier, coverage=coverage, rows=rows, **known(equal_size=equal_size))


def _beside_published(
    own: Sequence[Record], near: Beside, judge: Judge
) -> tuple[list[Row], list[Row]]:
    """Return the own rows of one task, and the published ones with their flags."""
    rows = _task_rows([RecordSummary(record, judge) for record in [*own, *near.ranked]])
    rows += [row(RecordSummary(one, judge), Compared(), reason=AGAIN) for one in near.again]
    published = zip(rows[len(own) :], [*near.ranked, *near.again], strict=True)
    return rows[: len(own)], [marked(one, record, own) for one, record in published]


def _coverage(rows: Sequence[Row], planned: int | None) -> Coverage:
    finished = sum(row.status in FINISHED for row in rows)
    stale = sum(row.status == "stale" for row in rows)
    return Coverage(
        planned=len(rows) if planned is None else planned,
        finished=finished,
        failed=len(rows) - finished - stale,
        stale=stale,
    )


def _order(row: Row) -> tuple[str, float, str]:
    score = row.scores.get(row.headline or "error")
    if score is None or row.status == "stale":
        return row.task, math.inf, row.model
    return row.task, -score.value if row.headline else score.value, row.model


def _stale_row(summary: RecordSummary) -> Row:
    return row(summary, Compared(), status="stale", reason=_STALE)


def _task_rows(summaries: Sequence[RecordSummary]) -> list[Row]:
    """Return the rows of one task: each record is compared with the others.

    Only records of the most frequent terms (data, sizes, budget) are compared.
    """
    trained = [s for s in summaries if (s.trials or s.errors) and s.sizes]
    within = [s for s in trained if not (s.is_experiment or s.is_over_budget or s.is_unconverged)]
    terms = Counter(s.terms for s in within).most_common(1)
    comparable = [s for s in within if s.terms == terms[0][0]]
    inside = {s.record.key for s in comparable}
    outside = {s.record.key: _why_not(s) for s in trained if s.record.key not in inside}
    gains, ranks, ratios = _gains(comparable), _ranks(comparable), _ratios(comparable)
    poor = poor_rollouts(summaries, comparable)
    return [
        row(
            summary,
            Compared(gains.get(key), ratios.get(key, ()), ranks.get(key), key in poor),
            reason=outside.get(key),
        )
        for summary in summaries
        for key in [summary.record.key]
    ]


def _why_not(summary: RecordSummary) -> str:
    if summary.is_experiment:
        changed = summary.record.identity.protocol["experiment"]
        parts = changed.items() if isinstance(changed, dict) else [("settings", changed)]
        return _EXPERIMENT.format(", ".join(f"{name} {value}" for name, value in parts))
    if summary.is_over_budget:
        return _OVER_BUDGET
    return _NOT_CONVERGED if summary.is_unconverged else _OTHER_TERMS


def _ratios(summaries: Sequence[RecordSummary]) -> dict[str, list[statistics.Ratio]]:
    """Return each model's data ratios to the baseline of the task, by the key of its record.

    The baseline itself, which needs as many examples as it has, has none. A ladder of one size
    would give bounds that only say which error is smaller.
    """
    baseline = next((s for s in summaries if s.is_baseline and s.curves), None)
    if baseline is None or len(baseline.sizes) < 2:
        return {}
    curve = statistics.BaselineCurve(
        baseline.sizes, list(zip(*baseline.curves, strict=True)), baseline.smallest_error
    )
    return {
        s.record.key: curve.ratios(list(zip(*s.curves, strict=True)))
        for s in summaries
        if s.curves and not s.is_baseline
    }


def _gains(summaries: Sequence[RecordSummary]) -> dict[str, Estimate]:
    """Return each model's data gain over the task's baseline, by the key of its record.

    A model without a learning curve has none; nor has any model if the baseline lacks one.
    """
    crossings = {summary.record.key: summary.crossing for summary in summaries}
    baselines = [crossings[summary.record.key] for summary in summaries if summary.is_baseline]
    if not baselines or (baseline := baselines[0]) is None:
        return {}
    gains = {}
    for key, crossing in crossings.items():
        gain = None if crossing is None else statistics.data_gain(baseline, crossing)
        if crossing is not None and gain is not None:
            n, bound = min(baseline.n, crossing.n), _BOUNDS.get(gain.bound or "")
            gains[key] = Estimate(
                value=gain.value, low=None, high=None, n=n, **known(censored=bound)
            )
    return gains


def _ranks(summaries: Sequence[RecordSummary]) -> dict[str, statistics.Rank]:
    """Rank the models with enough seeds by their errors at the largest n_train, by record key."""
    errors = {s.record.key: s.values("error", s.sizes[-1]) for s in summaries}
    enough = {key: values for key, values in errors.items() if len(values) >= RANKED_SEEDS}
    return statistics.rank(enough, summaries[0].smallest_error) if enough else {}
