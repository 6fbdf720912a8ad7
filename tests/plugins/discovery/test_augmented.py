"""Methods that learn generators together with a predictor: augerino-gl and lie-augment."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.augerino_gl import AugerinoGL, AugerinoGLConfig, _basis
from symbench_discovery.lie_augment import LieAugment, LieAugmentConfig
from symbench_images.controls import HiddenConjugate, NoSymmetry
from symbench_vectors.tasks import O5Invariant

from symbench.contract import seeded


@pytest.mark.parametrize("r", [1, 2, 5])
def test_the_basis_is_orthonormal_and_complete(r):
    flat = _basis(r).flatten(1)
    assert torch.allclose(flat @ flat.mT, torch.eye(r * r).double(), atol=1e-12)


@pytest.mark.statistics
@pytest.mark.parametrize(("task", "precision"), [(O5Invariant, 0.97), (HiddenConjugate, 0.7)])
def test_the_widths_of_rotations_grow(task, precision, discovered):
    module, found = discovered(AugerinoGL(), task(), 1000)
    # measured: 10 of precision 0.99, and 9 of precision 0.78
    assert len(module.L) >= 8
    assert found["announced_precision"] > precision


@pytest.mark.statistics
@pytest.mark.parametrize("n", [300, 1000])
def test_no_width_grows_on_the_control(n, discovered):
    assert discovered(AugerinoGL(), NoSymmetry(), n)[1]["false_finding"] == 0


@pytest.mark.statistics
def test_without_a_reward_no_width_grows(discovered):
    model = AugerinoGL(AugerinoGLConfig(regulariser=0.0))
    assert len(discovered(model, O5Invariant(), 300)[0].L) == 0


@pytest.mark.statistics
def test_generators_and_predictor_are_learned_together(discovered):
    module, found = discovered(LieAugment(), O5Invariant(), 1000)
    # measured: 8 of 12, all but one of them rotations
    assert 5 <= len(module.L) <= 10
    assert found["announced_precision"] > 0.8
    task = O5Invariant()
    test = task.sample(1000, 0, "test")
    with torch.no_grad():
        assert float((module(test.x) - test.y).square().mean() / test.y.var()) < 0.1


@pytest.mark.statistics
def test_generators_become_trivial_on_the_control(discovered):
    assert discovered(LieAugment(), NoSymmetry(), 1000)[1]["false_finding"] == 0


@pytest.mark.statistics
def test_the_paper_s_signature_fails_on_a_hundred_examples(discovered):
    assert len(discovered(LieAugment(), NoSymmetry(), 100, 1)[0].L) > 0


def test_the_penalty_is_zero_for_orthogonal_generators_of_norm_one():
    model = LieAugment(LieAugmentConfig(away=1.0, apart=1.0))
    A = torch.eye(4).view(4, 2, 2)
    assert float(model._penalty(A)) == 0
    assert float(model._penalty(A / 2)) == pytest.approx(0.5)
    assert float(model._penalty(A[:1].repeat(2, 1, 1))) == pytest.approx(0.5)
    tilted = torch.randn(4, 2, 2, generator=seeded("tilted"))
    assert float(model._penalty(tilted)) > 0
