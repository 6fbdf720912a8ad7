"""Certified generators: within the tolerance, and none where the data cannot tell."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.certify import Certify, CertifyConfig
from symbench_images.controls import NoSymmetry
from symbench_vectors.tasks import LorentzScattering, O5Invariant

from symbench.contract import seeded


def test_it_certifies_rotations_but_abstains_on_few_examples(discovered):
    task = O5Invariant()
    enough, found = discovered(Certify(), task, 1000)
    assert len(enough.L) == 10
    assert found["announced_defect"] < Certify().config.tolerance
    few, _ = discovered(Certify(), task, 30)
    assert len(few.L) == 0


def test_noise_in_the_labels_makes_it_abstain(discovered):
    def noisy(data):
        return data.y + 20 * torch.randn(data.y.shape, generator=seeded("noise"))

    module, _ = discovered(Certify(), O5Invariant(), 300, labels=noisy)
    assert len(module.L) == 0


@pytest.mark.parametrize("tolerance", [0.02, 0.05, 0.1, 0.2])
def test_what_is_certified_is_true_within_the_tolerance(tolerance, discovered):
    for task in (O5Invariant(), LorentzScattering()):
        _, found = discovered(Certify(CertifyConfig(tolerance)), task, 300)
        assert found.get("announced_defect", 0.0) < tolerance


@pytest.mark.parametrize("n", [100, 300])
def test_it_certifies_nothing_on_the_control(n, discovered):
    for seed in range(3):
        assert discovered(Certify(), NoSymmetry(), n, seed)[1]["false_finding"] == 0


def test_a_larger_tolerance_certifies_no_less(discovered):
    counts = [
        len(discovered(Certify(CertifyConfig(tolerance)), O5Invariant(), 300)[0].L)
        for tolerance in (0.02, 0.05, 0.1, 0.2)
    ]
    assert counts == sorted(counts)
