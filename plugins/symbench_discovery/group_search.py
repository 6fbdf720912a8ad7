"""Elements of a finite group, searched for among those that do not make a predictor worse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, InputError, Model, Prior, Problem, Recipe, Symmetry
from symbench.groups import SO, O, geodesic
from symbench_discovery.leave_one_out import KernelNet, LeaveOneOut

_LARGEST = 6  # dimensions of V: 720 permutations
_CONTINUOUS = 3  # dimensions of V up to which all of O(d) is searched
_STEPS = (0.5, 0.25, 0.12, 0.06, 0.03, 0.015)  # radians of the local descent
_ROUNDS = 4  # of products: a finite group is complete after one or two
_ENTRIES = 2**23  # kernel values computed at once
_MOST = 128  # elements that are announced


class SearchNet(nn.Module):
    """The predictor, together with the elements [k, d, d] that were found."""

    g: Tensor

    def __init__(self, net: KernelNet, g: Tensor, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.net, self._shape = net, shape
        self.register_buffer("g", g)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *output_shape]."""
        return self.net(x.flatten(1)).unflatten(1, self._shape)  # type: ignore[no-any-return]


class Excess:
    """By how much elements g make the predictor worse, on examples (x, y) that it has not seen.

    It is ‖f(g x) - g y‖² - ‖f(x) - y‖²: 0 on average if the target and the law of the inputs have
    the symmetry g, however large the error of f is.
    """

    def __init__(self, fit: LeaveOneOut, law: Symmetry, count: int) -> None:
        n = len(fit.x)
        at = torch.linspace(0, n - 1, min(n, count)).round().long()
        self._f, self._law = fit.without(at), law
        self._x, self._y = fit.x[at, None], fit.y[at, None]
        self._size = max(1, _ENTRIES // (len(at) * n))
        self._unmoved = self._loss(torch.eye(law.group.dim, dtype=torch.float64)[None])

    def __call__(self, g: Tensor) -> Tensor:
        """Return the excess [e, m] of elements g [e, d, d] on m examples."""
        return torch.cat([self._loss(some) for some in g.split(self._size)]) - self._unmoved

    def _loss(self, g: Tensor) -> Tensor:
        moved = self._law.input.act(g.to(self._x), self._x)
        wanted = self._law.output.act(g.to(self._y), self._y)
        return (self._f(moved) - wanted).square().sum(2).mT


@dataclass(frozen=True)
class GroupSearchConfig:
    """``starts`` random elements, of which the ``kept`` best are improved on ``points`` examples.

    An element is accepted if its mean excess is at most ``tolerance`` standard errors, and one
    more if it is the product of accepted ones. Elements within ``radius`` radians of each other
    count as one. ``largest`` limits the examples.
    """

    starts: int = 256
    kept: int = 48
    points: int = 96
    tolerance: float = 3.0
    radius: float = 0.25
    largest: int = 1000


@final
class GroupSearch(Model):
    """A kernel predictor, and the elements of O(d) or S(d) that do not make it worse.

    The predictor is a kernel regression whose smoothness, length and ridge are chosen by their
    leave-one-out error. Up to d = 3 the search starts at random elements of O(d) and descends
    along the coordinates of the algebra; from d = 4 to 6 it looks at all permutations. Accepted
    minima are completed by their products. On a continuous group it announces a net of elements.
    """

    name, version = "group-search", "1"
    prior: ClassVar[Prior] = "discovers"
    summary = "a kernel predictor, and a search for the group elements that it keeps"
    Config = GroupSearchConfig
    config: GroupSearchConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"starts": 32, "kept": 8, "points": 32},
        "full": {"largest": 3000, "starts": 1024, "kept": 256, "points": 256},
    }

    def accepts(self, problem: Problem) -> str | None:
        """Decline problems without a declared layout, large V, and all but regression."""
        if problem.kind != "vectors" or problem.candidate is None or problem.loss != "mse":
            return "group-search needs vectors with a declared layout and a regression target"
        if problem.candidate.group.dim > _LARGEST:
            return f"group-search looks for elements of up to {_LARGEST} dimensions"
        return None

    def build(self, problem: Problem) -> SearchNet:
        """Return the constant zero, and no element."""
        d = 1 if problem.candidate is None else problem.candidate.group.dim
        net = KernelNet(problem.input_size, problem.output_size)
        return SearchNet(net, torch.zeros(0, d, d), problem.output_shape)

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the predictor and the elements that were found."""
        some = slice(0, self.config.largest)
        x, y = data.x[some].flatten(1).cpu(), data.y[some].flatten(1).cpu()
        fit = LeaveOneOut(x, y)
        if problem.candidate is None:
            raise InputError("group-search needs vectors with a declared layout")
        found = self._search(fit, problem.candidate, context.generator)
        return SearchNet(fit.net(), found.to(x), problem.output_shape).to(context.device)

    def elements(self, module: nn.Module) -> Tensor | None:
        """Return the elements that were found [k, d, d]."""
        return module.g if isinstance(module, SearchNet) else None

    def _search(self, fit: LeaveOneOut, law: Symmetry, generator: torch.Generator) -> Tensor:
        """Return the accepted elements [k, d, d]."""
        d, points, tolerance = law.group.dim, self.config.points, self.config.tolerance
        every = Excess(fit, law, len(fit.x))
        if d > _CONTINUOUS:
            likely = accepted(every_permutation(d), Excess(fit, law, points), tolerance + 1)
            return accepted(likely, every, tolerance)[:_MOST]
        starts = O(d).sample(self.config.starts, generator)
        rough = Excess(fit, law, points // 2)
        best = rough(starts).mean(1).argsort()[: self.config.kept]
        found = descend(starts[best], rough, _STEPS[:2])
        fine = Excess(fit, law, points)
        found = descend(found, fine, _STEPS[2:])
        found = apart(accepted(found, every, tolerance), self.config.radius)[:_MOST]
        for _ in range(_ROUNDS):
            if len(new := self._products(found)) == 0:
                break
            new = descend(new, fine, _STEPS[3:])
            found = torch.cat([found, accepted(new, every, tolerance + 1)])[:_MOST]
        return found

    def _products(self, g: Tensor) -> Tensor:
        """Return the products that are no elements; none of a net of many elements."""
        products = (g[:, None] @ g).flatten(0, 1)
        if len(g) == 0 or len(g) > _MOST // 2:
            return g[:0]
        new = products[geodesic(products, g).min(1).values > self.config.radius]
        return apart(new, self.config.radius)[:_MOST]


def accepted(g: Tensor, excess: Excess, tolerance: float) -> Tensor:
    """Return the elements whose mean excess is within the tolerance, the best first.

    ``tolerance`` is in standard errors of the mean excess over the examples.
    """
    if len(g) == 0:
        return g
    values = excess(g)
    mean, error = values.mean(1), values.std(1) / math.sqrt(values.shape[1])
    order = mean.argsort()
    return g[order][(mean <= tolerance * error)[order]]


def descend(g: Tensor, excess: Excess, steps: Sequence[float]) -> Tensor:
    """Return improved elements, the best first: twice the best neighbour at every distance."""
    for step in steps if len(g) else ():
        moves = neighbours(g.shape[-1], step)
        for _ in range(2):
            tried = g[:, None] @ moves
            values = excess(tried.flatten(0, 1)).mean(1).unflatten(0, tried.shape[:2])
            least = values.min(1)
            g = tried[torch.arange(len(g)), least.indices]
        g = apart(g[least.values.argsort()], step / 2)
    return g


def every_permutation(d: int) -> Tensor:
    """Return the permutation matrices [d!, d, d]."""
    return torch.eye(d, dtype=torch.float64)[torch.tensor(list(permutations(range(d))))]


def neighbours(d: int, step: float) -> Tensor:
    """Return the identity and exp(±step A) for A in the basis of so(d), with tr(AᵀA) = 2."""
    basis = SO(d).algebra
    basis = basis * math.sqrt(2) / basis.flatten(1).norm(dim=1)[:, None, None]
    one = torch.eye(d, dtype=torch.float64)[None]
    return torch.cat([one, torch.linalg.matrix_exp(torch.cat([step * basis, -step * basis]))])


def apart(g: Tensor, radius: float) -> Tensor:
    """Return the elements that are not within ``radius`` of an earlier one that is returned."""
    kept = g[:0]
    while len(g):
        kept = torch.cat([kept, g[:1]])
        g = g[geodesic(g, g[:1])[:, 0] > radius]
    return kept
