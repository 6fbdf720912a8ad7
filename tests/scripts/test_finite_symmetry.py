"""The reproductions of LieFlow and LieGAN on finite groups: what they measure."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    found = importlib.util.spec_from_file_location(
        "finite_symmetry", ROOT / "scripts" / "finite_symmetry.py"
    )
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_an_untrained_flow_is_as_far_from_the_quarter_turns_as_the_uniform_law(script):
    distances, _ = script.lieflow("C4", 2, 16, 0)
    assert distances[0] == pytest.approx(math.pi / 8, rel=0.1)
    assert distances[1] < 0.1


def test_the_angle_and_the_error_of_a_generator(script):
    step = 2 * math.pi / 7
    L = torch.zeros(3, 3)
    L[1, 0], L[0, 1] = -2 * step, 2 * step
    angle, error = script.of_rotation(L)
    assert angle == pytest.approx(-2)
    assert error == pytest.approx(0, abs=1e-7)
    assert script.of_rotation(torch.zeros(3, 3))[1] == pytest.approx(2 * step / 9)


def test_coefficients_of_the_published_sampler_are_integers(script):
    z = script.IntegerSampler(1, 3).draw(2000, torch.Generator().manual_seed(0)).z
    assert sorted(z[:, 0].unique().tolist()) == list(range(-10, 10))


def test_the_same_seed_trains_the_same_generator(script):
    assert torch.equal(script.liegan(3, 1), script.liegan(3, 1))
    assert not torch.equal(script.liegan(3, 1), script.liegan(3, 2))
