"""Records -> the findings of a board: its claims that the records support, with their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from symbench.contract.board import Board, Finding
from symbench.records.record import Record
from symbench.results import statistics
from symbench.results.leaderboard.per_task import RANKED_SEEDS
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.selection import newest, pair_of
from symbench.results.statistics import FLOOR, Interval, Panel


@dataclass(frozen=True)
class Supported:
    """A claim that records support.

    Attributes:
        finding: the claim.
        ratio: larger ÷ smaller, the geometric mean over tasks and paired seeds.
        seeds: the smallest number of paired seeds on a task.
        at_least: whether the true ratio may exceed the value, because a score was clipped at 1e-12.
    """

    finding: Finding
    ratio: Interval
    seeds: int
    at_least: bool


def supported(
    board: Board,
    records: Sequence[Record],
    tier: str,
    stale: Callable[[Record], bool] = lambda _: False,
) -> list[Supported]:
    """Return the claims of a board whose ratio exceeds 1 with its whole 95 % interval.

    A claim is left out if one of its models lacks a task, has fewer than five of its seeds, or is
    known not to have converged.

    Args:
        board: the claims.
        records: of any tier, from any number of stores.
        tier: whose records count.
        stale: whether the task, model, protocol or metrics of a record have changed.
    """
    current = {pair_of(record): RecordSummary(record) for record in newest(records, tier, stale)[0]}
    found = (_tested(finding, current) for finding in board.findings)
    return [one for one in found if one is not None]


def _tested(finding: Finding, current: dict[tuple[str, str], RecordSummary]) -> Supported | None:
    pairs = list(_pairs(finding, current))
    if len(pairs) < len(finding.tasks):
        return None
    smaller, larger = ([pair[place] for pair in pairs] for place in (0, 1))
    ratio = statistics.mean_ratio(Panel.of({"smaller": smaller, "larger": larger}))
    if ratio.low is None or ratio.low <= 1:
        return None
    clipped = any(value <= FLOOR for task in smaller for value in task)
    return Supported(finding, ratio, min(map(len, smaller)), clipped)


def _pairs(
    finding: Finding, current: dict[tuple[str, str], RecordSummary]
) -> Iterator[tuple[list[float], list[float]]]:
    """Yield the scores of both models by paired seed, of each task that has enough of them."""
    for task in finding.tasks:
        both = [current.get((task, model)) for model in (finding.smaller, finding.larger)]
        if both[0] is None or both[1] is None or both[0].terms != both[1].terms:
            continue
        if both[0].is_unconverged or both[1].is_unconverged:
            continue
        first, second = (_by_seed(one, finding.score) for one in (both[0], both[1]))
        seeds = sorted(set(first) & set(second))
        if len(seeds) >= RANKED_SEEDS:
            yield [first[seed] for seed in seeds], [second[seed] for seed in seeds]


def _by_seed(summary: RecordSummary, score: str) -> dict[int, float]:
    """Return a score at the largest n_train by seed; a diverged trial has the error of chance."""
    largest = max(summary.record.identity.sizes, default=0)
    if score == "error":
        floor = summary.smallest_error
        errors = summary.errors.items()
        return {seed: max(error, floor) for (size, seed), error in errors if size == largest}
    trials = [trial for trial in summary.trials if trial.n_train == largest]
    return {trial.seed: trial.scores[score] for trial in trials if score in trial.scores}
