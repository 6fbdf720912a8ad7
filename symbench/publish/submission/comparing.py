"""Compare submitted trials with those of a re-run: to rounding, or within the spread of the seeds.

Trials of the same (n_train, seed) are compared, by their scores and without their costs.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from symbench.records.record import Record, TrialRecord
from symbench.results.leaderboard.record_summary import RecordSummary

EXACT = 1e-6
ALPHA = 0.01  # chance that an honest submission from another machine fails one of the two tests
_ROUNDING = 1e-12  # smaller scores are only rounding errors, on one machine
_ROUNDING_ELSEWHERE = 1e-6  # the same in single precision; errors have a floor of their own
_TIE = 0.01  # relative; smaller differences between trials count as equal
_SHARES = 64  # multiples of a share of at most this denominator may be equal by chance
_SHARE_ROUNDING = 1e-6
_SAME_CLASS = ("machine", "device", "torch", "threads", "tf32")

Key = tuple[int, int, str]


@dataclass(frozen=True)
class Pair:
    """One score of one trial, as submitted and as re-run here."""

    n_train: int
    seed: int
    score: str
    submitted: float
    here: float


def same_class(submitted: Record, here: Record) -> bool:
    """Whether both have the same machine class, device, torch version and threads.

    A record that does not state a field equals one in which it is false.
    """
    theirs, ours = submitted.provenance, here.provenance
    return all(
        (getattr(theirs, name) or False) == (getattr(ours, name) or False) for name in _SAME_CLASS
    )


def pairs(submitted: Record, here: Record) -> list[Pair]:
    """Return the scores that both records have, of the trials that succeeded in both.

    The number of operations is left out, because versions of torch count by different rules.
    """
    return [pair for pair in _all_pairs(submitted, here) if pair.score != "flops"]


def exact_differences(submitted: Record, here: Record) -> Iterator[str]:
    """Yield what differs by more than 1e-6 relative, or is in only one of the records."""
    theirs, ours = _measured(submitted), _measured(here)
    for key in sorted(theirs.keys() ^ ours.keys()):
        yield f"{_place(*key)}: only {'submitted' if key in theirs else 'found here'}"
    for pair in _all_pairs(submitted, here):
        if not math.isclose(pair.submitted, pair.here, rel_tol=EXACT, abs_tol=_ROUNDING):
            yield f"{_place(pair.n_train, pair.seed, pair.score)}: {_both_values(pair)}"


def missing(submitted: Record, here: Record) -> Iterator[str]:
    """Yield what only one of the records has of the trials that are ok in both.

    A trial may have another status only where each record has trials of both statuses, because
    rounding decides which of them diverge. The number of parameters must be equal.
    """
    theirs, ours = _by_place(submitted), _by_place(here)
    same_statuses = len({frozenset(t.status for t in one.values()) for one in (theirs, ours)}) == 1
    for place in sorted(theirs.keys() & ours.keys()):
        trial, again = theirs[place], ours[place]
        if trial.status == again.status:
            for name in sorted(_scores(trial).keys() ^ _scores(again).keys()):
                side = "submitted" if name in _scores(trial) else "found here"
                yield f"{_place(*place, name)}: only {side}"
        elif not same_statuses:
            yield f"{_place(*place, 'status')}: {trial.status} submitted, {again.status} here"
        counts = [one.cost.get("parameters") for one in (trial, again)]
        if None not in counts and counts[0] != counts[1]:
            yield f"{_place(*place, 'parameters')}: {counts[0]:.0f} submitted, {counts[1]:.0f} here"


def copies(submitted: Record, here: Record) -> Iterator[str]:
    """Yield pairs of seeds with one submitted value, where the re-run has two different values.

    Shares, such as 1 - accuracy, may be equal by chance and are left out.
    """
    by_score: dict[tuple[int, str], list[Pair]] = defaultdict(list)
    for pair in pairs(submitted, here):
        if pair.score != "parameters" and not _is_share(pair.submitted, submitted):
            by_score[pair.n_train, pair.score].append(pair)
    for (n_train, score), group in by_score.items():
        floor = _floor(score, submitted)
        for a, b in combinations(sorted(group, key=lambda one: one.seed), 2):
            if a.submitted != b.submitted or abs(a.submitted) <= floor:
                continue
            if not math.isclose(a.here, b.here, rel_tol=_TIE, abs_tol=floor):
                yield (
                    f"n_train {n_train}, {score}: the same value of seeds {a.seed} and {b.seed}, "
                    f"{a.here:.4g} and {b.here:.4g} here"
                )


def spread_differences(submitted: Record, here: Record, tests: int) -> Iterator[str]:
    """Yield the scores whose submitted median is outside the re-run's widened interval.

    The interval is mean ± t s √((1 + π/2) / n) of the re-run's n seeds, on the log scale if every
    score is positive; the root is the standard error of the difference between a mean and a median
    of n values each. t is Student's quantile with n - 1 degrees of freedom, at level ``ALPHA``
    shared among all ``tests`` of the verification (Bonferroni). One per cent is added.
    """
    by_score: dict[tuple[int, str], list[Pair]] = defaultdict(list)
    for pair in pairs(submitted, here):
        by_score[pair.n_train, pair.score].append(_clipped(pair, submitted))
    for (n_train, score), group in by_score.items():
        if len(group) > 1 and not _inside(group, tests):
            theirs, ours = ([getattr(p, side) for p in group] for side in ("submitted", "here"))
            yield (
                f"n_train {n_train}, {score}: median {np.median(theirs):.4g} submitted, "
                f"{np.median(ours):.4g} here ({min(ours):.4g} to {max(ours):.4g})"
            )


def count_tests(submitted: Record, here: Record) -> int:
    """Return how many medians ``spread_differences`` compares."""
    return len({(pair.n_train, pair.score) for pair in pairs(submitted, here)})


def bias(compared: Mapping[Any, Iterable[Pair]]) -> Iterator[str]:
    """Yield the scores whose submitted trials are on one side of the re-run's too often.

    This is a two-sided sign test over all compared trials, at level ``ALPHA`` shared among the
    scores. Differences below one per cent are ties and left out.

    Args:
        compared: the pairs of each cell that was re-run.
    """
    from scipy.stats import binomtest

    signs: dict[str, list[bool]] = defaultdict(list)
    for pair in (pair for group in compared.values() for pair in group):
        if not math.isclose(
            pair.submitted, pair.here, rel_tol=_TIE, abs_tol=_floor(pair.score, None)
        ):
            signs[pair.score].append(pair.submitted < pair.here)
    for score, lower in sorted(signs.items()):
        below = sum(lower)
        if binomtest(below, len(lower)).pvalue < ALPHA / len(signs):
            side = "below" if 2 * below > len(lower) else "above"
            most = max(below, len(lower) - below)
            yield f"{score}: {most} of {len(lower)} differing trials lie {side} the re-run's"


def _all_pairs(submitted: Record, here: Record) -> list[Pair]:
    theirs, ours = _measured(submitted), _measured(here)
    return [Pair(*key, theirs[key], ours[key]) for key in sorted(theirs.keys() & ours.keys())]


def _measured(record: Record) -> dict[Key, float]:
    return {
        (*place, name): value
        for place, trial in _by_place(record).items()
        for name, value in _scores(trial).items()
    }


def _by_place(record: Record) -> dict[tuple[int, int], TrialRecord]:
    return {
        (trial.n_train, trial.seed): trial
        for trial in record.trials
        if trial.status in ("ok", "diverged")
    }


def _scores(trial: TrialRecord) -> dict[str, float]:
    """Return the scores of a trial that is ok, and the number of parameters."""
    counted = {"parameters": trial.cost["parameters"]} if "parameters" in trial.cost else {}
    return counted | (trial.scores if trial.status == "ok" else {})


def _is_share(value: float, record: Record) -> bool:
    """Whether the value is k / n with the size of the test split as n, or a small n."""
    size = record.identity.protocol.get("test_size")
    wholes = (*range(1, _SHARES + 1), *((size,) if type(size) is int and size > 0 else ()))
    return any(abs(value * whole - round(value * whole)) < _SHARE_ROUNDING for whole in wholes)


def _inside(group: Sequence[Pair], tests: int) -> bool:
    from scipy.stats import t

    theirs = np.array([pair.submitted for pair in group])
    ours = np.array([pair.here for pair in group])
    if min(theirs.min(), ours.min()) > 0:
        theirs, ours, slack = np.log(theirs), np.log(ours), _TIE
    else:
        slack = _TIE * float(np.abs(ours).max())
    n = len(ours)
    quantile = t.ppf(1 - ALPHA / (2 * max(tests, 1)), n - 1)
    room = quantile * ours.std(ddof=1) * math.sqrt((1 + math.pi / 2) / n) + slack
    return bool(abs(np.median(theirs) - ours.mean()) <= room + abs(np.median(ours) - ours.mean()))


def _clipped(pair: Pair, record: Record) -> Pair:
    floor = _floor(pair.score, record)
    values = [floor if abs(value) < floor else value for value in (pair.submitted, pair.here)]
    return Pair(pair.n_train, pair.seed, pair.score, *values)


def _floor(score: str, record: Record | None) -> float:
    """Return the value below which scores count as equal: the floor of an error, else rounding."""
    if score in ("error", "paper_error"):
        return _ROUNDING if record is None else RecordSummary(record).smallest_error
    return _ROUNDING_ELSEWHERE


def _place(n_train: int, seed: int, score: str) -> str:
    return f"n_train {n_train}, seed {seed}, {score}"


def _both_values(pair: Pair) -> str:
    change = "" if pair.here == 0 else f" ({100 * (pair.submitted / pair.here - 1):+.2g} %)"
    return f"{pair.submitted:.7g} submitted, {pair.here:.7g} here{change}"
