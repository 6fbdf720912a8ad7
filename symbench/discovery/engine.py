"""From a table to its findings."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from symbench.contract import Data, seeded
from symbench.discovery.controls import permuted
from symbench.discovery.findings import Findings
from symbench.discovery.fit import Fit, generators_of, spectrum
from symbench.discovery.question import Question
from symbench.groups import identify
from symbench.tables import Table, read

if TYPE_CHECKING:
    from symbench.nullspace.comparison import Decision
    from symbench.tables import Layout

Progress = Callable[[str, float], None]
"""What is being done, and which share of the whole is done."""


def discover(  # noqa: PLR0913 - each says one thing about the table or the search
    source: Any,
    y: Any = None,
    *,
    inputs: str | Sequence[str] = (),
    outputs: str | Sequence[str] = (),
    classes: bool = False,
    layout: Layout | str | None = None,
    tolerance: float = 0.05,
    seed: int = 0,
    controls: int = 20,
    progress: Progress | None = None,
) -> Findings:
    """Look for the symmetries of a table: which transformations of its inputs keep its targets?

    Args:
        source: a file, a data frame, or inputs [n, ...]; see ``symbench.tables.read``, also for
            y, inputs, outputs, classes and layout.
        y: targets, if ``source`` holds inputs only.
        inputs: names or globs of the input columns.
        outputs: names or globs of the output columns.
        classes: whether the output is a class.
        layout: where the copies of a space stand; by default all inputs are one vector.
        tolerance: relative defect within which a generator counts as exact.
        seed: of everything that is drawn.
        controls: number of permutations of the targets.
        progress: is called with what is being done.

    Raises:
        InputError: the table or one of the options cannot be used.
    """
    started = time.monotonic()
    report = progress or _silent
    table = read(source, y, inputs=inputs, outputs=outputs, classes=classes, layout=layout)
    train, test = _rows(table, ("train", "valid")), _rows(table, ("test",))
    question = Question.of(train, test, table.layout)
    report("fitting a Gaussian process", 0.0)
    search = Search.of(question, seed)
    report("permuting the targets", 0.3)
    control = permuted(question, seeded("discover", seed, "control"), controls)
    found = _findings(table, search, tolerance)
    return replace(found, control=control, seconds=time.monotonic() - started)


def _silent(stage: str, done: float) -> None:
    """Report nothing."""


def _rows(table: Table, splits: Sequence[str]) -> Data:
    rows = [row for split in splits for row in table.rows[split]]  # type: ignore[index]
    x, y = table.x[rows], table.y[rows]
    if table.classes:
        y = torch.nn.functional.one_hot(y, len(table.classes)).double()
    return Data(x, y)


@dataclass(frozen=True)
class Search:
    """The continuous part of the search.

    Attributes:
        fit: on what the targets depend on.
        first: the fit to all inputs.
        ignored: orthonormal directions [t, r] of z that the targets do not depend on.
        decision: which directions count; None if nothing could be tested.
    """

    fit: Fit
    first: Fit
    ignored: Tensor
    decision: Decision | None

    @classmethod
    def of(cls, question: Question, seed: int) -> Search:
        """Return the search on a question."""
        first = fit = Fit.of(question)
        r = question.frame.size
        ignored = torch.zeros(0, r, dtype=torch.float64)
        if question.one_space:
            ignored = fit.ignored(seeded("discover", seed, "ignored"))
            if 0 < len(ignored) < r:
                fit = Fit.of(question.without(ignored))
        decision = fit.decide(seeded("discover", seed, "null")) if len(ignored) < r else None
        if decision is not None and not fit.is_known:
            decision = replace(decision, count=0)
        return cls(fit, first, ignored, decision)


def _findings(table: Table, search: Search, tolerance: float) -> Findings:
    fit, decision, question = search.fit, search.decision, search.fit.question
    generators = [] if decision is None else generators_of(fit, decision)
    found = fit.within.basis[:0] if decision is None else decision.generators
    algebra = identify(found, affine=True)
    basis = None if algebra.basis is None else question.frame.outer(algebra.basis)
    defects = spectrum(decision)
    predictor = fit.predictor()
    later = defects[len(generators) :]
    d = len(question.frame.centre)
    return Findings(
        source=table.source,
        inputs=table.inputs,
        outputs=table.outputs,
        layout=str(table.layout or f"1 x {d}"),
        space=_space(table, question),
        copies=sum(b.copies for b in question.inputs if b.dimension == d and b.rank == 1),
        predictor=predictor,
        predictors=(predictor,),
        generators=tuple(generators),
        next_defect=later[0] if later else None,
        spectrum=tuple(defects),
        tested=len(defects),
        not_tested=question.frame.size * (question.frame.size + 1) - len(defects),
        ignored=search.ignored @ search.first.question.frame.colour.mT,
        tolerance=tolerance,
        algebra=algebra,
        basis=basis,
    )


def _space(table: Table, question: Question) -> tuple[str, ...]:
    """Return the names of the coordinates of V: those of its first copy."""
    d, start = len(question.frame.centre), 0
    for block in question.inputs:
        if block.dimension == d and block.rank == 1:
            return table.inputs[start : start + d]
        start += block.size
    return ()
