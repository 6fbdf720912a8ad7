"""Which trainings compute their products at full width, and what the record says of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
import torch
import toys
from emulated_graph import EmulatedGraph
from torch.func import vmap

from symbench.cell import run_cell
from symbench.fleet import Schooling, TrialKey, train, width
from symbench.fleet.width import Products
from symbench.plan import Selection, make_plan, problem

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
CPU = torch.device("cpu")


@pytest.fixture
def entered(monkeypatch):
    """Return a list that grows with every step at full width; torch itself is left alone."""
    steps = []

    @contextmanager
    def noted():
        steps.append("wide")
        yield

    monkeypatch.setattr(width, "has_wide_products", lambda: True)
    monkeypatch.setattr(width, "wide_products", noted)
    return steps


def school(model, updates=8, fleet="on"):
    view = partial(problem, REGISTRY, TASK, model)
    return Schooling(TASK, model, view, updates, CPU, fleet=fleet)


def wide_network():
    return toys.Small(toys.Small.Config(width=40_000))  # 32 examples: 15 million, and a vector


def test_products_and_their_operations_are_counted():
    a, b, bias = torch.ones(32, 64), torch.ones(64, 16), torch.ones(16)
    with Products() as products:
        a @ b
        torch.addmm(bias, a, b)
        torch.bmm(torch.ones(5, 8, 64), torch.ones(5, 64, 9))
    assert products.operations == [2 * 32 * 64 * 16, 2 * 32 * 64 * 16, 2 * 5 * 8 * 64 * 9]
    assert products.shapes == [((32, 16), 64), ((32, 16), 64), ((5, 8, 9), 64)]


def test_what_full_width_cannot_change_is_not_counted():
    with Products() as products:
        torch.ones(64, 64).double() @ torch.ones(64, 64).double()
        torch.ones(8, 8) @ torch.ones(8, 8)  # stays in torch's own routine
        torch.ones(64, 64) * torch.ones(64, 64)
    assert products.operations == []
    assert not products.are_large


def test_products_with_a_vector_gain_nothing():
    with Products() as products:
        torch.ones(100, 5000) @ torch.ones(5000, 1)
        torch.bmm(torch.ones(9, 1, 5000), torch.ones(9, 5000, 100))
    assert products.operations == [0, 0]


def test_a_stack_counts_as_the_one_product_that_it_is():
    weights, x = torch.ones(25, 128, 128), torch.ones(25, 30, 128)
    with Products() as products:
        vmap(torch.nn.functional.linear)(x, weights)
    assert products.operations == [2 * 25 * 30 * 128 * 128]
    assert products.are_large


def test_products_of_the_gradient_are_counted():
    weight = torch.ones(64, 64, requires_grad=True)
    with Products() as products:
        (torch.ones(32, 64) @ weight).sum().backward()
    assert len(products.operations) == 2


def test_small_networks_keep_to_torchs_own_products(entered):
    trials = train(school(toys.Small()), [TrialKey(32, seed) for seed in range(4)])
    assert entered == []
    assert not any(trial.wide for trial in trials)


def test_large_ones_change_after_the_second_step(entered):
    trials = train(school(wide_network()), [TrialKey(32, seed) for seed in range(2)])
    assert entered == ["wide"] * 6
    assert all(trial.wide for trial in trials)


@pytest.mark.parametrize(("rows", "full"), [((800, 800, 800), True), ((800, 801, 800), False)])
def test_shapes_that_change_from_step_to_step_are_left_to_torch(entered, rows, full):
    chosen = width.Width(decides=True)
    for n in rows:
        with chosen.update():
            torch.ones(n, 64) @ torch.ones(64, 64)
    assert chosen.full is full
    assert entered == ["wide"] * full


def test_an_update_that_is_replayed_from_a_graph_is_left_to_torch(entered):
    told = replace(school(wide_network(), updates=20), graph=EmulatedGraph)
    (trial,) = train(told, [TrialKey(32, 0)])
    assert trial.capture.captured
    assert not trial.wide


def test_nothing_is_watched_where_torchs_own_are_as_wide(entered, monkeypatch):
    monkeypatch.setattr(width, "has_wide_products", lambda: False)
    monkeypatch.setattr(width, "Products", None)  # would raise
    (trial,) = train(school(wide_network()), [TrialKey(32, 0)])
    assert entered == []
    assert not trial.wide


def test_watching_leaves_the_result_as_it_is(entered, monkeypatch):
    keys = [TrialKey(32, seed) for seed in range(3)]
    x = TASK.sample(32, 0, "test").x
    outputs = []
    for has in (True, False):
        monkeypatch.setattr(width, "has_wide_products", lambda has=has: has)
        outputs.append([trial.module(x) for trial in train(school(toys.Small()), keys)])
    assert all(torch.equal(a, b) for a, b in zip(*outputs, strict=True))


@pytest.mark.parametrize("wide", [True, False])
def test_the_record_says_so(entered, monkeypatch, wide):
    monkeypatch.setattr(Products, "are_large", property(lambda _: wide))
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",), "smoke"))
    assert run_cell(REGISTRY, cell).provenance["wide_products"] is wide
