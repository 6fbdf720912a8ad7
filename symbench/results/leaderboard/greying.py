"""Which scores of a row are shown but not compared, and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median

from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import Estimate

_OF_LEARNED = (  # parts of names of scores that say nothing about a function that fits nothing
    "equivariance_error", "symmetric_share", "decision_change", "lie_derivative", "generator",
    "n_to_discover", "conservation_error", "energy_mse", "path_conservation",
)  # fmt: skip
_OF_ROLLOUTS = ("conservation_error", "energy_mse")  # what a trajectory conserves
_ANNOUNCED = "announced"
_COUNTS = ("announced_count", "announced_unconnected", "announced_unmoved")
_ROUNDING = 1e-6  # of an overlap: announced generators have single precision
_POOR = 2.0  # times the least rollout error of the task
_STILL = 0.9  # times the rollout error of standing still
_MOTION = 0.25  # least length of a predicted path, relative to the true one
_BUILT_IN = 0.95  # of an announcement that does not depend on the data


def greyed(scores: Mapping[str, Estimate], *, has_learned: bool, poor_rollout: bool) -> set[str]:
    """Return the names of the scores that are not compared with those of other models.

    - Symmetry scores of a model that has not learned the task: a constant function has every
      symmetry. Announced generators are not judged by the error.
    - Announced scores where the overlap does not exceed that of the same model untrained and of
      the best guess that looks at no label, and where the same is announced from moved data. The
      numbers of generators are only counts.
    - Conservation errors of a model whose trajectories are poor or stop moving: standing still
      conserves all.

    Args:
        scores: of one row.
        has_learned: whether the error is at most half that of chance.
        poor_rollout: whether ``poor_rollouts`` names the row.
    """
    pale: set[str] = set()
    if not has_learned:
        pale |= {n for n in scores if _ANNOUNCED not in n and any(p in n for p in _OF_LEARNED)}
    if _is_a_guess(scores.get("announced_overlap")) or announces_built_in(scores):
        pale |= {n for n in scores if _ANNOUNCED in n and n not in _COUNTS}
    if poor_rollout:
        pale |= {n for n in scores if n.startswith(_OF_ROLLOUTS)}
    return pale


def poor_rollouts(
    summaries: Iterable[RecordSummary], compared: Iterable[RecordSummary]
) -> set[str]:
    """Return the keys of records whose trajectories are too poor to compare what they conserve.

    Their median ``rollout_error`` is not known, more than twice the least of the ``compared``
    models that have learned the task, or hardly less than that of standing still: in a chaotic
    system all rollouts are poor in the end. Or their median ``rollout_motion`` is below a quarter:
    in some part of the rollout they move much less than the true ones.
    """
    learned = [one for one in compared if one.has_learned]
    least = min((_rollout(one) for one in learned), default=math.inf)
    return {one.record.key for one in summaries if _is_poor(one, least)}


def _is_poor(summary: RecordSummary, least: float) -> bool:
    rollout, still = _rollout(summary), _rollout(summary, "rollout_error.still")
    slow = _rollout(summary, "rollout_motion") < _MOTION
    return rollout > _POOR * least or rollout > _STILL * still or slow


def announces_built_in(scores: Mapping[str, Estimate]) -> bool:
    """Whether a model announces the same generators from other data, which were moved."""
    unmoved = scores.get("announced_unmoved")
    return unmoved is not None and unmoved.value >= _BUILT_IN


def _rollout(summary: RecordSummary, score: str = "rollout_error") -> float:
    values = summary.values(score, summary.sizes[-1]) if summary.sizes else []
    return median(values) if values else math.inf


def _is_a_guess(overlap: Estimate | None) -> bool:
    if overlap is None:
        return False
    anchors = [anchor for anchor in (overlap.chance, overlap.guess) if anchor is not None]
    return bool(anchors) and overlap.value <= max(anchors) + _ROUNDING
