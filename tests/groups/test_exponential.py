"""exp(θL) on batches."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from symbench.groups import exp_action, steps_needed


def draw(*size: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*size, generator=generator, dtype=torch.float64)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 4), skew=st.booleans())
def test_the_action_is_that_of_the_matrix_exponential(seed, scale, skew) -> None:
    M = scale * draw(6, 6, seed=seed) / 6
    L = M - M.mT if skew else M
    angles, x = draw(5, seed=seed + 1), draw(5, 3, 6, seed=seed + 2)
    steps = steps_needed(L, float(angles.abs().max()))
    exact = torch.einsum("nij,ncj->nci", torch.linalg.matrix_exp(angles[:, None, None] * L), x)
    error = (exp_action(L, angles, x, steps) - exact).norm() / exact.norm()
    assert float(error) < 1e-5 * steps


def test_the_number_of_steps_bounds_the_norm() -> None:
    L = torch.diag(torch.tensor([3.0, -7.0]))
    assert steps_needed(L, 0.5) == 4
    assert steps_needed(0 * L, 0.5) == 1
    assert steps_needed(torch.nan * L, 0.5) == 1
