"""Block-tridiagonal systems against dense elimination."""

from __future__ import annotations

import pytest
import torch
from symbench_noether.tridiagonal import solve


@pytest.mark.parametrize("blocks", [1, 2, 3, 6, 7, 8, 20])
def test_block_tridiagonal_systems_are_solved_as_by_dense_elimination(blocks):
    generator = torch.Generator().manual_seed(blocks)
    dense = torch.randn(5, 3 * blocks, 3 * blocks, generator=generator, dtype=torch.float64)
    place = torch.arange(3 * blocks) // 3
    near = (place[:, None] - place).abs() <= 1
    dense = torch.where(near, dense + dense.mT, 0) + 20 * torch.eye(3 * blocks).double()
    right = torch.randn(5, blocks, 3, generator=generator, dtype=torch.float64)
    tiles = dense.unflatten(1, (blocks, 3)).unflatten(3, (blocks, 3)).movedim(3, 2)
    diagonal = tiles.diagonal(dim1=1, dim2=2).movedim(-1, 1)
    upper = tiles.diagonal(1, dim1=1, dim2=2).movedim(-1, 1)
    x, definite = solve(diagonal, upper, right)
    assert bool(definite.all())
    assert torch.allclose(x.flatten(1), torch.linalg.solve(dense, right.flatten(1)), atol=1e-12)


def test_a_block_tridiagonal_matrix_counts_as_definite_exactly_if_its_eigenvalues_are_positive():
    generator = torch.Generator().manual_seed(0)
    diagonal = torch.randn(400, 5, 1, 1, generator=generator, dtype=torch.float64) + 2
    upper = torch.randn(400, 4, 1, 1, generator=generator, dtype=torch.float64)
    dense = torch.diag_embed(diagonal[..., 0, 0])
    off = torch.diag_embed(upper[..., 0, 0], 1)
    positive = torch.linalg.eigvalsh(dense + off + off.mT)[:, 0] > 0
    assert 50 < int(positive.sum()) < 350
    right = torch.ones(400, 5, 1, dtype=torch.float64)
    assert torch.equal(solve(diagonal, upper, right)[1], positive)
