"""Slopes by local linear regression, and the generators that keep them."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.local_null import LocalLinear, LocalNull
from symbench_images.controls import NoSymmetry
from symbench_vectors.tasks import LorentzScattering, O5Invariant

from symbench.contract import seeded


def normal(*shape):
    return torch.randn(*shape, generator=seeded("local", *shape), dtype=torch.float64)


def test_an_affine_function_has_its_exact_values_and_slopes():
    x, A, T = normal(50, 3), normal(2, 3), normal(3, 3)
    value, slope = LocalLinear(T, x, x @ A.mT + 1).derivative(normal(5, 3))
    assert torch.allclose(value, normal(5, 3) @ A.mT + 1, atol=1e-4)
    assert torch.allclose(slope, A.expand(5, 2, 3), atol=1e-4)


def test_the_slope_is_the_derivative_of_the_predictor():
    x = normal(200, 3)
    f = LocalLinear(torch.eye(3).double(), x, x.sin().sum(1, keepdim=True))
    at = normal(4, 3)
    expected = torch.stack(
        [torch.autograd.functional.jacobian(f, each[None])[0, :, 0] for each in at]
    )
    assert torch.allclose(f.derivative(at)[1], expected, atol=1e-4)


def test_it_smooths_where_a_function_is_curved():
    x = normal(2000, 2)
    f = LocalLinear(torch.eye(2).double(), x, (x**2).sum(1, keepdim=True))
    at = normal(50, 2) / 2
    assert float((f.derivative(at)[1][:, 0] - 2 * at).abs().mean()) < 0.1


# measured: 6 of the 10 generators of o5-invariant at 300, and none on lorentz-scattering at 1,000
def test_what_it_announces_is_right_if_not_complete(discovered):
    module, found = discovered(LocalNull(), O5Invariant(), 300)
    assert 3 <= len(module.L) <= 10
    assert found["announced_precision"] > 0.9
    # its predictor is piecewise: the derivative of a neighbourhood does not say how it changes
    assert "generator_overlap" not in found


@pytest.mark.slow
def test_it_announces_nothing_where_examples_are_too_few(discovered):
    assert len(discovered(LocalNull(), LorentzScattering(), 1000)[0].L) == 0


@pytest.mark.slow
def test_it_announces_the_rotations_but_nothing_on_the_control(discovered):
    module, found = discovered(LocalNull(), O5Invariant(), 1000)
    assert len(module.L) == 10
    assert found["announced_overlap"] > 0.97
    for seed in range(3):
        assert discovered(LocalNull(), NoSymmetry(), 300, seed)[1]["false_finding"] == 0
