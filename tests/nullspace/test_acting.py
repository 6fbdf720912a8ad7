"""Which part of gl(V) the data can test, and the scale of the inputs."""

from __future__ import annotations

import pytest
import torch

from symbench.contract import Data, Symmetry, seeded
from symbench.groups import GL, Scalar, V
from symbench.metrics.algebra import orthonormal
from symbench.nullspace.acting import acting, input_scale


def law(d, copies, *, scalars=0, vector=False):
    group = GL(d)
    rep = (scalars * Scalar + copies * V) if scalars else copies * V
    outputs = V(group) if vector else Scalar(group)
    return Symmetry(group, rep(group), outputs)


def normal(*shape):
    return torch.randn(*shape, generator=seeded("vectors", *shape), dtype=torch.float64)


@pytest.mark.parametrize(("d", "copies"), [(2, 1), (3, 2), (5, 2)])
def test_inputs_in_general_position_test_all_of_gl(d, copies):
    x = normal(200, d * copies) @ normal(d * copies, d * copies)
    within = acting(law(d, copies), Data(x, normal(200, 1)))
    assert within.basis.shape == (d * d, d, d)
    flat = within.whitening(within.basis).flatten(1)
    assert torch.allclose(flat @ flat.mT, torch.eye(d * d).double(), atol=1e-8)


@pytest.mark.parametrize("d", [2, 3])
def test_homogeneous_coordinates_test_the_affine_algebra(d):
    x = torch.cat([normal(300, d), torch.ones(300, 1).double()], 1)
    within = acting(law(d + 1, 1), Data(x, normal(300, 1)))
    assert len(within.basis) == d * (d + 1)
    assert float(within.basis[:, -1].abs().max()) < 1e-9


def test_inputs_in_a_plane_test_what_moves_them_within_it():
    x = normal(300, 2) @ normal(2, 4)
    within = acting(law(4, 1), Data(x, normal(300, 1)))
    assert len(within.basis) == 4
    assert within.tangents.shape == (4, len(within.x), 4)


def test_a_direction_that_moves_only_the_output_is_tested():
    # the inputs never leave the first axis, but the outputs fill V
    x = torch.cat([normal(300, 1), 1e-12 * normal(300, 2)], 1)
    found = acting(law(3, 1, vector=True), Data(x, normal(300, 3)))
    assert len(found.basis) == 1  # what is beyond the span of the inputs is not known


@pytest.mark.parametrize("scalars", [0, 2])
def test_the_input_scale_does_not_depend_on_the_basis_of_v(scalars):
    p = law(3, 2, scalars=scalars)
    x = normal(400, p.input.size) * torch.linspace(0.1, 10, p.input.size).double()
    B = torch.block_diag(torch.eye(scalars), *[normal(3, 3)] * 2).double()
    one, other = (value @ input_scale(p, value).mT for value in (x, x @ B.mT))
    assert torch.allclose(torch.cdist(one, one), torch.cdist(other, other), atol=1e-5)
    assert torch.allclose(one.std(0).mean(), torch.ones(()).double(), atol=0.3)


def test_directions_are_orthonormal_and_independent():
    within = acting(law(3, 2), Data(normal(100, 6), normal(100, 1)))
    assert len(orthonormal(within.basis.flatten(1))) == 9
