"""``TableTask``: the task of a file or of arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbench.contract import Data, Split, Symmetry, Task
from symbench.contract.task import fingerprint_of_draws
from symbench.errors import InputError
from symbench.tables.layout import Block, Layout
from symbench.tables.source import THRESHOLD, VERSION, name_of, summary_of
from symbench.tables.table import read

if TYPE_CHECKING:
    from torch import Tensor

    from symbench.groups import Group

_LADDER = (30, 100, 300, 1000, 3000, 10000, 30000)  # as in the tasks that draw their data
_LARGEST = {"smoke": 100, "quick": 1000, "full": 30000}
_APART = 1.5  # smallest ratio of the last two sizes
_MOST_DIMENSIONS = 32  # of a space in which all matrices are listed: GL(32) has 1024 of them


class TableTask(Task):
    """Regression or classification of the rows of a table.

    The splits are decided by a hash of the inputs of each row, so that rows with equal inputs are
    in one split: a fifth of the rows tests, a tenth validates, the others train. A seed chooses
    which of the training rows are used and their order; the test split is always the same.

    ``table`` is the checked table, and ``source`` the path of its file; None for arrays.
    """

    def __init__(  # noqa: PLR0913 - each says one thing about the task
        self,
        source: Any,
        y: Any = None,
        *,
        inputs: str | Sequence[str] = (),
        outputs: str | Sequence[str] = (),
        classes: bool = False,
        layout: Layout | str | None = None,
        symmetry: Symmetry | Group | str | None = None,
        target: Callable[[Tensor], Tensor] | None = None,
        name: str = "",
        version: str = "",
        summary: str = "",
        threshold: float | None = None,
        sizes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        """Read and check the table.

        Args:
            source: see ``symbench.tables.read``, also for y, inputs, outputs, classes and layout.
            y: targets, if ``source`` holds inputs only.
            inputs: names or globs of the input columns.
            outputs: names or globs of the output columns.
            classes: whether the output is a class.
            layout: where the copies of a space stand; by default all inputs are one vector.
            symmetry: what models of prior ``told`` are given: a ``Symmetry``, or a group (or its
                name, such as ``O(3)``) that acts on the vectors of the layout. None means that
                it is not known, which is no claim that there is none.
            target: the exact target [n, k] at inputs [n, d], in their dtype, if it is known.
            name: of the task; by default that of the class, or of the file.
            version: of the task.
            summary: one line.
            threshold: the ``error`` that counts as solved.
            sizes: the values of n_train of each tier; by default a ladder up to all training rows.

        Raises:
            InputError: the table or one of the options cannot be used.
        """
        self.source = Path(source).absolute() if isinstance(source, str | os.PathLike) else None
        self.table = read(source, y, inputs=inputs, outputs=outputs, classes=classes, layout=layout)
        table, file = self.table, self.source or Path("table")
        counts = {split: len(rows) for split, rows in table.rows.items()}
        stated = {
            "name": name or getattr(self, "name", name_of(file)),
            "version": version or getattr(self, "version", VERSION),
            "summary": summary or getattr(self, "summary", summary_of(file)),
            "loss": "cross-entropy" if classes else "mse",
            "threshold": threshold or self.threshold or THRESHOLD,
            "sizes": sizes or getattr(self, "sizes", ladder(counts["train"])),
            "input_shape": (len(table.inputs),),
            "output_shape": (len(table.classes) or len(table.outputs),),
            "test_size": counts["test"],
            "valid_size": counts["valid"],
            "rows": counts,
            "symmetry_known": symmetry is not None or target is not None or self._is_completed(),
            "files": {table.source: table.sha256},
        }
        for attribute, value in stated.items():  # class attributes of Task, which plugins set so
            setattr(self, attribute, value)
        self._target = target
        self._symmetry = self._stated(symmetry)

    @property
    def symmetry(self) -> Symmetry | None:
        """The symmetry that was stated, None if there is none."""
        return self._symmetry

    def _is_completed(self) -> bool:
        """Whether a subclass defines the symmetry, or the exact target that decides it."""
        own = type(self)
        return own.symmetry is not TableTask.symmetry or own.target is not TableTask.target

    def _stated(self, symmetry: Symmetry | Group | str | None) -> Symmetry | None:
        """Return the symmetry; a group acts on the vectors of the layout."""
        if symmetry is None or isinstance(symmetry, Symmetry):
            return symmetry
        from symbench.groups.notation import parse_group

        group = parse_group(symmetry) if isinstance(symmetry, str) else symmetry
        return self._layout.symmetry(*self._widths, group)

    @property
    def _widths(self) -> tuple[int, int]:
        return self.input_shape[0], self.output_shape[0]

    @property
    def _layout(self) -> Layout:
        return self.table.layout or Layout((Block(1, self.input_shape[0]),))

    def layout(self) -> Symmetry | None:
        """Return how GL(V) acts on the rows by the layout; None if no vector is in it.

        None too for a space of more than 32 dimensions, whose matrices are too many to list.
        """
        spaces = self._layout.dimensions
        if not spaces or max(spaces) > _MOST_DIMENSIONS:
            return None
        return self._layout.symmetry(*self._widths)

    def target(self, x: Tensor) -> Tensor | None:
        """Return the exact target that was given, at any inputs [n, d]."""
        return None if self._target is None else self._target(x)

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Return n rows of a split: of training rows a choice by the seed, else the first ones.

        Raises:
            InputError: the split has fewer rows.
        """
        import torch

        rows = torch.tensor(self.table.rows[split], dtype=torch.long)
        if n > len(rows):
            raise InputError(
                f"{self.name}: {n} rows of split {split} were asked for, the table has {len(rows)}"
            )
        if split == "train":
            rows = rows[torch.randperm(len(rows), generator=self.generator(seed, split))]
        x, y = self.table.x[rows[:n]].float(), self.table.y[rows[:n]]
        return Data(x, y.float() if y.is_floating_point() else y)

    def fingerprint(self) -> str:
        """Return 16 hex digits that change with the file, the columns and the symmetry."""
        table = self.table
        columns = repr((table.inputs, table.outputs, table.classes))
        exact = self.target(self.sample(1, 0, "test").x.double())
        truth = "" if exact is None else f"{float(exact.sum()):.4g}"
        return fingerprint_of_draws(self, table.sha256, columns, str(table.layout), truth)


def ladder(rows: int) -> dict[str, tuple[int, ...]]:
    """Return the sizes of each tier for so many training rows: the usual ones, and all of them."""
    return {tier: _up_to(min(most, rows)) for tier, most in _LARGEST.items()}


def _up_to(most: int) -> tuple[int, ...]:
    return (*(size for size in _LADDER if size * _APART <= most), most)
