"""The rows of a question as a task, which registered models accept."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from symbench.contract import Data, Split, Symmetry, Task
from symbench.contract.task import fingerprint_of_draws
from symbench.metrics.network import spaced


@dataclass(frozen=True)
class Rows:
    """Rows for training, of which the last fifth selects, and held-out rows; single precision."""

    train: Data
    test: Data

    @classmethod
    def of(cls, train: Data, test: Data, most: int) -> Rows:
        """Return at most ``most`` of the rows for training, and all held-out rows."""
        some = Data(spaced(train.x, most), spaced(train.y, most))
        return cls(some.to(torch.float32), test.to(torch.float32))


class RowsTask(Task):
    """Regression on given rows, with the law that models of prior ``told`` are given.

    ``layout`` is shown to methods of discovery.
    """

    name, version, summary = "rows", "1", "rows of a table"

    def __init__(self, rows: Rows, symmetry: Symmetry | None, shown: Symmetry | None) -> None:
        self.given, self._symmetry, self._shown = rows, symmetry, shown
        stated = {
            "input_shape": tuple(rows.train.x.shape[1:]),
            "output_shape": tuple(rows.train.y.shape[1:]),
            "sizes": {tier: (len(rows.train),) for tier in ("smoke", "quick", "full")},
            "test_size": len(rows.test),
        }
        for attribute, value in stated.items():  # class attributes of Task
            setattr(self, attribute, value)

    @property
    def symmetry(self) -> Symmetry | None:
        """The symmetry that was found."""
        return self._symmetry

    def layout(self) -> Symmetry | None:
        """Return how GL(V) acts on the rows."""
        return self._shown

    def sample(self, n: int, seed: int, split: Split) -> Data:  # noqa: ARG002 - the rows are given
        """Return the first n rows of a split."""
        part = self.given.test if split == "test" else self.given.train
        return Data(part.x[:n].clone(), part.y[:n].clone())

    def fingerprint(self) -> str:
        """Return 16 hex digits of a few rows."""
        return fingerprint_of_draws(self)
