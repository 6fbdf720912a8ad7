"""What was found in a table: a value that the terminal, JSON and the report show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from symbench.groups import Identity

_BIAS = 0.01  # defects below it are not told from the smoothing of a kernel


@dataclass(frozen=True)
class Predictor:
    """A fitted function.

    Attributes:
        name: what it is.
        r2: 1 - error / variance on the held-out rows.
        rows: that it was fitted to.
        held_out: rows on which it was judged.
        affine_share: of the variance of its values.
    """

    name: str
    r2: float
    rows: int
    held_out: int
    affine_share: float = 0.0


@dataclass(frozen=True)
class Generator:
    """A direction that moves the inputs along a flow which the function keeps, or nearly.

    Attributes:
        matrix: [d + 1, d + 1], on (v, 1) in the units of the table.
        defect: relative defect of the fitted function.
        bound: its one-sided 95 % upper bound by the bootstrap.
        limit: what the bound had to be below.
        error: relative defect of the error of the fitted function, in the same units.
        least: the one-sided 95 % lower bound of the defect.
    """

    matrix: Tensor
    defect: float
    bound: float
    limit: float
    error: float
    least: float

    @property
    def break_seen(self) -> bool:
        """Whether the target breaks it by more than the error of the fit explains."""
        return self.least - self.error > _BIAS

    @property
    def unseen(self) -> float:
        """The largest break that the target may have: bound and error together."""
        return self.bound + self.error


@dataclass(frozen=True)
class Element:
    """One transformation that the function keeps although no flow leads to it.

    Attributes:
        name: in words.
        matrix: [d + 1, d + 1] on (v, 1), or a permutation [c, c] of the copies of V.
        order: the least m with gᵐ = 1.
        acts_on: ``space`` or ``copies``.
        defect: relative change of the function, 0 for none and about 1 for an unrelated function.
        limit: what the bound of the defect had to be below.
    """

    name: str
    matrix: Tensor
    order: int
    acts_on: str
    defect: float
    limit: float


@dataclass(frozen=True)
class Method:
    """What a registered method announces on the same rows.

    Attributes:
        name: of the model.
        count: how many generators it announces; None if it declined or failed.
        agreement: root mean square cosine with the generators found, None without either.
        note: why it has no answer.
    """

    name: str
    count: int | None
    agreement: float | None = None
    note: str = ""


@dataclass(frozen=True)
class ModelGain:
    """A registered model that knows the symmetry, on the same rows.

    Attributes:
        name: of the model.
        r2: on the held-out rows; None if it declined or failed.
        gain: error of the predictor divided by that of the model.
        note: why it has no answer.
    """

    name: str
    r2: float | None
    gain: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Control:
    """How often anything was found where the targets had been permuted."""

    found: int
    of: int
    rows: int


@dataclass(frozen=True)
class Inputs:
    """Whether the inputs alone have the symmetry that was found; None if none was.

    ``told_apart`` is how often a classifier tells an input from a moved one, less one half.
    ``stretched`` is whether a flow stretches: then no distribution has the symmetry.
    """

    symmetric: bool | None
    told_apart: float | None
    stretched: bool = False


@dataclass(frozen=True)
class Findings:
    """The answer to: which symmetry do these data have, and how sure is that?

    Attributes:
        source: of the table.
        inputs: names of its input columns.
        outputs: names of its output columns.
        layout: in words.
        space: names of the coordinates of V: of its first copy.
        copies: of V.
        predictor: the Gaussian process whose derivative was examined.
        predictors: all that were fitted, this one first.
        generators: those claimed, the surest first.
        next_defect: defect of the next direction; None if all were claimed, or nothing was tested.
        spectrum: defects of all tested directions, ascending.
        tested: how many directions were tested.
        not_tested: how many the data do not move, of those of the whole affine algebra.
        ignored: directions [t, d] of the inputs along which the targets hardly change.
        ignored_bound: largest bound of their relative defects.
        tolerance: relative defect within which a generator counts as exact.
        algebra: what the generators are.
        basis: change of basis [d + 1, d + 1] to the named representation, in units of the table.
        finite: the elements.
        methods: what other methods announce.
        control: permuted targets.
        inputs_alone: the symmetry of the inputs.
        models: that know the symmetry.
        seconds: that all this took.
    """

    source: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layout: str
    space: tuple[str, ...]
    copies: int
    predictor: Predictor
    predictors: tuple[Predictor, ...]
    generators: tuple[Generator, ...]
    next_defect: float | None
    spectrum: tuple[float, ...]
    tested: int
    not_tested: int
    ignored: Tensor
    ignored_bound: float
    tolerance: float
    algebra: Identity
    basis: Tensor | None
    finite: tuple[Element, ...] = ()
    methods: tuple[Method, ...] = ()
    control: Control | None = None
    inputs_alone: Inputs = Inputs(None, None)
    models: tuple[ModelGain, ...] = ()
    seconds: float = 0.0

    @property
    def within_tolerance(self) -> int:
        """How many generators are exact to within the tolerance, whatever the fit's error hides."""
        return sum(g.unseen < self.tolerance and not g.break_seen for g in self.generators)

    @property
    def unseen(self) -> float | None:
        """The largest break of the found generators that may have gone unseen; None without any."""
        return max((g.unseen for g in self.generators), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as JSON values."""
        return {
            "source": self.source,
            "inputs": {
                "names": list(self.inputs),
                "symmetric": self.inputs_alone.symmetric,
                "told_apart": self.inputs_alone.told_apart,
                "stretched": self.inputs_alone.stretched,
            },
            "outputs": list(self.outputs),
            "layout": self.layout,
            "space": {"coordinates": list(self.space), "copies": self.copies},
            "predictor": _predictor(self.predictor),
            "predictors": [_predictor(one) for one in self.predictors],
            "generators": [_generator(one) for one in self.generators],
            "next_defect": self.next_defect,
            "unseen_break": self.unseen,
            "spectrum": list(self.spectrum),
            "tested": self.tested,
            "not_tested": self.not_tested,
            "ignored": {"directions": self.ignored.tolist(), "bound": self.ignored_bound},
            "tolerance": {"value": self.tolerance, "generators": self.within_tolerance},
            "algebra": {
                "name": self.algebra.name or None,
                "dimension": self.algebra.dimension,
                "kind": self.algebra.kind,
                "killing_signature": list(self.algebra.killing_signature),
                "closure": self.algebra.closure,
                "action": self.algebra.action,
                "cosine": self.algebra.cosine,
                "basis": None if self.basis is None else self.basis.tolist(),
            },
            "finite": [
                {
                    "name": one.name, "matrix": one.matrix.tolist(), "order": one.order,
                    "acts_on": one.acts_on, "defect": one.defect, "limit": one.limit,
                }
                for one in self.finite
            ],
            "methods": [vars(one) for one in self.methods],
            "control": None if self.control is None else vars(self.control),
            "models": [vars(one) for one in self.models],
            "seconds": self.seconds,
        }  # fmt: skip


def _predictor(one: Predictor) -> dict[str, Any]:
    return {**vars(one)}


def _generator(one: Generator) -> dict[str, Any]:
    return {
        "matrix": one.matrix.tolist(), "defect": one.defect, "bound": one.bound,
        "limit": one.limit, "error": one.error, "least": one.least, "unseen_break": one.unseen,
        "break_seen": one.break_seen,
    }  # fmt: skip
