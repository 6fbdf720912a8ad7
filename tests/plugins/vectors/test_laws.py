"""The contract of every vector task: its symmetry, its algebra and its draws."""

from __future__ import annotations

import pytest
import symbench_vectors
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_vectors.chiral import SO2Anisotropic, SO3Cross
from symbench_vectors.tasks import LorentzScattering, O3Inertia, O5Invariant, O5Noisy

from symbench.contract import SPLITS, Symmetry
from symbench.groups import SO, Group, Lorentz, O, Trivial
from symbench.registry import Registry

TASKS = [O5Invariant, O5Noisy, O3Inertia, LorentzScattering, SO3Cross, SO2Anisotropic]


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param()


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def violation(task, group: Group, count: int = 64) -> float:
    """Largest |y(gx) - g y(x)| relative to the largest |y|, in float64."""
    told = task.symmetry
    inputs, outputs = (rep.rebind(group) for rep in (told.input, told.output))
    x = task.sample(count, 3, "train", dtype=torch.float64).x
    g = group.sample(count, generator())
    moved, expected = task.target(inputs.act(g, x)), outputs.act(g, task.target(x))
    return float((moved - expected).abs().max() / expected.abs().max())


def annihilators(task) -> torch.Tensor:
    """The A in gl(V), [k, d, d], with Dy(x)[drho_in(A) x] = drho_out(A) y(x) at 200 points x."""
    told = task.symmetry
    d = told.group.dim
    x = task.sample(200, 4, "train", dtype=torch.float64).x
    columns = []
    for A in torch.eye(d * d, dtype=torch.float64).view(-1, d, d):
        y, change = torch.func.jvp(task.target, (x,), (told.input.drho_act(A, x),))
        columns.append((change - told.output.drho_act(A, y)).flatten())
    _, values, directions = torch.linalg.svd(torch.stack(columns, 1), full_matrices=False)
    return directions[values < 1e-9 * values[0]].view(-1, d, d)


def inside(A: torch.Tensor, B: torch.Tensor) -> bool:
    """Whether the span of A [k, d, d] is contained in the span of B."""
    flat = B.flatten(1)
    rest = torch.linalg.lstsq(flat.mT, A.flatten(1).mT).solution
    return torch.allclose(flat.mT @ rest, A.flatten(1).mT, atol=1e-9)


def test_the_target_is_equivariant_under_sampled_elements(task):
    assert violation(task, task.symmetry.group) < 1e-10


@pytest.mark.parametrize(
    ("cls", "larger"),
    [
        *((O5Invariant, O(1, 4)), (O3Inertia, O(1, 2)), (LorentzScattering, O(4))),
        *((SO3Cross, O(3)), (SO2Anisotropic, SO(3)), (SO2Anisotropic, O(3))),
        *((SO2Anisotropic, O(2) * Trivial(1)), (SO2Anisotropic, SO(2) * O(1))),
    ],
    ids=lambda part: getattr(part, "name", str(part)),
)
def test_the_target_is_not_equivariant_under_a_wrong_group(cls, larger):
    assert violation(cls(), larger) > 0.1


@pytest.mark.parametrize(
    ("cls", "dimension"),
    [
        *((O5Invariant, 10), (O5Noisy, 10), (O3Inertia, 4), (LorentzScattering, 6)),
        *((SO3Cross, 3), (SO2Anisotropic, 1)),
    ],
    ids=lambda part: getattr(part, "name", str(part)),
)
def test_the_true_algebra_has_the_known_dimension_and_holds_the_declared_one(cls, dimension):
    task = cls()
    true = annihilators(task)
    assert len(true) == dimension
    assert inside(task.symmetry.group.algebra, true)


def test_the_inertia_is_also_equivariant_under_scaling():
    assert inside(torch.eye(3, dtype=torch.float64)[None], annihilators(O3Inertia()))


@pytest.mark.parametrize(
    ("cls", "group", "inputs", "outputs"),
    [
        (O5Invariant, O(5), "2 V", "Scalar"),
        (O3Inertia, O(3), "5 Scalar + 5 V", "V ⊗ V"),
        (LorentzScattering, Lorentz(), "4 V", "Scalar"),
        (SO3Cross, SO(3), "3 V", "V"),
        (SO2Anisotropic, SO(2) * Trivial(1), "2 V", "V"),
    ],
    ids=lambda part: getattr(part, "name", None),
)
def test_the_declared_symmetry_is_the_published_one(cls, group, inputs, outputs):
    told: Symmetry = cls().symmetry
    assert (told.group, str(told.input), str(told.output)) == (group, inputs, outputs)


def test_shapes_agree_with_the_representations(task):
    data = task.sample(7, 0, "train")
    assert data.x.shape == (7, task.symmetry.input.size) == (7, *task.input_shape)
    assert data.y.shape == (7, task.symmetry.output.size) == (7, *task.output_shape)
    assert data.x.dtype == data.y.dtype == torch.float32


def test_a_draw_depends_only_on_its_arguments(task):
    first, second = task.sample(50, 1, "train"), type(task)().sample(50, 1, "train")
    torch.manual_seed(0)
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.y, second.y)
    assert task.fingerprint() == type(task)().fingerprint()


def test_splits_and_seeds_share_no_point(task):
    draws = [task.sample(300, seed, split).x for split in SPLITS for seed in (0, 1)]
    points = torch.cat(draws)
    assert len(points.unique(dim=0)) == len(points)


def test_both_dtypes_see_the_same_points_and_targets(task):
    single, double = (task.sample(99, 2, "test", dtype=t) for t in (torch.float32, torch.float64))
    assert torch.equal(single.x.double(), double.x)
    assert torch.equal(single.y, double.y.float())
    assert torch.equal(double.y, task.target(double.x))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.sampled_from([torch.float32, torch.float64]))
def test_the_target_keeps_the_dtype_and_any_leading_shape(seed, dtype):
    for cls in TASKS:
        task = cls()
        x = torch.randn(2, 3, *task.input_shape, generator=generator(seed), dtype=dtype)
        y = task.target(x)
        assert y.shape == (2, 3, *task.output_shape)
        assert y.dtype == dtype
        one_by_one = torch.func.vmap(torch.func.vmap(task.target))(x)
        assert torch.allclose(y, one_by_one, rtol=1e-4, atol=1e-4)


def test_the_forward_derivative_is_the_difference_quotient(task):
    x = task.sample(40, 0, "train", dtype=torch.float64).x
    v = torch.randn(x.shape, generator=generator(), dtype=torch.float64)
    _, exact = torch.func.jvp(task.target, (x,), (v,))
    step = 1e-5
    quotient = (task.target(x + step * v) - task.target(x - step * v)) / (2 * step)
    assert torch.allclose(exact, quotient, rtol=1e-5, atol=1e-5)


def test_paper_error_is_the_mean_squared_error_over_all_entries(task):
    y = torch.zeros(4, *task.output_shape)
    prediction = torch.zeros_like(y)
    prediction[0, 0] = 6.0
    assert task.paper_error(prediction, y) == pytest.approx(36 / y.numel())


def test_the_cards_agree_with_the_classes():
    registry = Registry()
    registry.add(symbench_vectors, "symbench_vectors", "1", "tests")
    others = [name for name in registry.tasks if name.startswith("posed-")]
    assert set(registry.tasks) == {task.name for task in TASKS} | set(others)
    assert len(others) == 12
    for name, card in registry.tasks.items():
        task = registry.task(name)
        assert card.summary == task.summary
        for key, value in card.details.items():
            assert getattr(task, key) == value
