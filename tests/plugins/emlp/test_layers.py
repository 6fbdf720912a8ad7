"""The layers commute exactly with every group, and their memory is linear in the input."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_emlp.bilinear import Bilinear
from symbench_emlp.channels import uniform_channels
from symbench_emlp.layers import EquivariantBlock, Gated, gated
from symbench_emlp.linear import EquivariantLinear
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from symbench.groups import (
    SE,
    SL,
    SO,
    SU,
    C,
    D,
    Lorentz,
    O,
    S,
    Scalar,
    Sp,
    Trivial,
    V,
    Z,
    equivariant_basis,
)

COMPACT = [SO(2), SO(3), O(3), SO(2) * Trivial(1), O(5), S(4), Z(4), C(3), D(4), SU(2), Trivial(2)]
OTHERS = [Lorentz(), SL(2), Sp(1), SE(2)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def relative_error(layer, rep_in, rep_out, seed=0, dtype=torch.float64):
    """Return sqrt(E |f(gx) - g f(x)|² / 2 Var f) over 256 pairs (g, x)."""
    x = torch.randn(256, rep_in.size, generator=generator(seed), dtype=dtype)
    g = rep_in.group.sample(256, generator(seed + 1)).to(dtype)
    with torch.no_grad():
        y = layer(x)
        difference = layer(rep_in.act(g, x)) - rep_out.act(g, y)
    variance = (y - y.mean(0)).square().sum(1).mean()
    return float((difference.square().sum(1).mean() / (2 * variance)).sqrt())


def layers(group, seed=0):
    torch.manual_seed(seed)
    hidden = uniform_channels(group, 40)
    rep_in = (2 * Scalar + V + Scalar + 2 * V)(group)
    wide = gated(hidden)
    yield EquivariantLinear(rep_in, wide), rep_in, wide
    yield EquivariantLinear(hidden, (V * V)(group)), hidden, (V * V)(group)
    yield Bilinear(wide, 4), wide, wide
    yield Gated(hidden), wide, hidden
    yield EquivariantBlock(rep_in, hidden, 4), rep_in, hidden


@pytest.mark.parametrize("group", COMPACT + OTHERS, ids=str)
def test_every_layer_commutes_with_the_group(group):
    for layer, rep_in, rep_out in layers(group):
        kind = type(layer).__name__
        assert relative_error(layer, rep_in, rep_out, dtype=torch.float32) < 1e-5, kind
        assert relative_error(layer.double(), rep_in, rep_out) < 1e-12, kind


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([O(3), D(4), S(4), Lorentz()]))
def test_the_law_holds_at_any_parameters_and_inputs(seed, group):
    hidden = uniform_channels(group, 40)
    rep_in = (Scalar + 2 * V)(group)
    torch.manual_seed(seed)
    block = EquivariantBlock(rep_in, hidden, 4).double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator(seed)))
    assert relative_error(block, rep_in, hidden, seed) < 1e-11


def test_a_linear_layer_without_the_constraint_breaks_the_law_visibly():
    rep = (2 * Scalar + 4 * V)(O(3))
    torch.manual_seed(0)
    assert relative_error(nn.Linear(rep.size, rep.size).double(), rep, rep) > 0.3


def test_a_pointwise_activation_on_vectors_breaks_the_law_visibly():
    hidden = uniform_channels(O(3), 40)

    def pointwise(x):
        return nn.functional.silu(x)

    assert relative_error(pointwise, hidden, hidden) > 0.1


DIMENSIONS = [
    (O(5), 2 * V, Scalar, [50, 24166, 139]),
    (SO(5), 2 * V, Scalar, [50, 24166, 139]),
    (O(3), 5 * Scalar + 5 * V, V * V, [1020, 20338, 135]),
    (SO(3), 5 * Scalar + 5 * V, V * V, [1090, 22238, 187]),
    (Lorentz(), 4 * V, Scalar, [124, 19093, 118]),
]


@pytest.mark.parametrize(("group", "source", "target", "expected"), DIMENSIONS, ids=str)
def test_the_linear_layers_have_the_dimensions_of_the_published_ones(
    group, source, target, expected
):
    hidden = uniform_channels(group, 384)
    wide = gated(hidden)
    found = [
        EquivariantLinear(source(group), wide).dimension,
        EquivariantLinear(hidden, wide).dimension,
        EquivariantLinear(hidden, target(group)).dimension,
    ]
    assert found == expected


def test_the_dense_weight_spans_all_equivariant_maps():
    group = SO(3)
    rep_in, rep_out = (Scalar + 2 * V + Scalar)(group), (V * V + V)(group)
    torch.manual_seed(0)
    linear = EquivariantLinear(rep_in, rep_out).double()
    weights = []
    for coefficients in torch.eye(linear.dimension, dtype=torch.float64):
        with torch.no_grad():
            linear.weight.copy_(coefficients)
            weights.append(linear.dense_weight().flatten())
    basis = equivariant_basis(rep_in, rep_out).flatten(1)
    found = torch.stack(weights)
    assert len(found) == len(basis)
    assert torch.linalg.matrix_rank(found) == len(basis)
    torch.testing.assert_close(found @ basis.T @ basis, found, atol=1e-12, rtol=0)


def test_so5_and_o5_are_one_model_as_far_as_the_layers_reach():
    for power in (0, 2, 4):
        rep, scalar = V**power, Scalar
        pair = [len(equivariant_basis(scalar(group), rep(group))) for group in (SO(5), O(5))]
        assert pair[0] == pair[1]
    hidden = [uniform_channels(group, 384) for group in (SO(5), O(5))]
    torch.manual_seed(0)
    sizes = [sum(p.numel() for p in Bilinear(gated(h), 16).parameters()) for h in hidden]
    assert sizes[0] == sizes[1]


def test_so3_and_o3_are_different_models():
    hidden = [uniform_channels(group, 384) for group in (SO(3), O(3))]
    assert EquivariantLinear(hidden[0], hidden[0]).dimension > (
        EquivariantLinear(hidden[1], hidden[1]).dimension
    )


def test_vectors_are_multiplied_to_tensors_that_are_no_multiple_of_the_identity():
    group = O(5)
    wide = gated(uniform_channels(group, 384))
    torch.manual_seed(0)
    y = Bilinear(wide, 16)(torch.randn(64, wide.size, generator=generator()))
    tensor = y[:, -25:].unflatten(1, (5, 5))
    trace = tensor.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(5)
    assert (tensor - trace).norm() > 0.3 * tensor.norm()


def test_the_bilinear_layer_is_quadratic():
    wide = gated(uniform_channels(O(3), 64))
    torch.manual_seed(0)
    layer = Bilinear(wide, 8).double()
    x = torch.randn(16, wide.size, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(layer(3 * x), 9 * layer(x))


class Largest(TorchDispatchMode):
    """Records the number of entries of the largest tensor that an operation returns."""

    entries = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.entries = max(self.entries, tensor.numel())
        return result


def test_no_weight_matrix_is_made_for_each_sample():
    wide = gated(uniform_channels(O(5), 384))
    torch.manual_seed(0)
    layer = Bilinear(wide, 16)
    x = torch.randn(500, wide.size, generator=generator())
    with Largest() as seen, torch.no_grad():
        layer(x)
    assert seen.entries < 500 * wide.size**2 / 50


def test_conversion_to_float64_uses_the_exact_bases():
    group = C(3)
    torch.manual_seed(0)
    linear = EquivariantLinear((2 * V)(group), (V * V)(group)).double()
    exact = linear.basis("basis_0_0")
    assert exact.dtype == torch.float64
    assert not torch.equal(exact, exact.float().double())


def test_unit_normal_features_keep_their_size_through_the_activation():
    hidden = uniform_channels(O(3), 384)
    x = torch.randn(2000, gated(hidden).size, generator=generator())
    assert Gated(hidden)(x).square().mean().item() == pytest.approx(1.0, abs=0.05)
