"""Scales are read from the data: the same data in other units are standardised alike."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symbench.groups import (
    O,
    Rescaled,
    Scalar,
    Standardised,
    V,
    binary_unit,
    positive_scale,
    root_mean_square,
    value_range,
)

FACTORS = [2.0**-100, 2.0**-40, 2.0**-3, 2.0**40, 2.0**100]


def calibrated(x, y, inputs=3, outputs=1):
    module = Standardised(nn.Identity(), inputs, outputs)
    module.calibrate(x, y)
    return module


def drawn(n=50, size=3):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("factor", FACTORS)
def test_data_in_other_units_have_the_same_standardised_values(factor):
    x, y = drawn() + 1, drawn(size=1)
    usual, other = calibrated(x, y), calibrated(factor * x, factor * y)
    assert torch.equal(usual._standard_input(x), other._standard_input(factor * x))
    assert torch.equal(factor * usual.output_scale, other.output_scale)


@pytest.mark.parametrize("factor", FACTORS)
def test_summands_of_different_sizes_are_scaled_separately(factor):
    group = O(3)
    inputs = (V + Scalar)(group)
    x = drawn(size=4)
    usual = calibrated(x, drawn(size=1), inputs)
    mixed = torch.cat([factor * x[:, :3], x[:, 3:]], 1)
    other = calibrated(mixed, drawn(size=1), inputs)
    assert torch.equal(usual._standard_input(x), other._standard_input(mixed))


@pytest.mark.parametrize("factor", [1.0, *FACTORS])
def test_a_constant_has_the_scale_of_its_magnitude(factor):
    x = drawn()
    x[:, 1] = -0.3
    x[:, 2] = 0
    module = calibrated(factor * x, factor * torch.full((50, 1), 0.1))
    assert torch.isclose(module.input_scale[1] / factor, torch.tensor(0.3))
    assert torch.equal(module.input_scale[2], (factor * x).abs().max())
    assert not module._standard_input(factor * x)[:, 1:].any()
    assert torch.isclose(module.output_scale[0] / factor, torch.tensor(0.1))


def test_zeros_have_scale_one():
    module = calibrated(torch.zeros(4, 3), torch.zeros(4, 1))
    assert module.input_scale.tolist() == [1, 1, 1]
    assert module.output_scale.tolist() == [1]


def test_a_difference_of_one_rounding_step_is_constant():
    x = torch.full((50, 3), 1e6)
    x[::2, 0] += 0.0625  # the next float32
    x[::2, 1] += 10  # far above it
    scale = calibrated(x, drawn(size=1)).input_scale
    assert scale[0] == x[:, 0].max()
    assert scale[1] == pytest.approx(5)


@pytest.mark.parametrize(
    ("size", "unit"), [(3.0, 2.0), (-5e-30, 2.0**-98), (1e30, 2.0**99), (0, 1)]
)
def test_a_binary_unit_is_the_power_of_two_below_the_largest_value(size, unit):
    assert float(binary_unit(torch.tensor([0.0, size]))) == unit


def test_a_binary_unit_of_infinite_values_is_one():
    assert float(binary_unit(torch.tensor([1.0, torch.inf]))) == 1
    assert float(binary_unit(torch.tensor([1.0, torch.nan]))) == 1


def test_a_positive_scale_keeps_what_is_larger_than_rounding():
    largest = torch.tensor([1.0, 1.0, 0.0])
    found = positive_scale(torch.tensor([1e-3, 1e-8, 0.0]), largest, torch.float32)
    assert found.tolist() == [pytest.approx(1e-3), 1, 1]


@pytest.mark.parametrize("factor", [1e-12, 1e12, *FACTORS])
@pytest.mark.parametrize("unit", [root_mean_square, value_range])
def test_units_grow_with_the_values(unit, factor):
    x = drawn() - 5
    assert float(unit(factor * x)) == pytest.approx(factor * float(unit(x)), rel=1e-5)


def test_known_units():
    assert float(root_mean_square(torch.tensor([3.0, -4.0]))) == pytest.approx(12.5**0.5)
    assert float(value_range(torch.tensor([0.25, 1.0, 0.0]))) == 1
    assert float(value_range(torch.tensor([-2.0, -2.0]))) == 2
    assert float(root_mean_square(torch.zeros(3))) == float(value_range(torch.zeros(3))) == 1


class Remembers(nn.Module):
    """The identity, which keeps what it is shown."""

    def calibrate(self, x, y):
        self.shown = x, y

    def forward(self, x):
        self.seen = x
        return x


@pytest.mark.parametrize("factor", FACTORS)
def test_a_rescaled_network_reads_and_returns_the_same_numbers_in_all_units(factor):
    x, y = drawn(), 7 * drawn(size=2)
    usual, other = (Rescaled(Remembers(), value_range) for _ in range(2))
    usual.calibrate(x, y)
    other.calibrate(factor * x, y / factor)
    assert torch.equal(other(factor * x), usual(x) / factor)
    assert torch.equal(usual.net.seen, other.net.seen)
    assert all(torch.equal(*pair) for pair in zip(usual.net.shown, other.net.shown, strict=True))
    assert not usual(torch.zeros(1, 3)).any()


def test_a_rescaled_network_has_one_unit_per_summand_of_a_representation():
    group = O(3)
    x = torch.cat([8 * drawn(), drawn(size=1)], 1)
    module = Rescaled(nn.Identity(), (V + Scalar)(group), None)
    module.calibrate(x, drawn(size=4))
    assert torch.equal(module.input_unit[:3], module.input_unit[:1].expand(3))
    sizes = [float(root_mean_square(part)) for part in x.split([3, 1], 1)]
    assert module.input_unit[[0, 3]].tolist() == pytest.approx(sizes)
    assert module.output_unit == 1


def test_class_labels_have_no_unit():
    module = Rescaled(nn.Identity())
    module.calibrate(drawn(), torch.arange(50))
    assert module.output_unit == 1
