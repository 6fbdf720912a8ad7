"""The labels with which a null space is compared."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symbench import registry
from symbench.contract import Data
from symbench.nullspace.comparison import affine_share
from symbench.runs.cell import run_cell
from symbench.runs.plan import Selection, make_plan


@given(st.integers(2, 30), st.integers(1, 8), st.integers(0, 1000))
def test_the_affine_share_is_a_share_also_where_few_examples_are_fitted_exactly(n, d, seed):
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=drawn, dtype=torch.float64)
    y = x @ torch.randn(d, 2, generator=drawn, dtype=torch.float64)
    assert affine_share(Data(x, y)) == pytest.approx(1.0)
    assert affine_share(Data(x, y)) <= 1.0
    bent = affine_share(Data(x, y.square()))
    assert 0.0 <= bent <= 1.0


@pytest.mark.parametrize("model", ["liegg", "local-null"])
def test_fewer_examples_than_directions_announce_nothing(model):
    known = registry.load()
    chosen = Selection(("finite-arrow",), (model,), "smoke", (8,), seeds=1, updates=20)
    (cell,) = make_plan(known, chosen)
    record = run_cell(known, cell)
    assert record.error is None
    assert record.trials[0].scores["announced_count"] == 0
