"""Which block is not moved: known answers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symbench.contract import Symmetry, seeded
from symbench.groups import SO, Scalar, V
from symbench.inspection.blocks import EXACT, blocks_of, defects
from symbench.metrics.network import Network

G = SO(3)
SYMMETRY = Symmetry(G, (3 * V + 4 * Scalar)(G), (V + Scalar)(G))


class Broken(nn.Module):
    """Equivariant, but that it reads the coordinates of some vectors as numbers."""

    def __init__(self, *unmoved):
        super().__init__()
        self.unmoved = unmoved

    def forward(self, x):
        vectors, scalars = x[:, :9].unflatten(1, (3, 3)), x[:, 9:]
        squares = vectors.square()
        invariants = [squares[:, k, 0 if k in self.unmoved else slice(None)] for k in range(3)]
        invariants = [v[:, None] if v.ndim == 1 else v.sum(1, keepdim=True) for v in invariants]
        weight = (torch.cat(invariants, 1).sum(1, keepdim=True) + scalars[:, :1]).tanh()
        return torch.cat([weight * vectors[:, 0], weight], 1)


def found(module, symmetry=SYMMETRY):
    x = torch.randn(300, symmetry.input.size, generator=seeded("blocks"))
    return defects(Network.of(module.double(), torch.float64), x, symmetry, seeded("g"))


def test_an_equivariant_function_has_no_defect_and_no_culprit():
    judged = found(Broken())
    assert judged.whole < EXACT
    assert judged.culprits == ()
    assert [block.number for block, _ in judged.outputs] == [1, 2]
    assert all(defect < EXACT for _, defect in judged.outputs)


@pytest.mark.parametrize("unmoved", [(1,), (2,), (1, 2)])
def test_the_blocks_that_are_not_moved_are_named(unmoved):
    judged = found(Broken(*unmoved))
    assert judged.whole > 0.01
    assert {change.block.number - 1 for change in judged.culprits} == set(unmoved)
    assert judged.culprits[-1].defect < EXACT


def test_scalars_that_are_a_vector_are_named_by_their_columns():
    class Dot(nn.Module):
        def forward(self, x):
            return (x[:, :3] * x[:, 4:7]).sum(1, keepdim=True) + x[:, 3:4]

    judged = found(Dot(), Symmetry(G, (V + 4 * Scalar)(G), Scalar(G)))
    (change,) = judged.culprits
    assert (change.columns, change.moved_as) == ((5, 7), "V")
    assert change.defect < EXACT


def test_a_function_broken_everywhere_blames_nobody():
    class Skewed(nn.Module):
        def forward(self, x):
            return torch.cat([x[:, :3] * torch.tensor([1.0, 2.0, 3.0]), x[:, :1]], 1).to(x)

    judged = found(Skewed())
    assert judged.whole > 0.1
    assert judged.culprits == ()


def test_leaving_all_blocks_still_explains_nothing():
    one = Symmetry(G, V(G), Scalar(G))

    class First(nn.Module):
        def forward(self, x):
            return x[:, :1]

    assert found(First(), one).culprits == ()


def test_blocks_join_neighbouring_scalars():
    blocks = blocks_of((2 * V + 3 * Scalar + V + Scalar)(G))
    assert [(b.columns, b.representation) for b in blocks] == [
        ((1, 3), "V"), ((4, 6), "V"), ((7, 9), "3 Scalar"), ((10, 12), "V"), ((13, 13), "Scalar"),
    ]  # fmt: skip
