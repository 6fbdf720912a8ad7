"""Generators of rotations that a parametrisation can attain: published and measured cosines."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_images.attainable import Path, attainable, logarithm
from symbench_images.rotation import (
    bilinear_rotation,
    pixel_grid,
    published_rotation_generator,
    rotation_generator,
)
from symbench_images.rotation_tasks import (
    RotationAngle,
    RotationAngleClean,
    RotationAngleLarge,
    RotationFixed,
    RotationFixedClean,
)

TRUE, PUBLISHED = rotation_generator(7), published_rotation_generator(7)


def cosine(A: torch.Tensor, B: torch.Tensor) -> float:
    return abs(float((A * B).sum() / (A.norm() * B.norm())))


def skew(A: torch.Tensor) -> torch.Tensor:
    return (A - A.mT) / 2


def masked(A: torch.Tensor) -> torch.Tensor:
    x, y = pixel_grid(7)
    inside = x.square() + y.square() <= 9
    return A[inside][:, inside]


def bilinear(angles: torch.Tensor) -> torch.Tensor:
    return bilinear_rotation(7, angles)


def smooth(angles: torch.Tensor) -> torch.Tensor:
    g: torch.Tensor = torch.linalg.matrix_exp(angles[:, None, None] * TRUE)
    return g


class Twelfths(Path):
    """The angles of the known measurements: the positive multiples of π/96 up to π/8."""

    def quadrature(self) -> tuple[torch.Tensor, torch.Tensor]:
        angles = torch.arange(1, 13, dtype=torch.float64) / 12 * self.high
        return angles, torch.full((12,), 1 / 12, dtype=torch.float64)


@pytest.mark.parametrize(
    ("parametrisation", "raw", "antisymmetrised"),
    [("linear", 0.264, 0.686), ("recursive-3", 0.569, 0.931), ("exponential", 0.620, 0.930)],
)
def test_one_sided_bilinear_rotations_as_measured(parametrisation, raw, antisymmetrised):
    L = attainable(Twelfths(bilinear, 0.0, math.pi / 8), parametrisation)[0]
    assert cosine(L, PUBLISHED) == pytest.approx(raw, abs=1e-3)
    assert cosine(skew(L), PUBLISHED) == pytest.approx(antisymmetrised, abs=1e-3)


def test_angles_of_both_signs_remove_the_blur():
    L = attainable(Path(bilinear, -math.pi / 16, math.pi / 16), "exponential")[0]
    assert cosine(L, PUBLISHED) == pytest.approx(0.943, abs=1e-3)
    assert cosine(L, TRUE) == pytest.approx(0.972, abs=1e-3)
    wide = attainable(Path(bilinear, -math.pi / 8, math.pi / 8), "exponential")[0]
    assert cosine(wide, PUBLISHED) == pytest.approx(0.911, abs=1.5e-3)


def test_a_fixed_bilinear_rotation_as_measured():
    L = RotationFixed().attainable("linear")[0]
    found = (cosine(L, PUBLISHED), cosine(L, TRUE), cosine(masked(L), masked(TRUE)))
    assert found == pytest.approx((0.270, 0.278, 0.293), abs=5e-4)
    L = skew(L)
    found = (cosine(L, PUBLISHED), cosine(L, TRUE), cosine(masked(L), masked(TRUE)))
    assert found == pytest.approx((0.684, 0.705, 0.840), abs=5e-4)


def test_the_logarithm_of_a_small_bilinear_rotation_as_measured():
    angle = torch.tensor([math.pi / 20], dtype=torch.float64)
    L = logarithm(bilinear(angle)[0])
    found = (cosine(L, PUBLISHED), cosine(L, TRUE), cosine(masked(L), masked(TRUE)))
    assert found == pytest.approx((0.485, 0.500, 0.407), abs=5e-4)
    L = skew(L)
    found = (cosine(L, PUBLISHED), cosine(L, TRUE), cosine(masked(L), masked(TRUE)))
    assert found == pytest.approx((0.938, 0.967, 0.957), abs=5e-4)


def test_the_logarithm_of_the_fixed_bilinear_rotation_is_not_real():
    R = bilinear(torch.tensor([math.pi / 10], dtype=torch.float64))[0]
    assert logarithm(R).is_complex()
    assert RotationFixed().attainable("exponential") is None
    assert RotationFixed().attainable("recursive-3") is None


def test_the_antisymmetric_solution_is_the_nearest_rotation_to_a_bilinear_one():
    L = RotationFixed().attainable("exponential-skew")[0]
    assert torch.equal(L, -L.mT)
    theta = torch.tensor([math.pi / 10], dtype=torch.float64)
    R = bilinear(theta)[0]
    nearest = float((torch.linalg.matrix_exp(theta * L) - R).norm())
    generator = torch.Generator().manual_seed(5)
    for _ in range(20):
        step = skew(torch.randn(49, 49, generator=generator, dtype=torch.float64))
        other = torch.linalg.matrix_exp(theta * (L + 0.01 * step))
        assert float((other - R).norm()) > nearest


@pytest.mark.parametrize("task", [RotationFixedClean, RotationAngleClean])
@pytest.mark.parametrize("parametrisation", ["exponential", "exponential-skew"])
def test_exponentials_attain_the_true_generator_on_clean_data(task, parametrisation):
    L = task().attainable(parametrisation)[0]
    assert float((L - TRUE).norm() / TRUE.norm()) < 1e-6


def test_a_linear_step_does_not_attain_it_even_on_clean_data():
    L = RotationFixedClean().attainable("linear")[0]
    assert cosine(L, TRUE) == pytest.approx(0.582, abs=1e-3)
    assert cosine(skew(L), TRUE) == pytest.approx(0.913, abs=1e-3)


def test_more_recursions_come_closer_to_the_exponential():
    path = Path(smooth, math.pi / 10, math.pi / 10)
    found = [cosine(attainable(path, f"recursive-{r}")[0], TRUE) for r in (1, 3, 10, 100)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(cosine(attainable(path, "linear")[0], TRUE), abs=1e-9)
    assert found[-1] > 0.999


@pytest.mark.parametrize("low", [-math.pi / 8, 0.0])
def test_one_recursion_is_the_closed_form_of_the_linear_step(low):
    path = Path(bilinear, low, math.pi / 8)
    fitted, exact = attainable(path, "recursive-1")[0], attainable(path, "linear")[0]
    assert torch.allclose(fitted, exact, atol=1e-6)


def test_the_quadrature_is_fine_enough():
    class Fine(Path):
        def quadrature(self) -> tuple[torch.Tensor, torch.Tensor]:
            angles = (torch.arange(400, dtype=torch.float64) + 0.5) / 400 * self.high
            return angles, torch.full((400,), 1 / 400, dtype=torch.float64)

    coarse, fine = (P(bilinear, 0.0, math.pi / 8) for P in (Path, Fine))
    L, exact = attainable(coarse, "linear")[0], attainable(fine, "linear")[0]
    assert float((L - exact).norm() / exact.norm()) < 5e-3


def test_the_antisymmetric_ceiling_of_the_published_data():
    L = RotationAngle().attainable("exponential-skew")[0]
    assert cosine(L, TRUE) == pytest.approx(0.915, abs=2e-3)


def test_what_is_unknown_or_out_of_reach_is_none():
    assert RotationAngle().attainable("") is None
    assert RotationAngle().attainable("recursive-0") is None
    assert RotationAngleLarge().attainable("exponential") is None
    assert RotationAngleLarge().attainable("linear").shape == (1, 400, 400)


def test_the_way_back_adds_nothing_for_an_orthogonal_path() -> None:
    path = Path(bilinear, 0.0, math.pi / 8)
    forth = attainable(path, "exponential-skew")
    both = attainable(path, "exponential-skew-return")
    assert forth is not None
    assert both is not None
    assert cosine(forth[0], both[0]) == pytest.approx(1, abs=1e-4)


def test_small_angles_show_the_generator_through_the_interpolation() -> None:
    path = Path(bilinear, 0.0, math.pi / 8)
    plain, weighted = (attainable(path, f"exponential-skew{end}") for end in ("", "-weighted"))
    assert plain is not None
    assert weighted is not None
    assert cosine(weighted[0], TRUE) > cosine(plain[0], TRUE) + 0.03
