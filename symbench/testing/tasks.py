"""The laws of tasks."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import torch
from torch import Tensor

from symbench.contract import SPLITS, Data, Task
from symbench.draws import Draws
from symbench.errors import InputError
from symbench.runs.protocol import TIERS
from symbench.testing.conformance import Law, Skipped, Subject
from symbench.testing.laws import difference, require, require_card, untouched_randomness

_N = 40
_TOLERANCE = 1e-8


def _task(subject: Subject) -> Task:
    task = subject.task
    if (reason := task.available()) is not None:
        raise Skipped(reason)
    if not task.is_local():
        raise Skipped("its data are not on this machine")
    return task


def its_card_is_valid(subject: Subject) -> None:
    """The card agrees with the class, and every tier has increasing sizes, or is stated as ()."""
    require_card(subject.card)
    task = subject.task
    for name in ("kind", "loss", "threshold"):
        said = subject.card.details.get(name)
        require(said == getattr(task, name), f"the card says {name} {said!r}, not as the class")
    for tier in TIERS:
        stated = task.sizes_in(tier)
        require(stated is not None, f"sizes has no entry for tier {tier!r}")
        sizes = stated or ()
        require(bool(sizes) or tier != "smoke", "sizes['smoke'] is (): checks run in this tier")
        require(
            list(sizes) == sorted(set(sizes)), f"the sizes {sizes} of tier {tier} do not increase"
        )
    require(task.loss != "mse" or task.threshold > 0, "the threshold must be above 0")


def its_data_have_the_shapes_it_states(subject: Subject) -> None:
    """The data of every split are finite, in float32, and of the declared shapes."""
    task = _task(subject)
    for split in SPLITS:
        data = task.sample(task.at_most(_N, split), 0, split)
        _require_shape(task, data, split)


def _require_shape(task: Task, data: Data, split: str) -> None:
    expected = tuple(task.input_shape)
    require(tuple(data.x.shape[1:]) == expected, f"{split} x has shape {list(data.x.shape)}")
    require(data.x.dtype == torch.float32, f"{split} x is {data.x.dtype}, not float32")
    require(bool(data.x.isfinite().all()), f"{split} x holds NaN or an infinity")
    if task.loss == "cross-entropy":
        labels = set(data.y.unique().tolist())
        require(not data.y.is_floating_point(), "class labels must be integers")
        require(labels <= set(range(task.output_shape[0])), f"labels {labels} out of range")
        return
    require(
        tuple(data.y.shape[1:]) == tuple(task.output_shape),
        f"{split} y has shape {list(data.y.shape)}",
    )
    require(bool(data.y.isfinite().all()), f"{split} y holds NaN or an infinity")


def its_data_can_be_used_in_a_run(subject: Subject) -> None:
    """The splits of tier ``smoke`` have as many rows as asked for, of the right types."""
    task = _task(subject).for_tier("smoke")
    if not task.sizes.get("smoke"):
        raise Skipped("it has no sizes in tier smoke")
    try:
        draws = Draws.of(task)
        drawn = draws.train(max(task.sizes["smoke"]), 0), draws.valid(0), draws.test()
    except OSError as error:
        raise AssertionError(
            f"sample raises {type(error).__name__} ({error}): if data may be missing, return from "
            "available why they are and what to do"
        ) from error
    for data in drawn:
        require(len(data.x) == len(data.y), "x and y have different numbers of rows")


def its_sample_returns_as_many_rows_as_asked(subject: Subject) -> None:
    """Asked for twice the largest size of tier quick, it returns so many rows or raises."""
    task = _task(subject)
    sizes = task.for_tier("quick").sizes.get("quick") or task.sizes.get("smoke") or (_N,)
    n = 2 * max(1, *sizes)
    try:
        drawn = len(task.sample(n, 0, "train"))
    except InputError:
        return
    require(
        drawn == n,
        f"sample was asked for {n} rows and returned {drawn}: raise InputError if there are fewer, "
        "and state rows",
    )


def its_data_depend_only_on_size_seed_and_split(subject: Subject) -> None:
    """The same arguments give the same data, and another seed gives other data."""
    task = _task(subject)
    n = task.at_most(_N, "train")
    with untouched_randomness("sample"):
        first = task.sample(n, 1, "train")
    torch.rand(3)
    again = task.sample(n, 1, "train")
    require(
        torch.equal(first.x, again.x) and torch.equal(first.y, again.y),
        "two draws with the same arguments differ",
    )
    other = task.sample(n, 2, "train")
    require(not torch.equal(first.x, other.x), "seeds 1 and 2 give the same training data")
    fresh = replace(subject.card).load().fingerprint()
    require(task.fingerprint() == fresh, "two instances have different fingerprints")


def its_splits_are_disjoint(subject: Subject) -> None:
    """No example is in two splits."""
    task = _task(subject)
    if task.loss == "none":
        raise Skipped("nothing is trained")
    rows = {split: _rows(task.sample(task.at_most(_N, split), 0, split).x) for split in SPLITS}
    for split, other in combinations(SPLITS, 2):
        both = rows[split] & rows[other]
        require(not both, f"{len(both)} examples are in {split} and in {other}")


def _rows(x: Tensor) -> set[bytes]:
    return {row.numpy().tobytes() for row in x}


def its_truth_satisfies_its_symmetry(subject: Subject) -> None:
    """target(rho_in(g) x) = rho_out(g) target(x) in float64, for sampled g."""
    task = _task(subject)
    symmetry = task.symmetry
    x = task.sample(task.at_most(_N, "test"), 0, "test").x.double()
    y = task.target(x) if task.target(x[:2]) is not None else None
    if symmetry is None or y is None:
        raise Skipped("no symmetry, or no closed form of the target")
    if not getattr(symmetry.group, "is_exact", True):
        raise Skipped("the group acts only approximately")
    g = symmetry.group.sample(8, torch.Generator().manual_seed(0))
    for element in g:
        flat, image = x.flatten(1), y.flatten(1)
        sizes = symmetry.input.size, symmetry.output.size
        moved = symmetry.input.act(element, flat.reshape(-1, sizes[0])).view_as(x)
        expected = symmetry.output.act(element, image.reshape(-1, sizes[1])).view_as(y)
        actual = task.target(moved)
        require(actual is not None, "target returned None for transformed inputs")
        gap = difference(torch.as_tensor(actual), expected)
        require(gap < _TOLERANCE, f"the target breaks the declared symmetry by {gap:.1e}")


def what_it_tells_acts_on_its_data(subject: Subject) -> None:
    """The symmetry that models are told acts on the inputs and the outputs."""
    task = _task(subject)
    if (told := task.told) is None:
        raise Skipped("models are told nothing")
    for what, rep, shape in (
        ("inputs", told.input, task.input_shape),
        ("outputs", told.output, task.output_shape),
    ):
        size = math.prod(shape)
        require(
            size % rep.size == 0,
            f"told acts on {rep.size} numbers, which do not divide the {size} of the {what}",
        )


def its_generators_close_under_the_bracket(subject: Subject) -> None:
    """The bracket [A, B] of two generators lies in the span of the generators."""
    symmetry = _task(subject).symmetry
    if symmetry is None or len(symmetry.group.algebra) < 2:
        raise Skipped("fewer than two generators")
    A = symmetry.group.algebra
    brackets = torch.einsum("aij,bjk->abik", A, A) - torch.einsum("bij,ajk->abik", A, A)
    span = torch.linalg.qr(A.flatten(1).mT).Q
    flat = brackets.flatten(2)
    outside = flat - flat @ span @ span.mT
    part = float(outside.norm()) / max(float(flat.norm()), 1e-30)
    require(part < _TOLERANCE, f"a part {part:.1e} of the brackets is outside the span")


def its_own_loss_is_lower_for_better_answers(subject: Subject) -> None:
    """The objective [n] of a task of loss ``own`` is finite and falls along its gradient."""
    task = _task(subject)
    if task.loss != "own":
        raise Skipped("its loss is a standard one")
    data = task.sample(8, 0, "train")
    generator = torch.Generator().manual_seed(0)
    guess = torch.randn(8, *task.output_shape, generator=generator, requires_grad=True)
    loss = task.objective(guess, data.x, data.y)
    require(
        tuple(loss.shape) == (8,),
        f"objective returns {list(loss.shape)}, not one number per example",
    )
    (slope,) = torch.autograd.grad(loss.sum(), guess)
    require(bool(slope.isfinite().all()), "the objective's gradient is not finite")
    require(bool((slope != 0).any()), "the objective does not depend on the prediction")
    step = guess.detach() - 1e-2 * slope / slope.norm()
    lower = task.objective(step, data.x, data.y).sum()
    require(
        float(lower) < float(loss.sum().detach()),
        "a step against the gradient increases the objective",
    )
    error = task.headline_error(guess.detach().double(), data)
    require(math.isfinite(error) and error >= 0, f"headline_error of a guess is {error}")


LAWS: tuple[Law, ...] = (
    its_card_is_valid,
    its_data_have_the_shapes_it_states,
    its_data_can_be_used_in_a_run,
    its_sample_returns_as_many_rows_as_asked,
    its_data_depend_only_on_size_seed_and_split,
    its_splits_are_disjoint,
    its_truth_satisfies_its_symmetry,
    what_it_tells_acts_on_its_data,
    its_generators_close_under_the_bracket,
    its_own_loss_is_lower_for_better_answers,
)
