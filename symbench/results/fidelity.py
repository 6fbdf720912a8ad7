"""Whether a training had enough updates: errors measured at a budget, twice and four times it.

``fidelity.csv`` beside this file holds them. ``scripts/fidelity.py`` adds its rows. A row is valid
for one version and fingerprint of a task, one version and settings of a model, and one number of
examples and updates, so that an outdated row is never applied.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from statistics import fmean, median
from typing import Literal, NamedTuple

from symbench.errors import InputError
from symbench.records.record import Identity
from symbench.results.statistics.seeds import FLOOR

Verdict = Literal["converged", "not converged", "unmeasured"]
Judge = Callable[[Identity, float], Verdict]

TABLE = Path(__file__).with_suffix(".csv")
GAIN = 1.5  # a training that gains more than this factor by twice the updates has not converged


class Training(NamedTuple):
    """What makes a measured error valid; ``settings`` is a hash of the model's, see ``of``."""

    task: str
    task_version: str
    fingerprint: str
    model: str
    model_version: str
    settings: str
    n_train: int
    updates: int

    @classmethod
    def of(cls, identity: Identity) -> Training:
        """Return the training of a cell at its largest n_train."""
        protocol = identity.protocol
        how = [protocol.get("version"), identity.config, protocol.get("recipe")]
        settings = hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()[:8]
        return cls(
            identity.task, identity.task_version, identity.task_fingerprint, identity.model,
            identity.model_version, settings, max(identity.sizes, default=0),
            _whole(protocol.get("updates")),
        )  # fmt: skip

    def times(self, factor: int) -> Training:
        """Return the same training with that many times the updates."""
        return self._replace(updates=factor * self.updates)


@dataclass(frozen=True)
class Measured:
    """Errors by seed of one training, its processor seconds, and the day of the measurement."""

    errors: tuple[float, ...]
    seconds: float
    date: str

    def logs(self, floor: float) -> list[float]:
        """Return the logarithms of the errors, clipped at a floor."""
        return [math.log(max(error, floor)) for error in self.errors]


@dataclass(frozen=True)
class Agreement:
    """How far the order of the models at a budget is that at four times the budget.

    ``tau`` is Kendall's, over the ``pairs`` of models that the larger budget tells apart; None
    where it tells none apart.
    """

    tau: float | None
    pairs: int
    models: int


@dataclass(frozen=True)
class Fidelity:
    """The measured errors by training."""

    rows: Mapping[Training, Measured]

    def gain(self, training: Training, floor: float = FLOOR) -> float | None:
        """Return the factor by which twice the updates lower the mean log error; None: unmeasured.

        Args:
            training: of one (task, model).
            floor: the error below which differences mean nothing.
        """
        once, twice = self.rows.get(training), self.rows.get(training.times(2))
        if once is None or twice is None:
            return None
        return math.exp(fmean(once.logs(floor)) - fmean(twice.logs(floor)))

    def verdict(self, identity: Identity, floor: float = FLOOR) -> Verdict:
        """Return whether a cell's training has converged at its largest n_train."""
        gain = self.gain(Training.of(identity), floor)
        if gain is None:
            return "unmeasured"
        return "converged" if gain <= GAIN else "not converged"

    def agreement(self, trainings: Iterable[Training], floor: float = FLOOR) -> Agreement:
        """Return how far the order of models that were measured at once and four times agrees."""
        found = [(self.rows.get(one), self.rows.get(one.times(4))) for one in trainings]
        both = [(a.logs(floor), b.logs(floor)) for a, b in found if a is not None and b is not None]
        return agreement([a for a, _ in both], [b for _, b in both])


def agreement(tier: Sequence[Sequence[float]], longer: Sequence[Sequence[float]]) -> Agreement:
    """Return Kendall's tau between the orders of models at a tier's budget and at a longer one.

    Two models are told apart if their mean log errors at the longer budget differ by more than
    the range of the seeds of either model, and more than the median range of all models.

    Args:
        tier: log errors by model and seed.
        longer: the same models with more updates.
    """
    ranges = [max(logs) - min(logs) for logs in longer]
    usual = median(ranges) if ranges else 0.0
    before, after = [fmean(logs) for logs in tier], [fmean(logs) for logs in longer]
    signs = [
        math.copysign(1, after[i] - after[j]) * _sign(before[i] - before[j])
        for i, j in combinations(range(len(longer)), 2)
        if abs(after[i] - after[j]) > max(ranges[i], ranges[j], usual)
    ]
    return Agreement(fmean(signs) if signs else None, len(signs), len(longer))


def read(file: Path) -> Fidelity:
    """Return the table of a file; none of its rows, if there is no file.

    Raises:
        InputError: a row is not one of such a table.
    """
    if not file.exists():
        return Fidelity({})
    rows: dict[Training, Measured] = {}
    with file.open(newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), 2):
            try:
                training = _training(row)
                errors = tuple(map(float, row["errors"].split()))
                rows[training] = Measured(errors, float(row["seconds"]), row["date"])
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise InputError(f"{file}, line {number}: {error!r}; delete the line") from error
    return Fidelity(rows)


@lru_cache
def shipped() -> Fidelity:
    """Return the table that this version of symbench ships."""
    return read(TABLE)


def judge(identity: Identity, floor: float = FLOOR) -> Verdict:
    """Return the verdict of the shipped table on a cell; see ``Fidelity.verdict``."""
    return shipped().verdict(identity, floor)


def _training(row: Mapping[str, str]) -> Training:
    names = (row[name] for name in Training._fields[:6])
    task, version, fingerprint, model, model_version, settings = names
    n_train, updates = int(row["n_train"]), int(row["updates"])
    return Training(task, version, fingerprint, model, model_version, settings, n_train, updates)


def _sign(difference: float) -> float:
    return 0.0 if difference == 0 else math.copysign(1, difference)


def _whole(value: object) -> int:
    return value if type(value) is int else 0
