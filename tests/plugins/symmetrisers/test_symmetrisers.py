"""Frames, learned frames and averages around any network."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_symmetrisers.axes import completed, gram_schmidt, principal_axes, pseudo_axes
from symbench_symmetrisers.choice import ChoiceConfig, MLPSymmetrised
from symbench_symmetrisers.frames import AxisFrames, frames_of
from symbench_symmetrisers.graphs import Numbered
from symbench_symmetrisers.models import MLPAveraged, MLPCanonical, MLPFrames
from symbench_symmetrisers.wrap import symmetrised
from torch import nn

import symbench
from symbench import InputError, Problem, Symmetry, graphs, seeded
from symbench.groups import SO, SU, C, Finite, Group, Lorentz, O, S, Scalar, Trivial, V
from symbench.tuning.space import search_space


@cache
def told(task: str, model: type[symbench.Model]) -> Problem:
    """What a model sees of a task."""
    return symbench.problem(symbench.task(task), model)


def problem_of(group: Group, count: int, output: str, generator=None) -> Problem:
    """A regression on ``count`` vectors of the group."""
    targets = {"scalar": Scalar(group), "vector": V(group), "tensor": (V * V)(group)}
    law = Symmetry(group, (Scalar + count * V)(group), targets[output])
    shapes = (law.input.size,), (law.output.size,)
    builder = told("o5-invariant", MLPCanonical).builder
    return Problem("vectors", "mse", *shapes, law, generator=generator, builder=builder)


def network(problem: Problem) -> nn.Module:
    """An arbitrary smooth network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Linear(problem.input_size, 32), nn.Tanh(), nn.Linear(32, problem.output_size)
        )


def violation(module: nn.Module, problem: Problem, x: torch.Tensor) -> float:
    """The relative root mean square of f(gx) - g f(x) in float64."""
    law = problem.symmetry
    g = law.group.sample(len(x), seeded("elements"))
    with torch.no_grad():
        moved = module.double().eval()(law.input.act(g, x))
        y = law.output.act(g, module(x))
    return float(((moved - y).square().mean() / y.square().mean()).sqrt())


def inputs(problem: Problem, n: int = 64) -> torch.Tensor:
    return torch.randn(n, problem.input_size, generator=seeded("inputs"), dtype=torch.float64)


OCTAHEDRAL = torch.tensor([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], [[0, 0, 1], [1, 0, 0], [0, 1, 0]]])
COMPACT = [
    (O(5), 2, "scalar"),
    (O(5), 2, "vector"),
    (O(3), 5, "tensor"),
    (SO(3), 3, "vector"),
    (SO(3), 2, "vector"),
    (SO(5), 2, "vector"),
    (O(2), 1, "vector"),
    (SO(2) * Trivial(1), 2, "vector"),
    (Trivial(1) * O(4), 2, "vector"),
    (C(7), 2, "vector"),
    (Finite("Oct", OCTAHEDRAL), 2, "vector"),
    (S(4), 2, "vector"),
]  # fmt: skip


@pytest.mark.parametrize(("group", "count", "output"), COMPACT, ids=str)
def test_a_perceptron_in_averaged_frames_is_equivariant(group, count, output):
    problem = problem_of(group, count, output)
    module = symmetrised(network(problem), problem, "frames")
    assert violation(module, problem, inputs(problem)) < 1e-12


SEVERAL = [case for case in COMPACT[:7] if case[1] > 1]


@pytest.mark.parametrize(("group", "count", "output"), SEVERAL, ids=str)
def test_a_perceptron_in_a_learned_frame_is_equivariant(group, count, output):
    problem = problem_of(group, count, output)
    module = symmetrised(network(problem), problem, "canonical")
    assert violation(module, problem, inputs(problem)) < 1e-12


@pytest.mark.parametrize("by", ["frames", "canonical"])
@pytest.mark.parametrize("group", [Lorentz(), O(2, 2), SO(1, 2)], ids=str)
def test_indefinite_forms_have_frames_where_the_vectors_span(group, by):
    problem = problem_of(group, group.dim + 1, "vector")
    module = symmetrised(network(problem), problem, by)
    assert violation(module, problem, inputs(problem)) < 1e-9


def test_the_frames_of_so3_keep_a_cross_product_that_those_of_o3_lose():
    class Cross(nn.Module):
        def forward(self, x):
            return torch.linalg.cross(x[:, 1:4], x[:, 4:7], dim=1)

    for group, kept in ((SO(3), 1.0), (O(3), 0.0)):
        problem = problem_of(group, 3, "vector")
        x = inputs(problem)
        y = symmetrised(Cross(), problem, "frames")(x)
        assert torch.allclose(y, kept * Cross()(x), atol=1e-12)


def test_frames_keep_an_equivariant_function():
    problem = problem_of(O(3), 5, "tensor")

    class Moment(nn.Module):
        def forward(self, x):
            r = x[:, 1:].unflatten(1, (5, 3))
            return (r.mT @ r).flatten(1)

    x = inputs(problem)
    for by in ("frames", "canonical", "averaged"):
        module = symmetrised(Moment(), problem, by).double().eval()
        assert torch.allclose(module(x), Moment()(x), atol=1e-5)


def test_one_set_of_axes_jumps_where_two_moments_are_equal_and_two_sets_do_not():
    problem = problem_of(O(2), 2, "scalar")
    circle = torch.tensor([[0.0, 1.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    steps = 1e-7 * torch.randn(64, 5, generator=seeded("steps"), dtype=torch.float64)
    spreads = []
    for sets in (1, 2):
        module = symmetrised(network(problem), problem, "frames", sets=sets).double().eval()
        values = module(circle + steps * torch.tensor([0.0, 1, 1, 1, 1])).detach()
        spreads.append(float(values.max() - values.min()))
    assert spreads[0] > 1e-3
    assert spreads[1] < 1e-5


@pytest.mark.parametrize("group", [O(3), SU(2)], ids=str)
def test_the_equivariance_error_of_an_average_falls_as_the_root_of_its_size(group):
    errors, sizes = [], (4, 16, 64, 256)
    for size in sizes:
        squares = []
        for seed in range(8):
            problem = problem_of(group, 2, "vector", seeded("average", seed))
            module = symmetrised(network(problem), problem, "averaged", test_elements=size)
            squares.append(violation_absolute(module, problem, inputs(problem)) ** 2)
        errors.append(math.sqrt(sum(squares) / len(squares)))
    logs = torch.tensor([sizes, errors]).log()
    slope = float(torch.cov(logs)[0, 1] / torch.cov(logs)[0, 0])
    assert slope == pytest.approx(-0.5, abs=0.12)


def violation_absolute(module: nn.Module, problem: Problem, x: torch.Tensor) -> float:
    law = problem.symmetry
    g = law.group.sample(len(x), seeded("elements"))
    with torch.no_grad():
        moved = module.double().eval()(law.input.act(g, x)) - law.output.act(g, module(x))
    return float(moved.square().mean().sqrt())


def test_training_examples_get_elements_of_their_own():
    problem = problem_of(O(3), 2, "vector")
    module = symmetrised(network(problem), problem, "averaged").train()
    x = inputs(problem, 1).float().repeat(6, 1)
    assert len(module(x).unique(dim=0)) == 6
    assert len(module.eval()(x).unique(dim=0)) == 1


@pytest.mark.slow  # it imports torch_geometric
def test_relational_pooling_tells_graphs_apart_that_gin_cannot():
    triangles, hexagon = torch.zeros(2, 6, 6)
    for i in range(6):
        hexagon[i, (i + 1) % 6] = hexagon[(i + 1) % 6, i] = 1
        other = i // 3 * 3 + (i + 1) % 3
        triangles[i, other] = triangles[other, i] = 1
    x = graphs.pack(torch.stack([triangles, hexagon]))
    values = {}
    for name in ("gin", "gin-averaged"):
        model = symbench.model(name)
        problem = replace(
            told("csl", model),
            loss="mse",
            input_shape=(2, 6, 6),
            output_shape=(1,),
            symmetry=graphs.graph_symmetry(2, 6, 0, 1),
        )
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            values[name] = model().build(problem).double().eval()(x.double())
    assert torch.allclose(*values["gin"], rtol=0, atol=1e-12)
    assert (values["gin-averaged"][0] - values["gin-averaged"][1]).abs() > 1e-6


def test_marks_are_the_numbers_of_existing_nodes():
    class Seen(nn.Module):
        def forward(self, x):
            return x

    x = graphs.padded(graphs.pack(torch.ones(1, 3, 3)), 4)
    seen = Numbered(Seen(), 2)(x)
    assert seen.shape == (1, 4, 4, 4)
    assert torch.equal(graphs.node_features(seen)[0, :, 1:], torch.tensor(
        [[1.0, 0], [0, 1], [1, 0], [0, 0]]))  # fmt: skip


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(2, 5), st.integers(0, 10**6))
def test_axes_are_orthonormal_and_move_with_the_vectors(k, d, seed):
    X = torch.randn(k, d, generator=seeded(seed), dtype=torch.float64)
    g = O(d).sample(1, seeded(seed, "g"))[0]
    r = min(k, d)
    for axes in (principal_axes(X)[0], gram_schmidt(X[:r])):
        assert torch.allclose(axes.mT @ axes, torch.eye(r, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(g @ gram_schmidt(X[:r]), gram_schmidt(X[:r] @ g.mT), atol=1e-6)
    if r >= d - 1:
        assert torch.linalg.det(completed(gram_schmidt(X[: d - 1]))) == pytest.approx(1)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_pseudo_axes_keep_the_form(seed):
    signs = torch.tensor([1.0, -1, -1, -1], dtype=torch.float64)
    axes, _ = pseudo_axes(torch.randn(6, 4, generator=seeded(seed), dtype=torch.float64), signs)
    assert torch.allclose(axes.mT @ torch.diag(signs) @ axes, torch.diag(signs), atol=1e-6)


def test_weights_sum_to_one_also_at_the_origin():
    rep = (2 * V)(O(3))
    x = torch.cat([torch.zeros(1, 6), torch.randn(3, 6, generator=seeded("x"))])
    frames = AxisFrames(rep, O(3), 2, None)(x)
    assert torch.allclose(frames.weight.sum(1), torch.ones(4, dtype=torch.float64))
    assert frames.forth.isfinite().all()


@pytest.mark.parametrize(
    ("group", "count", "by", "why"),
    [
        (Lorentz(), 3, "frames", "at least 4 vectors"),
        (Lorentz(), 4, "averaged", "not compact"),
        (SU(2), 2, "frames", "has no frame"),
        (O(2), 1, "canonical", "one vector leaves no frame to learn"),
        (S(6), 2, "frames", "more than 64 elements"),
    ],
    ids=str,
)
def test_what_has_no_frame_is_declined(group, count, by, why):
    problem = problem_of(group, count, "vector")
    with pytest.raises(InputError, match=why):
        symmetrised(network(problem), problem, by)


def test_scalars_alone_have_no_frame():
    with pytest.raises(InputError, match="has none"):
        frames_of((3 * Scalar)(O(3)), 1)


@pytest.mark.parametrize("model", [MLPFrames, MLPCanonical, MLPAveraged])
def test_without_a_symmetry_they_decline(model):
    assert "no" in (model().accepts(told("no-symmetry", model)) or "")


@pytest.mark.parametrize(("by", "same"), [("canonical", MLPCanonical), ("frames", MLPFrames)])
def test_the_choice_is_one_of_the_exact_ways(by, same):
    def built(model):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return model.build(told("o3-inertia", type(model)))

    x = torch.randn(5, 20, generator=seeded("inputs"))
    one, other = built(MLPSymmetrised(ChoiceConfig(by=by))), built(same())
    with torch.no_grad():
        assert torch.equal(one(x), other(x))


def test_a_search_chooses_the_way():
    assert search_space(MLPSymmetrised())["by"].values == ["canonical", "frames"]


@pytest.mark.parametrize("name", ["mlp-canonical", "mlp-averaged", "cnn-averaged", "gin-averaged"])
def test_twins_stay_out_of_the_quick_tier(name):
    model = symbench.model(name)
    task = {"cnn-averaged": "scrambled-digits-rotated", "gin-averaged": "csl"}
    problem = told(task.get(name, "o5-invariant"), model)
    assert "twin" in model.for_tier("quick").accepts(problem)
    assert model.for_tier("full").accepts(problem) is None
