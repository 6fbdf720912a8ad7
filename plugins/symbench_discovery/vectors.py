"""What the methods on vectors share: the candidate algebra, a scale of inputs, an announcement."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from symbench import Context, Data, InputError, Model, Prior, Problem, Recipe, Symmetry
from symbench.groups import V, positive_scale
from symbench.metrics.algebra import Whitening
from symbench.metrics.candidate import Candidate, along, second_moment
from symbench.metrics.network import in_blocks, spaced

_LARGEST = 8  # dimensions of V: the null distribution needs many decompositions of d² columns
_ROWS, _PROBES = 1024, (128, 512)  # rows of C, and bounds of the number of probes
_FLAT = 1e-10  # eigenvalues of a correlation matrix below this part of the largest are rounding
_IDLE = 1e-6  # singular values below this part of the largest are zero


@dataclass(frozen=True)
class TrainedConfig:
    """``declined`` keeps a model that trains networks out of the tier ``quick``, to save time."""

    declined: bool = False

    @property
    def reason(self) -> str | None:
        """Why the model declines every problem, or None."""
        return "it trains networks of its own: use the tier full" if self.declined else None


NOT_IN_QUICK: Mapping[str, Mapping[str, Any]] = {"quick": {"declined": True}}
"""The ``tiers`` of such a model."""


class Announcement(nn.Module):
    """A predictor, together with the generators ``L`` [k, d, d] that a method announces."""

    L: Tensor

    def __init__(self, predictor: nn.Module, L: Tensor) -> None:
        super().__init__()
        self.predictor = predictor
        self.register_buffer("L", L)

    def forward(self, x: Tensor) -> Tensor:
        """Return the predictor's [n, *output_shape]."""
        y: Tensor = self.predictor(x)
        return y


class Constant(nn.Module):
    """The same ``value`` for every input."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *value.shape]."""
        return self.value.to(x.dtype).expand(len(x), *self.value.shape)


class VectorMethod(Model):
    """Base of the methods that find generators of GL(V) from vectors with a regression target."""

    prior: ClassVar[Prior] = "discovers"

    def accepts(self, problem: Problem) -> str | None:
        """Decline problems without a declared layout, all but regression, and a large V."""
        if problem.candidate is None or problem.loss != "mse":
            return f"{self.name} needs vectors with a declared layout and a regression target"
        if (d := problem.candidate.group.dim) > _LARGEST:
            return f"{self.name} searches gl(V) up to dim V = {_LARGEST}, not {d}"
        return self.config.reason if isinstance(self.config, TrainedConfig) else None

    def build(self, problem: Problem) -> Announcement:
        """Return the constant zero, which announces nothing."""
        d = law_of(problem).group.dim
        return Announcement(Constant(torch.zeros(problem.output_shape)), torch.zeros(0, d, d))

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    @abstractmethod
    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the trained predictor with the announced generators."""

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the announced generators [k, d, d]; k may be 0."""
        return module.L if isinstance(module, Announcement) else None


def law_of(problem: Problem) -> Symmetry:
    """Return how GL(V) acts on the problem's inputs and outputs.

    Raises:
        InputError: the problem states no layout.
    """
    if problem.candidate is None:
        raise InputError("the problem states no layout of its vectors: give Task.layout()")
    return problem.candidate


def acting(problem: Problem, data: Data) -> Candidate:
    """Return the part of gl(V) that the data can test, acting on at most 512 of the inputs.

    The basis is orthonormal in whitened coordinates. Left out are directions that would move
    inputs out of the affine span of all inputs, where no function is known, and directions that
    move neither inputs nor targets, which every function keeps. In homogeneous coordinates (x, 1)
    what remains of gl(d + 1) is the affine algebra.

    Args:
        problem: states the layout.
        data: x [n, *input_shape] and y [n, *output_shape], float64 on the CPU.
    """
    law = law_of(problem)
    whitening = Whitening.of(second_moment(data.x, law.input))
    basis = whitening.elementary()
    fewest, most = _PROBES
    count = min(most, max(fewest, _ROWS // problem.output_size))
    x = spaced(data.x, count)
    tangents = along(law.input, basis, x.flatten(1))
    leaving = torch.einsum("mni,ic->mnc", tangents, _normals(data.x)).flatten(1)
    inside = _null_rows(leaving, tangents)
    turned = along(law.output, basis, spaced(data.y, count).flatten(1))
    moved = torch.einsum("km,mi->ki", inside, _standard(tangents, turned))
    kept = _row_space(moved) @ inside
    basis, tangents = (torch.einsum("km,m...->k...", kept, part) for part in (basis, tangents))
    return Candidate(law, whitening, basis, x, tangents)


def _normals(x: Tensor) -> Tensor:
    """Return the directions [input_size, c], in units of the coordinates, in which x is flat."""
    flat = x.flatten(1)
    scale = positive_scale(flat.square().mean(0).sqrt(), flat.abs().amax(0), x.dtype)
    standard = (flat - flat.mean(0)) / scale
    values, vectors = torch.linalg.eigh(standard.mT @ standard / len(x))
    normals: Tensor = vectors[:, values <= _FLAT * values[-1]] / scale[:, None]
    return normals


def _null_rows(leaving: Tensor, tangents: Tensor) -> Tensor:
    """Return orthonormal combinations [k, m] of the rows of ``leaving`` [m, q] that vanish."""
    m = len(leaving)
    if leaving.shape[1] == 0:
        return torch.eye(m, dtype=leaving.dtype)
    values, vectors = torch.linalg.eigh(leaving @ leaving.mT)
    unit = float(tangents.square().sum((1, 2)).max())
    zero: Tensor = values <= _IDLE**2 * max(unit, float(values[-1]))
    combinations: Tensor = vectors[:, zero].mT
    return combinations


def _standard(tangents: Tensor, turned: Tensor) -> Tensor:
    """Return both parts of the motion of the data in one row per generator, in like units."""
    parts = [part.flatten(1) for part in (tangents, turned)]
    sizes = [part.norm().clamp_min(torch.finfo(part.dtype).tiny) for part in parts]
    return torch.cat([part / size for part, size in zip(parts, sizes, strict=True)], 1)


def _row_space(moved: Tensor) -> Tensor:
    """Return orthonormal combinations [r, k] of the rows of ``moved`` [k, q] that do not vanish."""
    values, vectors = torch.linalg.eigh(moved @ moved.mT)
    combinations: Tensor = vectors[:, values > _IDLE**2 * values[-1:]].mT
    return combinations


def input_scale(problem: Problem, x: Tensor) -> Tensor:
    """Return T [i, input_size] such that T x has unit variance and no preferred basis of V.

    Copies v of V are whitened together, W⁺ v, and divided by their own root mean square. Other
    coordinates are divided by their standard deviation.

    Args:
        problem: states the layout.
        x: training inputs [n, *input_shape], float64.
    """
    rep = law_of(problem).input
    whiten = Whitening.of(second_moment(x, rep)).whiten
    vector, parts, start = V(rep.group), [], 0
    blocks = in_blocks(x, rep.size).flatten(0, 1)
    for summand in rep.summands:
        some = blocks[:, start : start + summand.size]
        start += summand.size
        if summand == vector:
            size = (some @ whiten.mT).square().mean().sqrt()
            parts.append(whiten / size if size > 0 else 0 * whiten)
        else:
            spread = (some - some.mean(0)).square().mean(0).sqrt()
            parts.append(torch.diag(1 / positive_scale(spread, some.abs().amax(0), x.dtype)))
    one = torch.block_diag(*parts)  # of one example, or of one of its times
    scale: Tensor = torch.block_diag(*[one] * (x[0].numel() // rep.size))
    return scale
