"""The content of a site, and the cells of its overview."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from symbench.publish.site.cards import Details, ModelCard, TaskCard
from symbench.publish.site.render import ident
from symbench.records.record import Record
from symbench.results.leaderboard import Leaderboard, Row
from symbench.results.leaderboard.boards import Standings, standings
from symbench.results.leaderboard.discovery import DiscoveryBoard, discovery_board
from symbench.results.leaderboard.false_findings import false_findings
from symbench.results.leaderboard.findings import Supported, supported
from symbench.results.leaderboard.fitness import unfit
from symbench.results.leaderboard.matrix import Line, matrix
from symbench.results.leaderboard.rows import UNRANKED, FalseFindings
from symbench.results.report.columns import spread
from symbench.results.report.numbers import duration
from symbench.results.report.tables import coverage

_ROOM = 1_200_000  # characters of scores on the overview, so that the page is below 2 MB
_GONE = {
    "outdated": ("stale", "the task, the model or the protocol has changed since; run it again"),
    "not run": ("not run", "there is no record of this pair"),
}
_FLAGS = {"above": 1, "below": 2}


@dataclass(frozen=True)
class Content:
    """The results of one tier, and their provenance.

    ``records`` are the current ones, ``absent`` the (task, model, reason) without a current one.
    ``facts`` are the values of the provenance by name; ``sha256`` is that of the submission.
    ``documentation`` is the way from the front page to the folder of the documentation, if any.
    """

    leaderboard: Leaderboard
    records: Sequence[Record]
    absent: Sequence[tuple[str, str, str]] = ()
    facts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sha256: str = ""
    details: Details = field(default_factory=Details)
    documentation: str = ""

    @property
    def tier(self) -> str:
        """The tier of every cell."""
        return self.leaderboard.tier

    @cached_property
    def standings(self) -> list[Standings]:
        """The boards that have results."""
        found = [standings(one, self.records, self.leaderboard) for one in self.details.boards]
        return [one for one in found if one.entries]

    @cached_property
    def findings(self) -> list[tuple[str, list[Supported]]]:
        """The findings of each board that has any, by its name."""
        found = [(one.name, supported(one, self.records, self.tier))
                 for one in self.details.boards]  # fmt: skip
        return [(name, shown) for name, shown in found if shown]

    @cached_property
    def unfit(self) -> str | None:
        """Why the results are not fit to compare models by; None if they are."""
        return unfit(self.tier, self.records)

    @cached_property
    def matrix(self) -> list[Line]:
        """The best model of each class on each task."""
        return matrix(self.leaderboard, self.records)

    @cached_property
    def false_findings(self) -> list[FalseFindings]:
        """How often each model finds a symmetry on the controls."""
        return false_findings(self.records)

    @cached_property
    def discovery(self) -> DiscoveryBoard:
        """What methods discover; without methods if no record has scores of discovery."""
        return discovery_board(self.records, self.tier)

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of the leaderboard, and one for each pair without a current record."""
        gone = [
            Row(task=task, model=model, prior=self.priors.get(model), status=status, reason=reason)
            for task, model, why in self.absent
            for status, reason in [_GONE.get(why, (why, why))]
        ]
        return [*self.leaderboard.rows, *gone]

    @cached_property
    def priors(self) -> dict[str, str | None]:
        """What each model knows of the symmetry beforehand."""
        return {row.model: row.prior for row in self.leaderboard.rows}

    @cached_property
    def of_task(self) -> dict[str, list[Row]]:
        """The rows by task, those of the leaderboard first."""
        return _grouped(self.rows, lambda row: row.task)

    @cached_property
    def of_model(self) -> dict[str, list[Row]]:
        """The rows by model."""
        return _grouped(self.rows, lambda row: row.model)

    @cached_property
    def least_error(self) -> dict[str, float]:
        """The smallest error of any model by task."""
        least: dict[str, float] = {}
        for row in self.leaderboard.rows:
            compared = row.status == "ok" and not UNRANKED & set(row.flags)
            if compared and (error := row.scores.get("error")) is not None:
                least[row.task] = min(error.value, least.get(row.task, error.value))
        return least

    @cached_property
    def baseline_error(self) -> dict[str, float]:
        """The error of the baseline by task."""
        errors = {}
        for row in self.leaderboard.rows:
            record = self.record.get((row.task, row.model))
            named = record is not None and record.identity.protocol.get("baseline") == row.model
            if named and (error := row.scores.get("error")) is not None:
                errors[row.task] = error.value
        return errors

    @cached_property
    def record(self) -> dict[tuple[str, str], Record]:
        """The records by task and model."""
        return {(record.identity.task, record.identity.model): record for record in self.records}

    @cached_property
    def origin(self) -> str:
        """How many pairs were run, with how many seeds, on what, and in what time."""
        run = [one for one in self.records if one.trials]
        seeds = sorted({len({trial.seed for trial in one.trials}) for one in run})
        machines = sorted({one.provenance.machine for one in run if one.provenance.machine})
        seconds = sum(one.provenance.seconds or 0.0 for one in run)
        declined = sum(row.status == "declined" for row in self.rows)
        parts = [f"{len(run):,} task–model pairs"]
        if seeds:
            parts.append(f"{spread(seeds[0], seeds[-1])} seeds each")
        where = f"run on {'; '.join(machines)}" if machines else "run"
        text = f"{', '.join(parts)}, {where} in {duration(seconds)} of computing."
        return f"{text} Pairs that do not apply: {declined:,}." if declined else text

    @cached_property
    def coverage(self) -> str:
        """How many cells of the plan are finished, failed, stale, outdated or not run."""
        stale = sum(row.status == "stale" for row in self.rows) - self.leaderboard.coverage.stale
        absent = len(self.rows) - len(self.leaderboard.rows) - stale
        more = f" {stale} pairs are outdated, {absent} were not run." if self.absent else ""
        return coverage(self.leaderboard) + more

    @cached_property
    def statuses(self) -> list[tuple[str, int]]:
        """Each status with its number of cells, the most frequent first."""
        return Counter(row.status for row in self.rows).most_common()

    def task(self, name: str) -> TaskCard:
        """Return the card of a task; an empty one if it is not registered here."""
        return self.details.tasks.get(name) or TaskCard()

    def model(self, name: str) -> ModelCard:
        """Return the card of a model; an empty one if it is not registered here."""
        return self.details.models.get(name) or ModelCard()

    def cells(self) -> dict[str, Any]:
        """Return the cells as one compact JSON document, for the table of the overview.

        A row is [task, model, status, reason, first and last place, tie group, parameters, scores].
        The first four and the names of scores are positions in the lists of the same document. A
        score is [name, value, low, high, flags]; the flags add 1 for a lower bound, 2 for an upper
        bound, 4 for a score shown pale, 8 for seeds that disagree.
        """
        tasks, models, statuses, reasons, scores = (_Names() for _ in range(5))
        shown = self._scores()
        rows = [
            [
                tasks[row.task], models[row.model], statuses[row.status],
                reasons[_remark(row)],
                *((row.rank.low, row.rank.high) if row.rank else (0, 0)), row.group or "",
                row.params, _packed(row, shown, scores),
            ]
            for row in self.rows
        ]  # fmt: skip
        return {
            "tasks": [[ident(t), t, self.task(t).family, self.task(t).group] for t in tasks],
            "models": [[ident(m), m, self.priors.get(m) or ""] for m in models],
            "statuses": list(statuses),
            "reasons": list(reasons),
            "scores": list(scores),
            "left_out": sorted({name for row in self.rows for name in row.scores} - shown),
            "rows": rows,
        }

    def _scores(self) -> set[str]:
        """Return the names of the most frequent scores, as many as fit into the overview."""
        counts = Counter(name for row in self.rows for name in row.scores)
        names, room = set(), _ROOM
        for name, count in sorted(counts.items(), key=lambda c: (c[0] != "error", -c[1], c[0])):
            room -= count * (30 if name == "error" else 14)
            if room >= 0:
                names.add(name)
        return names


class _Names(dict[str, int]):
    """Names in the order of their first use; a new one gets the next number."""

    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]


def _grouped(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for name, group in groupby(rows, key=key):
        groups[name] += group
    return dict(sorted(groups.items()))


def _remark(row: Row) -> str:
    """Return the flags of a row, and the reason of its status."""
    return ": ".join(part for part in (", ".join(row.flags), row.reason) if part)


def _packed(row: Row, shown: set[str], names: _Names) -> list[list[float | None]]:
    scores: list[list[float | None]] = []
    for name, estimate in row.scores.items():
        if name in shown:
            flags = _FLAGS.get(estimate.censored or "", 0) + 4 * estimate.greyed
            flags += 8 * (estimate.spread is not None)
            ends = [estimate.low, estimate.high] if name == "error" else []
            whole = [names[name], estimate.value, *(ends or ([None, None] if flags else []))]
            scores.append([*whole, flags] if flags else whole)
    return scores
