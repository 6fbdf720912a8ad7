"""From a table to its findings."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from symbench import registry as registries
from symbench.contract import Data, seeded
from symbench.discovery.controls import permuted
from symbench.discovery.findings import Findings, ModelGain
from symbench.discovery.finite import elements
from symbench.discovery.fit import Fit, generators_of, spectrum
from symbench.discovery.inputs_alone import compared
from symbench.discovery.methods import announced_by, chosen
from symbench.discovery.models import Told, gain_of, network, told_models
from symbench.discovery.naming import identified
from symbench.discovery.question import Question, is_vector
from symbench.discovery.trajectories import trajectories
from symbench.errors import InputError
from symbench.tables import Table, read

if TYPE_CHECKING:
    from symbench.nullspace.comparison import Decision
    from symbench.registry import Registry
    from symbench.tables import Layout

_WORSE = 1.1  # ratio of errors up to which a fit to fewer inputs is preferred
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
    times: Any = None,
    tolerance: float = 0.05,
    seed: int = 0,
    controls: int = 20,
    compare: bool = True,
    registry: Registry | None = None,
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
        times: for trajectories, whose dynamics are then examined: the name of the column of times,
            or the times [times] of states [trajectories, times, size].
        tolerance: relative defect within which a generator counts as exact.
        seed: of everything that is drawn.
        controls: number of permutations of the targets.
        compare: whether registered methods are asked, and models that know the symmetry trained.
        registry: has them; by default that of the installed plugins.
        progress: is called with what is being done.

    Raises:
        InputError: the table or one of the options cannot be used.
    """
    if not tolerance > 0:
        raise InputError(f"tolerance {tolerance:g}: give a relative defect above 0, such as 0.05")
    if controls < 0:
        raise InputError(f"controls {controls}: give a number of permutations")
    started = time.monotonic()
    report = progress or _silent
    if times is None:
        table = read(source, y, inputs=inputs, outputs=outputs, classes=classes, layout=layout)
    else:
        if y is not None or outputs or classes:
            raise InputError("trajectories predict their own rates: leave out y, outputs, classes")
        table = trajectories(source, times, inputs=inputs, layout=layout)
    train, test = _rows(table, ("train", "valid")), _rows(table, ("test",))
    question = Question.of(train, test, table.layout)
    report("fitting a Gaussian process", 0.0)
    search = Search.of(question, seed)
    found = _findings(table, search, tolerance)
    report("trying reflections, swaps and rotations", 0.3)
    L, fit = search.generators, search.fit
    stream = seeded("discover", seed, "finite")
    found = replace(
        found,
        finite=tuple(
            elements(fit, fit.question.spaces.together(L), found.algebra, found.space, stream)
        ),
        inputs_alone=compared(fit.question, L, seeded("discover", seed, "inputs")),
    )
    report("permuting the targets", 0.45)
    control = permuted(question, seeded("discover", seed, "control"), controls)
    found = replace(found, control=control)
    if compare:
        found = _with_registered(found, search, registry or registries.load(), report, seed)
    report("done", 1.0)
    return replace(found, seconds=time.monotonic() - started)


def _with_registered(
    found: Findings, search: Search, registry: Registry, report: Progress, seed: int
) -> Findings:
    """Return the findings with what registered methods and models say."""
    names, methods = chosen(registry), []
    for place, name in enumerate(names):
        report(f"asking {name}", 0.55 + 0.2 * place / len(names))
        methods.append(announced_by(registry, name, search.fit, search.generators, seed))
    report("training a network", 0.75)
    more = network(registry, search.first.question, seed)
    predictors = found.predictors if more is None else (*found.predictors, more)
    found = replace(found, methods=tuple(methods), predictors=predictors)
    if not found.generators:
        return found
    reflected = any(one.acts_on == "space" for one in found.finite)
    told = Told.of(search.fit.question, found.algebra, reflected=reflected)
    if isinstance(told, str):
        return replace(found, models=(ModelGain("", None, note=told),))
    names, models = told_models(registry, told), []
    for place, name in enumerate(names):
        report(f"training {name}", 0.8 + 0.2 * place / len(names))
        models.append(gain_of(registry, name, told, found.predictor.r2, seed))
    return replace(found, models=tuple(models))


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
        ignored: orthonormal directions [t, r] of z along which the targets hardly change.
        ignored_bound: largest bound of their relative defects.
        decision: which directions count; None if nothing could be tested.
    """

    fit: Fit
    first: Fit
    ignored: Tensor
    ignored_bound: float
    decision: Decision | None

    @property
    def generators(self) -> Tensor:
        """The claimed generators [k, R, R], without the rounding that would mix spaces."""
        none, spaces = self.fit.within.basis[:0], self.fit.question.spaces
        found = none if self.decision is None else self.decision.generators
        return spaces.apart(spaces.together(found))

    @classmethod
    def of(cls, question: Question, seed: int) -> Search:
        """Return the search on a question."""
        first = fit = Fit.of(question)
        r = question.frame.size
        ignored, bound = torch.zeros(0, r, dtype=torch.float64), 0.0
        if question.one_space:
            ignored, bound = fit.ignored(seeded("discover", seed, "ignored"))
            fit = _reduced(fit, ignored)
            ignored = ignored[: r - fit.question.frame.size]
            bound = bound if len(ignored) else 0.0
        decision = fit.decide(seeded("discover", seed, "null"))
        if decision is not None and not fit.is_known:
            decision = replace(decision, count=0)
        return cls(fit, first, ignored, bound, decision)


def _reduced(fit: Fit, ignored: Tensor) -> Fit:
    """Return the fit to what is orthogonal to directions [t, r], or the first if that is worse."""
    if not 0 < len(ignored) < fit.question.frame.size:
        return fit
    reduced = Fit.of(fit.question.without(ignored))
    return reduced if reduced.choice.error <= _WORSE * fit.choice.error else fit


def _findings(table: Table, search: Search, tolerance: float) -> Findings:
    fit, decision, question = search.fit, search.decision, search.fit.question
    generators = [] if decision is None else generators_of(fit, decision)
    algebra = identified(search.generators, question.spaces)
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
        copies=sum(b.copies for b in question.inputs if b.dimension > 1 and b.rank == 1),
        predictor=predictor,
        predictors=(predictor,),
        generators=tuple(generators),
        next_defect=later[0] if later else None,
        spectrum=tuple(defects),
        tested=len(defects),
        not_tested=question.spaces.maps - len(defects),
        ignored=search.ignored @ search.first.question.frame.colour.mT,
        ignored_bound=search.ignored_bound,
        tolerance=tolerance,
        algebra=algebra,
        basis=basis,
    )


def _space(table: Table, question: Question) -> tuple[str, ...]:
    """Return the names of the coordinates of V: those of the first copy of each space."""
    names: dict[int, tuple[str, ...]] = {}
    start = 0
    for block in question.inputs:
        d = block.dimension
        if d > 1 and is_vector(block, d):
            names.setdefault(d, table.inputs[start : start + d])
        start += block.size
    return tuple(name for d in question.spaces.frames for name in names[d])
