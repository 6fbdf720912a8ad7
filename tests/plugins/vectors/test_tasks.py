"""Known answers of the published regression tasks."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import chi
from symbench_vectors.tasks import LorentzScattering, O3Inertia, O5Invariant, O5Noisy

MANY = 200_000


def test_the_o5_target_in_a_case_done_by_hand():
    x = torch.tensor([[3.0, 4.0, 0, 0, 0, 0, 2.0, 0, 0, 0]], dtype=torch.float64)
    assert float(O5Invariant().target(x)) == pytest.approx(math.sin(5) - 4 + 0.8, abs=1e-14)


def test_the_moments_of_the_o5_target_are_those_of_its_three_independent_terms():
    def mean(f):
        return quad(lambda r: f(r) * chi(5).pdf(r), 0, 40)[0]

    expected = mean(math.sin) - mean(lambda r: r**3 / 2)
    terms = (math.sin, lambda r: r**3 / 2)
    variance = 1 / 5 + sum(mean(lambda r, f=f: f(r) ** 2) - mean(f) ** 2 for f in terms)
    assert (expected, variance) == (pytest.approx(-5.70, abs=0.01), pytest.approx(38.36, abs=0.01))
    y = O5Invariant().sample(MANY, 0, "train", dtype=torch.float64).y
    assert float(y.mean()) == pytest.approx(expected, abs=5 * math.sqrt(variance / MANY))
    assert float(y.var()) == pytest.approx(variance, rel=0.03)  # heavy-tailed: sd 0.8 %


def test_missing_the_two_small_terms_of_the_o5_target_misses_the_threshold():
    task = O5Invariant()
    data = task.sample(MANY, 0, "train", dtype=torch.float64)
    cubic = -(data.x[:, 5:].norm(dim=1, keepdim=True) ** 3) / 2
    assert float((data.y - cubic).var() / data.y.var()) > 4 * task.threshold


def test_noise_is_on_the_labels_of_train_and_valid_and_not_of_test():
    task = O5Noisy()
    for split in ("train", "valid"):
        data = task.sample(20_000, 1, split, dtype=torch.float64)
        noise = data.y - task.target(data.x)
        assert float(noise.mean()) == pytest.approx(0, abs=0.1)
        assert float(noise.std()) == pytest.approx(task.noise, rel=0.03)
    test = task.sample(500, 0, "test", dtype=torch.float64)
    assert torch.equal(test.y, task.target(test.x))


def test_the_noise_has_half_of_the_targets_standard_deviation():
    y = O5Invariant().sample(MANY, 0, "train", dtype=torch.float64).y
    assert O5Noisy.noise / float(y.std()) == pytest.approx(0.5, abs=0.02)


def test_the_noise_is_uncorrelated_with_inputs_and_targets():
    task = O5Noisy()
    data = task.sample(20_000, 1, "train", dtype=torch.float64)
    noise = data.y - task.target(data.x)
    columns = torch.cat([noise, data.x, task.target(data.x)], 1)
    assert torch.corrcoef(columns.mT)[0, 1:].abs().max() < 5 / math.sqrt(20_000)


def test_the_inertia_of_one_body_on_an_axis():
    x = torch.zeros(1, 20, dtype=torch.float64)
    x[0, 2], x[0, 5 + 3 * 2] = 3.0, 2.0  # the third body: mass 3 at (2, 0, 0)
    expected = torch.diag(torch.tensor([0.0, 12.0, 12.0], dtype=torch.float64))
    assert torch.equal(O3Inertia().target(x).view(3, 3), expected)


def test_the_inertia_is_symmetric_positive_and_obeys_the_triangle_inequality():
    data = O3Inertia().sample(500, 0, "train", dtype=torch.float64)
    inertia = data.y.view(-1, 3, 3)
    assert torch.allclose(inertia, inertia.mT)
    smallest, middle, largest = torch.linalg.eigvalsh(inertia).unbind(-1)
    assert bool((smallest > 0).all())
    assert bool((smallest + middle >= largest).all())


def test_the_inertia_is_invariant_under_permuting_the_bodies_together_only():
    task = O3Inertia()
    data = task.sample(100, 0, "train", dtype=torch.float64)
    assert task.symmetry.bodies == 5
    order = torch.tensor([2, 0, 4, 1, 3])
    masses, positions = data.x[:, :5], data.x[:, 5:].view(-1, 5, 3)
    together = torch.cat([masses[:, order], positions[:, order].flatten(1)], 1)
    apart = torch.cat([masses[:, order], positions.flatten(1)], 1)
    assert torch.allclose(task.target(together), data.y, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(task.target(apart), data.y, atol=0.1)


def test_the_inertia_has_the_known_moments():
    data = O3Inertia().sample(MANY, 0, "train", dtype=torch.float64)
    softplus = quad(
        lambda t: math.log1p(math.exp(t)) * math.exp(-t * t / 2) / math.sqrt(2 * math.pi), -9, 9
    )[0]
    diagonal = data.y[:, ::4].mean()  # E m (|r|² - r_x²) = 2 E m, for five bodies
    assert float(diagonal) == pytest.approx(10 * softplus, rel=0.01)
    assert float(diagonal) == pytest.approx(8.07, abs=0.05)
    assert float((data.y - data.y.mean(0)).square().mean()) == pytest.approx(11.07, rel=0.02)


def test_the_scattering_target_is_the_contraction_of_the_two_tensors():
    x = LorentzScattering().sample(300, 0, "train", dtype=torch.float64).x
    eta = torch.diag(torch.tensor([1.0, -1, -1, -1], dtype=torch.float64))
    p1, p2, p3, p4 = x.view(-1, 4, 4).unbind(1)

    def dot(p, q):
        return torch.einsum("nm,mk,nk->n", p, eta, q)[:, None, None]

    upper = p1[:, :, None] * p3[:, None] - (dot(p1, p3) - dot(p1, p1)) * eta
    low2, low4 = p2 @ eta, p4 @ eta
    lower = low2[:, :, None] * low4[:, None] - (dot(p2, p4) - dot(p2, p2)) * eta
    literal = 4 * (upper * lower).sum((1, 2))
    target = LorentzScattering().target(x).squeeze(1)
    assert torch.allclose(target, literal, rtol=1e-12, atol=1e-13)


def test_the_scattering_target_has_the_known_moments():
    data = LorentzScattering().sample(MANY, 0, "train", dtype=torch.float64)
    assert float(data.x.std()) == pytest.approx(0.25, rel=0.01)
    assert float(data.y.mean()) == pytest.approx(0.25, abs=0.01)  # 16 E a E b, E a = E b = 1/8
    assert float(data.y.var()) == pytest.approx(0.725, rel=0.05)
