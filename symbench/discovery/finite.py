"""Transformations that the function keeps although no flow leads to them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from symbench.contract import Data
from symbench.discovery.findings import Element
from symbench.discovery.fit import Fit
from symbench.discovery.question import Question
from symbench.groups import Identity
from symbench.metrics.network import spaced
from symbench.nullspace.comparison import without_symmetry
from symbench.nullspace.process import Regression

_PROBES, _DRAWS, _BOOTSTRAP = 128, 40, 100
_LEVEL = 0.05
_LARGEST = 0.15  # no element is claimed that changes the function by more
_WORSE = 3.0  # standard errors by which the error on held-out rows may grow
_MANY = 10  # dimensions up to which coordinates are swapped, and rotated
_TURNS = (3, 4, 5, 6, 7, 8)  # orders of the rotations of coordinate planes
_PLANES = 6  # of which rotations are tried
_COPIES = 6  # copies up to which every pair is swapped
_NEAR = 0.05  # distance of an element of a connected group that counts as the element
_STEPS, _STARTS = 25, 3  # of the search for a flow that leads to an element


@dataclass(frozen=True)
class Candidate:
    """One transformation that is tried.

    Attributes:
        name: in words.
        order: the least m with gᵐ = 1.
        g: [r + 1, r + 1] on (z, 1); None if copies are permuted.
        copies: the order of the copies; None if it stays.
    """

    name: str
    order: int
    g: Tensor | None = None
    copies: tuple[int, ...] | None = None


def elements(
    fit: Fit, L: Tensor, algebra: Identity, space: tuple[str, ...], generator: torch.Generator
) -> list[Element]:
    """Return the elements that count, one of each component of the group.

    Reflections and swaps of coordinates, their inversion, rotations of coordinate planes by a part
    of a turn, about the centre of the data, about zero, and in the axes of the named algebra, and
    swaps of copies are tried. An element counts if it changes the function less than the least
    change of a function without symmetry among it and all later candidates (5 % quantile), and if
    it does not make predictions of held-out rows worse by three standard errors.

    Args:
        fit: the function.
        L: generators found [k, r + 1, r + 1], on (z, 1) of the direct sum of the spaces; elements
            that their flows reach are left out.
        algebra: what they are.
        space: names of the coordinates of V.
        generator: draws the functions without symmetry.
    """
    tried = list(_tried(fit.question, algebra, space))
    if not tried or not fit.is_known:
        return []
    changes, null = _changes(fit, tried, generator)
    bounds = _bounds(changes)
    order = bounds.argsort()
    found: list[Element] = []
    kept: list[Candidate] = []
    for place, index in enumerate(order.tolist()):
        later = null[order[place:]].amin(0)
        limit = min(_LARGEST, float(later.quantile(_LEVEL)))
        if float(bounds[index]) >= limit:
            break
        one = tried[index]
        if _is_worse(fit, one) or _is_reached(one, L) or any(_alike(one, o, L) for o in kept):
            continue
        kept.append(one)
        found.append(_element(fit.question, one, float(changes[index].mean().sqrt()), limit))
    return found


def _element(question: Question, one: Candidate, defect: float, limit: float) -> Element:
    if one.g is None:
        matrix = torch.eye(len(one.copies or ()), dtype=torch.float64)[list(one.copies or ())]
        return Element(one.name, matrix, one.order, "copies", defect, limit)
    matrix = question.frame.outer(one.g)
    return Element(one.name, matrix, one.order, "space", defect, limit)


def _tried(question: Question, algebra: Identity, space: tuple[str, ...]) -> Iterator[Candidate]:
    yield from _of_coordinates(question, space)
    if algebra.basis is not None:
        yield from _of_axes(algebra.name, algebra.basis)
    yield from _of_copies(question)


def _of_coordinates(question: Question, space: tuple[str, ...]) -> Iterator[Candidate]:
    """Yield transformations of the table's own coordinates, unless some are ignored."""
    frame, d = question.frame, len(question.frame.centre)
    if frame.size != d:
        return
    centres = {"the mean": frame.centre}
    if float((frame.whiten @ frame.centre).norm()) > _NEAR:
        centres["zero"] = torch.zeros_like(frame.centre)
    for about, centre in centres.items():
        for name, order, M in _of_spaces(list(question.spaces.frames), space):
            g = torch.eye(d + 1, dtype=torch.float64)
            g[:d, :d], g[:d, d] = M, centre - M @ centre
            yield Candidate(f"{name} about {about}", order, frame.element(g))


def _of_axes(name: str, P: Tensor) -> Iterator[Candidate]:
    """Yield reflections of the first and last axis of a named algebra."""
    size = len(P) - 1
    for axis in sorted({0, size - 1}):
        signs = torch.ones(size + 1, dtype=torch.float64)
        signs[axis] = -1.0
        g = P @ torch.diag(signs) @ torch.linalg.inv(P)
        yield Candidate(f"reflection of axis {axis + 1} of {name}", 2, g)


def _of_copies(question: Question) -> Iterator[Candidate]:
    """Yield swaps of two copies of V, if they are in one block."""
    vectors = [b.copies for b in question.inputs if b.dimension > 1 and b.rank == 1]
    if len(vectors) != 1 or not 1 < vectors[0] <= _COPIES:
        return
    for i, j in combinations(range(vectors[0]), 2):
        places = list(range(vectors[0]))
        places[i], places[j] = j, i
        yield Candidate(f"swap of copies {i + 1} and {j + 1}", 2, None, tuple(places))


def _of_spaces(dimensions: list[int], space: tuple[str, ...]) -> Iterator[tuple[str, int, Tensor]]:
    """Yield name, order and matrix of the transformations of the coordinates of each space."""
    start, whole = 0, torch.eye(sum(dimensions), dtype=torch.float64)
    for d in dimensions:
        own = slice(start, start + d)
        of = f" of {', '.join(space[own])}" if len(dimensions) > 1 else ""
        for name, order, M in _linear(d, space[own]):
            matrix = whole.clone()
            matrix[own, own] = M
            yield name + (of if name == "inversion" else ""), order, matrix
        start += d


def _linear(d: int, space: tuple[str, ...]) -> Iterator[tuple[str, int, Tensor]]:
    """Yield name, order and matrix [d, d] of the transformations of coordinates."""
    one = torch.eye(d, dtype=torch.float64)
    yield "inversion", 2, -one
    for i in range(d):
        M = one.clone()
        M[i, i] = -1.0
        yield f"reflection of {space[i]}", 2, M
    if d > _MANY:
        return
    for place, (i, j) in enumerate(combinations(range(d), 2)):
        swap = one.clone()
        swap[[i, j]] = swap[[j, i]]
        yield f"swap of {space[i]} and {space[j]}", 2, swap
        for m in (2, *_TURNS) if place < _PLANES else (2,):
            if d == 2 and m == 2:
                continue  # the inversion
            M = one.clone()
            c, s = math.cos(2 * math.pi / m), math.sin(2 * math.pi / m)
            M[i, i] = M[j, j] = c
            M[i, j], M[j, i] = -s, s
            yield f"rotation of {space[i]} and {space[j]} by 1/{m} of a turn", m, M


def _moved(question: Question, one: Candidate, data: Data) -> Data:
    """Return the rows moved by a candidate."""
    law, width = question.law, question.spaces.size
    if one.g is not None:
        g = question.spaces.apart(one.g)
        return Data(law.input.act(g, data.x), law.output.act(g, data.y))
    parts, start = [], 0
    for block in question.inputs:
        size = block.copies * (width**block.rank if block.dimension > 1 else 1)
        part = data.x[:, start : start + size]
        start += size
        if block.dimension > 1 and block.rank == 1:
            part = part.unflatten(1, (block.copies, width))[:, list(one.copies or ())].flatten(1)
        parts.append(part)
    return Data(torch.cat(parts, 1), data.y)


def _changes(fit: Fit, tried: list[Candidate], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the squared relative changes [c, n] of the function, and those [c, k] of others.

    The change is ‖f(gx) - g f(x)‖² / 2 E‖f - E f‖²: 0 if f keeps g, and 1 on average if f(gx) is
    unrelated to f(x).
    """
    question = fit.question
    x = spaced(question.data.x, _PROBES)
    prior = Regression(fit.scale / fit.choice.longer, fit.choice.noise, question.data.x)
    values = Data(question.data.x, fit.f(question.data.x).flatten(1))
    without = without_symmetry(prior, values, _DRAWS, generator)
    outputs = without.shape[2]
    others = fit.regression.of(without.flatten(1))
    own_rows, null_rows = [], []
    f, g = fit.f(x).flatten(1), others(x).unflatten(1, (_DRAWS, outputs))
    unit = 2 * (f - f.mean(0)).square().sum(1).mean()
    units = 2 * (g - g.mean(0)).square().sum(2).mean(0)
    for one in tried:
        moved = _moved(question, one, Data(x, f))
        own_rows.append((fit.f(moved.x).flatten(1) - moved.y).square().sum(1) / unit)
        turned = torch.stack([_moved(question, one, Data(x, part)).y for part in g.unbind(1)], 1)
        there = others(moved.x).unflatten(1, (_DRAWS, outputs))
        null_rows.append(((there - turned).square().sum(2).mean(0) / units).sqrt())
    return torch.stack(own_rows), torch.stack(null_rows)


def _bounds(changes: Tensor) -> Tensor:
    """Return one-sided 95 % bounds [c] of the root mean squares, by the bootstrap."""
    stream = torch.Generator().manual_seed(0)
    n = changes.shape[1]
    drawn = torch.randint(n, (_BOOTSTRAP, n), generator=stream)
    return changes[:, drawn].mean(2).sqrt().quantile(0.95, dim=1)


def _is_worse(fit: Fit, one: Candidate) -> bool:
    """Whether the predictions of held-out rows become worse when rows are moved."""
    test = fit.question.test
    moved = _moved(fit.question, one, test)
    before = (fit.f(test.x) - test.y).flatten(1).square().sum(1)
    after = (fit.f(moved.x) - moved.y).flatten(1).square().sum(1)
    excess = after - before
    error = float(excess.std()) / math.sqrt(len(excess))
    return float(excess.mean()) > _WORSE * error


def _alike(one: Candidate, other: Candidate, L: Tensor) -> bool:
    """Whether a flow leads from one candidate to the other."""
    if one.g is None or other.g is None:
        return False
    between = Candidate("", 0, torch.linalg.inv(other.g) @ one.g)
    same = float((between.g - torch.eye(len(one.g))).abs().max()) < _NEAR  # type: ignore[operator]
    return same or _is_reached(between, L)


def _is_reached(one: Candidate, L: Tensor) -> bool:
    """Whether exp(Σ z_i L_i) is the candidate for some z."""
    if one.g is None or len(L) == 0:
        return False
    if float(torch.linalg.det(one.g)) < 0:
        return False
    g, k = one.g, len(L)
    unit = L / L.flatten(1).norm(dim=1)[:, None, None]
    stream = torch.Generator().manual_seed(0)
    for _ in range(_STARTS):
        z = (3.0 * torch.randn(k, generator=stream, dtype=torch.float64)).requires_grad_(True)
        optimiser = torch.optim.LBFGS([z], max_iter=_STEPS, line_search_fn="strong_wolfe")

        def loss(z: Tensor = z, optimiser: torch.optim.LBFGS = optimiser) -> Tensor:
            optimiser.zero_grad()
            moved = torch.linalg.matrix_exp(torch.einsum("k,kij->ij", z, unit))
            value: Tensor = (moved - g).square().sum()
            value.backward()
            return value

        optimiser.step(loss)
        if float(loss().detach()) < len(g) * (4 * _NEAR) ** 2:
            return True
    return False
