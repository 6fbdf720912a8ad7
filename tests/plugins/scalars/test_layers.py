"""The layers of the scalars models against explicit formulas."""

from __future__ import annotations

import math

import torch
from symbench_scalars.layers import (
    BilinearPerceptron,
    Combination,
    Parts,
    ZScore,
    invariant_count,
    invariants,
    products,
)
from symbench_scalars.signature import Signature, permuted, signature
from torch import Tensor

from symbench import Symmetry
from symbench.contract import Problem, seeded
from symbench.groups import Lorentz, O, Representation, Scalar, V


def law(group: O, inputs: Representation, outputs: Representation, bodies: int = 1) -> Signature:
    symmetry = Symmetry(group, inputs(group), outputs(group), bodies)
    shapes = (symmetry.input.size,), (symmetry.output.size,)
    return signature(Problem("vectors", "mse", *shapes, symmetry))


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=seeded("layers", shape), dtype=torch.float64)


def test_parts_are_read_in_the_layout_of_the_representation() -> None:
    x = torch.arange(8.0)[None]
    scalars, vectors, covectors = Parts(law(O(3), V + 2 * Scalar + V, Scalar))(x)
    assert scalars.tolist() == [[3, 4]]
    assert vectors.tolist() == [[[0, 1, 2], [5, 6, 7]]]
    assert torch.equal(vectors, covectors)


def test_products_are_those_of_the_form() -> None:
    p = normal(3, 4, 4)
    _, vectors, covectors = Parts(law(Lorentz(), 4 * V, Scalar)).double()(p.flatten(1))
    metric = torch.diag(torch.tensor([1.0, -1, -1, -1], dtype=torch.float64))
    expected = [p[:, i] @ metric @ p[:, j].mT for i in range(4) for j in range(i, 4)]
    written = torch.stack([matrix.diagonal() for matrix in expected], 1)
    torch.testing.assert_close(products(vectors, covectors), written)


def test_only_a_definite_form_adds_lengths_to_the_products() -> None:
    v = normal(5, 3, 4)
    definite = invariants(v, v, definite=True)
    assert definite.shape == (5, invariant_count(3, definite=True)) == (5, 9)
    torch.testing.assert_close(definite[:, -3:], v.norm(dim=-1))
    assert invariants(v, v, definite=False).shape == (5, invariant_count(3, definite=False))


def test_standardised_features_have_mean_zero_and_deviation_one() -> None:
    f = torch.cat([normal(400, 2) * torch.tensor([3.0, 1e-3]) + 5, torch.ones(400, 1)], 1)
    layer = ZScore(3).double()
    layer.calibrate(f)
    z = layer(f)
    torch.testing.assert_close(z.mean(0), torch.zeros(3).double(), atol=1e-9, rtol=0)
    expected = torch.tensor([1.0, 1.0, 0.0]).double()  # a constant feature is only centred
    torch.testing.assert_close(z.std(0, correction=0), expected, atol=1e-9, rtol=0)


def test_outputs_are_combinations_of_the_input_vectors() -> None:
    layer = Combination(law(Lorentz(), 3 * V, Scalar + V * V + V)).double()
    assert layer.counts() == [1, 10, 3]
    c, v = normal(4, 14), normal(4, 3, 4)
    metric = torch.diag(torch.tensor([1.0, -1, -1, -1], dtype=torch.float64))
    y = layer(c, v)
    tensor = c[:, 1, None, None] * metric
    for i in range(3):
        for j in range(3):
            outer = v[:, i, :, None] * v[:, j, None, :]
            tensor = tensor + c[:, 2 + 3 * i + j, None, None] * outer / 3
    vector = torch.stack([c[:, 11 + i, None] * v[:, i] for i in range(3)]).sum(0) / math.sqrt(3)
    torch.testing.assert_close(y, torch.cat([c[:, :1], tensor.flatten(1), vector], 1))


def test_the_published_tensors_pair_each_two_vectors_once() -> None:
    layer = Combination(law(O(3), 2 * V, V * V), ordered=True).double()
    assert layer.counts() == [4]
    c, v = normal(4, 4), normal(4, 2, 3)
    expected = c[:, 0, None, None] * torch.eye(3, dtype=torch.float64)
    for k, (i, j) in enumerate([(0, 0), (0, 1), (1, 1)], start=1):
        expected = expected + c[:, k, None, None] * v[:, i, :, None] * v[:, j, None, :]
    torch.testing.assert_close(layer(c, v), expected.flatten(1))


def test_the_bilinear_path_holds_any_quadratic_form() -> None:
    layer = BilinearPerceptron(3, 3, 1, 1).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.left.weight.copy_(torch.eye(3))
        form = normal(3, 3)
        layer.right.weight.copy_(form)
        layer.product.weight.fill_(1.0)
    z = normal(6, 3)
    torch.testing.assert_close(layer(z)[:, 0], (z * (z @ form.mT)).sum(1))


def test_bodies_share_one_summand_for_each_quantity() -> None:
    rep = permuted(law(O(3), 5 * Scalar + 5 * V, V * V, bodies=5))
    assert [summand.size for summand in rep.summands] == [5, 15]
    assert "S(5)" in rep.group.name
