"""The truth of every built-in task is what its exact target keeps."""

from __future__ import annotations

import pytest
import torch
from known_tasks import Discovering, algebra_scores, known_algebra
from torch import Tensor

from symbench.contract import Task
from symbench.registry import load

REGISTRY = load()
SLOW = {"spring-pendulum", "spring-pendulum-half"}  # their targets are integrated


def local_tasks() -> dict[str, Task]:
    tasks = {name: card.load().for_tier("smoke") for name, card in REGISTRY.tasks.items()}
    return {name: task for name, task in tasks.items() if task.is_local()}


TASKS = local_tasks()


def with_algebra_and_target(task: Task) -> bool:
    """Whether a group that acts exactly has an algebra, and the exact target is known."""
    if task.symmetry is None or len(task.symmetry.group.algebra) == 0:
        return False
    if not getattr(task.symmetry.group, "is_exact", True):
        return False
    return task.target(task.sample(2, 0, "test").x.double()) is not None


EXACT = [
    pytest.param(name, marks=(pytest.mark.slow,) if name in SLOW else ())
    for name, task in TASKS.items()
    if name in SLOW or with_algebra_and_target(task)
]


def test_there_are_tasks_of_every_kind_with_an_exact_target():
    assert len(EXACT) >= 15
    assert {TASKS[one.values[0]].kind for one in EXACT} == {"vectors", "image", "trajectory"}


@pytest.mark.parametrize("name", EXACT)
def test_the_exact_target_keeps_the_declared_algebra(name):
    truth = known_algebra(TASKS[name])
    declared = truth.candidate.coordinates(truth.declared)
    inside = declared @ truth.Q.mT @ truth.Q
    assert torch.allclose(inside, declared, atol=1e-7 * float(declared.abs().max()))
    if truth.target is not None:
        assert truth.is_exact
        assert float(truth.target.defects_of(truth.declared).values.max()) < 1e-7


@pytest.mark.parametrize("name", ["no-symmetry"])
def test_a_control_has_no_symmetry_in_its_candidate(name):
    truth = known_algebra(TASKS[name])
    assert truth.is_zero
    assert float(truth.bounds(truth.target).min()) > 0.1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ornstein-uhlenbeck", "keeps every generator of the candidate algebra"),
        ("drift-diffusion", "does not vary"),
    ],
)
def test_there_is_nothing_to_find_where_the_exact_target_keeps_everything(name, reason):
    truth = known_algebra(TASKS[name])
    assert truth.nothing == f"the exact target {reason}"
    assert not truth.is_proper
    assert not truth.is_zero


def test_no_function_is_compared_with_what_the_exact_target_does_not_keep():
    task = TASKS["rotation-fixed"]  # interpolation is no rotation
    assert known_algebra(task).contradicted
    assert not known_algebra(TASKS["rotation-fixed-clean"]).contradicted
    found = algebra_scores(task, Rotated(task), Discovering(task.symmetry.group.algebra))
    assert found["announced_overlap"] == pytest.approx(1)
    assert all(name.startswith("announced") for name in found)


class Rotated(torch.nn.Module):
    """The exact target."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task

    def forward(self, x: Tensor) -> Tensor:
        target = self.task.target(x)
        assert target is not None
        return target


def form_of_all_linear_maps(task: Task) -> tuple[Tensor, int]:
    """Return the columns Df(x)[Mx] - N f(x) for all M and N, and how many map all data to zero."""
    inputs, outputs = (torch.Size(s).numel() for s in (task.input_shape, task.output_shape))
    count = max(64, -(-3 * (inputs**2 + outputs**2) // outputs))
    x = task.sample(count, 0, "test").x.double().flatten(1)

    def f(x: Tensor) -> Tensor:
        return task.target(x).flatten(1)  # type: ignore[union-attr]

    rows = torch.autograd.functional.jacobian(lambda x: f(x).sum(0), x)
    along = torch.einsum("oni,nj->noij", rows, x).flatten(2)
    turned = torch.einsum("op,nq->nopq", torch.eye(outputs).double(), f(x)).flatten(2)
    form = torch.cat([along, -turned], 2).flatten(0, 1)
    unseen = [len(v[0]) * (len(v[0]) - int(torch.linalg.matrix_rank(v))) for v in (x, f(x))]
    return form / form.norm(dim=0), sum(unseen)


@pytest.mark.parametrize(
    ("name", "dimension", "trivial"),
    [
        ("attractor-network", 0, 0), ("broken-o5-0", 10, 0), ("broken-o5-0.1", 6, 0),
        ("broken-o5-cubic-0.1", 6, 0), ("double-well", 0, 0), ("em-force", 110, 0),
        ("gravity-energy", 125, 0), ("hidden-conjugate", 10, 0), ("law-o3-anisotropic", 3, 0),
        ("law-o3-isotropic", 3, 0), ("law-so2-anisotropic", 1, 0), ("law-so2-isotropic", 1, 0),
        ("lorentz-scattering", 8, 0),
        ("mass-spring", 4, 0), ("no-symmetry", 0, 0), ("noether-current", 0, 0),
        ("noether-current-control", 0, 0), ("o3-inertia", 14, 27), ("o5-invariant", 10, 0),
        ("o5-noisy", 10, 0), ("ornstein-uhlenbeck", 4, 0), ("ornstein-uhlenbeck-rotating", 4, 0),
        ("ring-diffusion", 1, 0), ("so2-3-anisotropic", 3, 0), ("so3-cross", 7, 0),
    ],
)  # fmt: skip
def test_the_symmetries_among_all_linear_maps_of_inputs_and_outputs(name, dimension, trivial):
    task = TASKS[name]
    form, unseen = form_of_all_linear_maps(task)
    values = torch.linalg.svdvals(form)
    assert unseen == trivial
    assert int((values < 1e-9 * values[0]).sum()) == dimension + trivial
    assert int((values < 1e-4 * values[0]).sum()) == dimension + trivial
    declared = 0 if task.symmetry is None else len(task.symmetry.group.algebra)
    assert bool(task.further_symmetries) is (dimension > declared)
