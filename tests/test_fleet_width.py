"""Which trainings compute their products at full width, and what the record says of it."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial

import pytest
import torch
import toys
from torch.func import vmap

from symbench.cell import run_cell
from symbench.fleet import Schooling, TrialKey, train, update
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

    monkeypatch.setattr(update, "has_wide_products", lambda: True)
    monkeypatch.setattr(update, "wide_products", noted)
    return steps


def school(model, updates=8, fleet="on"):
    view = partial(problem, REGISTRY, TASK, model)
    return Schooling(TASK, model, view, updates, CPU, fleet=fleet)


def wide_network():
    return toys.Small(toys.Small.Config(width=20_000))  # 32 examples: 7.7 and 1.3 million


def test_products_and_their_operations_are_counted():
    a, b, bias = torch.ones(32, 64), torch.ones(64, 16), torch.ones(16)
    with Products() as products:
        a @ b
        torch.addmm(bias, a, b)
        torch.bmm(torch.ones(5, 8, 64), torch.ones(5, 64, 9))
    assert products.number == 3
    assert products.operations == 2 * (2 * 32 * 64 * 16) + 2 * 5 * 8 * 64 * 9


def test_what_full_width_cannot_change_is_not_counted():
    with Products() as products:
        torch.ones(64, 64).double() @ torch.ones(64, 64).double()
        torch.ones(8, 8) @ torch.ones(8, 8)  # stays in torch's own routine
        torch.ones(64, 64) * torch.ones(64, 64)
    assert (products.number, products.operations) == (0, 0)
    assert not products.are_large


def test_a_stack_counts_as_the_one_product_that_it_is():
    weights, x = torch.ones(25, 128, 128), torch.ones(25, 30, 128)
    with Products() as products:
        vmap(torch.nn.functional.linear)(x, weights)
    assert (products.number, products.operations) == (1, 2 * 25 * 30 * 128 * 128)
    assert products.are_large


def test_products_of_the_gradient_are_counted():
    weight = torch.ones(64, 64, requires_grad=True)
    with Products() as products:
        (torch.ones(32, 64) @ weight).sum().backward()
    assert products.number == 2


def test_small_networks_keep_to_torchs_own_products(entered):
    trials = train(school(toys.Small()), [TrialKey(32, seed) for seed in range(4)])
    assert entered == []
    assert not any(trial.wide for trial in trials)


def test_large_ones_change_after_the_first_step(entered):
    trials = train(school(wide_network()), [TrialKey(32, seed) for seed in range(2)])
    assert entered == ["wide"] * 7
    assert all(trial.wide for trial in trials)


def test_nothing_is_watched_where_torchs_own_are_as_wide(entered, monkeypatch):
    monkeypatch.setattr(update, "has_wide_products", lambda: False)
    monkeypatch.setattr(update, "Products", None)
    (trial,) = train(school(wide_network()), [TrialKey(32, 0)])
    assert entered == []
    assert not trial.wide


def test_watching_leaves_the_result_as_it_is(entered, monkeypatch):
    keys = [TrialKey(32, seed) for seed in range(3)]
    x = TASK.sample(32, 0, "test").x
    outputs = []
    for has in (True, False):
        monkeypatch.setattr(update, "has_wide_products", lambda has=has: has)
        outputs.append([trial.module(x) for trial in train(school(toys.Small()), keys)])
    assert all(torch.equal(a, b) for a, b in zip(*outputs, strict=True))


@pytest.mark.parametrize("wide", [True, False])
def test_the_record_says_so(entered, monkeypatch, wide):
    monkeypatch.setattr(Products, "are_large", property(lambda _: wide))
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",), "smoke"))
    assert run_cell(REGISTRY, cell).provenance["wide_products"] is wide
