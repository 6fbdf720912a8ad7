"""Several spaces side by side: their coordinates, and the names of what acts on them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import symbench
from symbench.discovery.frame import Frame, Spaces
from symbench.discovery.naming import identified
from symbench.errors import InputError
from symbench.groups import SO


def spaces_of(*dimensions):
    stream = torch.Generator().manual_seed(sum(dimensions))
    rows = {d: torch.randn(50, d, generator=stream, dtype=torch.float64) + 1 for d in dimensions}
    return Spaces({d: Frame.of(v) for d, v in rows.items()})


def element(dimensions, generator):
    """An affine map of the direct sum that maps each space by itself."""
    r = sum(dimensions)
    M = torch.block_diag(
        *[torch.randn(d, d, generator=generator, dtype=torch.float64) for d in dimensions]
    )
    g = torch.eye(r + 1, dtype=torch.float64)
    g[:r, :r], g[:r, r] = M, torch.randn(r, generator=generator, dtype=torch.float64)
    return g


@given(st.lists(st.integers(2, 5), min_size=1, max_size=3, unique=True), st.integers(0, 9))
def test_maps_of_the_sum_are_block_diagonal_maps_of_the_spaces(dimensions, seed):
    spaces, stream = spaces_of(*dimensions), torch.Generator().manual_seed(seed)
    g = element(dimensions, stream)
    apart = spaces.apart(g)
    assert torch.equal(spaces.together(apart), g)
    start = 0
    for d in dimensions:
        v = torch.randn(4, d, generator=stream, dtype=torch.float64)
        z = spaces.frames[d].points(v)[:, :-1]
        own = slice(start, start + d)
        moved = z @ g[own, own].mT + g[own, -1]
        assert torch.allclose((spaces.points(d, v) @ apart.mT)[:, spaces.places[d]][:, :-1], moved)
        start += d


def generators(noise=0.0):
    """so(3) on the first of two spaces, so(2) on the second, in a mixed basis [4, 7, 7]."""
    A = torch.zeros(4, 7, 7, dtype=torch.float64)
    A[:3, :3, :3], A[3, 4:6, 4:6] = SO(3).algebra, SO(2).algebra[0]
    stream = torch.Generator().manual_seed(1)
    mixed = torch.einsum("kl,lij->kij", torch.randn(4, 4, generator=stream).double(), A)
    rough = mixed + noise * torch.randn(4, 7, 7, generator=stream, dtype=torch.float64)
    spaces = spaces_of(3, 2)
    return spaces.apart(spaces.together(rough)), spaces


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_an_algebra_of_each_space_has_the_sum_of_their_names(noise):
    found = identified(*generators(noise))
    assert (found.name, found.dimension, found.kind) == ("so(3) + so(2)", 4, "reductive")
    assert found.killing_signature == (0, 3, 1)
    assert "vectors of dimension 3" in found.action


def test_one_flow_of_both_spaces_is_no_sum():
    spaces = spaces_of(2, 3)
    A = torch.zeros(1, 7, 7, dtype=torch.float64)
    A[0, :2, :2], A[0, 3:6, 3:6] = SO(2).algebra[0], SO(3).algebra[0]
    found = identified(A, spaces)
    assert (found.name, found.dimension) == ("so(2)", 1)
    assert "vectors of dimension" not in found.action


def test_a_space_without_a_vector_among_the_inputs_is_named(normal):
    with pytest.raises(InputError, match="no vector of dimension 2 among the inputs"):
        symbench.discover(normal(60, 3), normal(60, 2, seed=1), layout="1 x 3 -> 1 x 2")


def test_inputs_along_one_line_leave_directions_untested(normal):
    x = normal(60, 1)
    found = symbench.discover(torch.cat([x, 2 * x, 3 * x], 1), x.sin(), compare=False, controls=0)
    assert found.not_tested >= 0
    assert found.generators == ()


@pytest.mark.slow
def test_the_rotations_of_two_spaces_are_found_and_named(normal):
    x = normal(300, 8)
    product, square = (x[:, :3] * x[:, 3:6]).sum(1), x[:, 6:].square().sum(1)
    y = 0.5 * product + square
    found = symbench.discover(x, y[:, None], layout="2 x 3 + 1 x 2", compare=False, controls=1)
    assert found.algebra.name == "so(3) + so(2)"
    assert found.space == ("x.0", "x.1", "x.2", "x.6", "x.7")
    assert found.generators[0].matrix.shape == (6, 6)
    assert found.inputs_alone.symmetric
