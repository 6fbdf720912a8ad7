import math

import pytest
import torch
from known_tasks import (
    Angle,
    Control,
    Discovering,
    Flat,
    Function,
    Inertia,
    Minkowski,
    Nothing,
    TwoBodies,
    constant,
    perceptron,
    trained,
)

from symbench.contract import Data, Symmetry
from symbench.errors import ShapeError
from symbench.groups import GL, SO, Scalar, V
from symbench.metrics import CORE, GeneratorCosine, GeneratorsFound
from symbench.metrics.generators import GeneratorScore

SCORES = [metric for metric in CORE if issubclass(metric, GeneratorScore)]


def scores(task, module, model=None):
    trial, found = trained(task, module, model), {}
    for metric in SCORES:
        if metric().applies(task, trial.model):
            found |= metric().score(trial, task, torch.Generator())
    return found


def announced(L, task=None):
    return scores(task or Angle(), perceptron(10, 1, 0), Discovering(L))


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("task", [Angle(), Inertia(), Minkowski()], ids=lambda task: task.name)
def test_the_exact_target_keeps_the_true_generators(task):
    found = scores(task, Function(task.target))
    for name in ("cosine", "cosine_frobenius", "overlap", "worst_cosine", "precision", "recall"):
        assert found[f"generator_{name}"] == pytest.approx(1, abs=1e-9)
    assert found["generators_found"] == found["generators_found.truth"] == len_true(task)
    assert found["generator_cosine.explicit"] == 0
    assert found["generator_cosine.ceiling"] == pytest.approx(1, abs=1e-9)


def len_true(task):
    return {"angle": 10, "inertia": 4, "minkowski": 6}[task.name]


def test_untrained_networks_are_at_chance_on_average():
    found = [scores(Minkowski(), perceptron(12, 1, seed)) for seed in range(50)]
    overlap = torch.tensor([s["generator_overlap"] for s in found])
    error = float(overlap.std()) / 50**0.5
    assert error < 0.02
    assert float(overlap.mean()) == pytest.approx(0, abs=3 * error)
    assert found[0]["generator_cosine.chance"] == pytest.approx(math.sqrt(6 / 16))


def test_random_generators_are_at_chance_on_average():
    found = [announced(normal(10, 5, 5, seed=seed)) for seed in range(50)]
    overlap = torch.tensor([s["generator_overlap"] for s in found])
    assert float(overlap.mean()) == pytest.approx(0, abs=3 * float(overlap.std()) / 50**0.5)


def test_announcing_the_declared_basis_is_exact():
    found = announced(SO(5).algebra.float())
    # the truth is orthonormal in the metric of the sampled data, where so(5) is only to rounding
    assert found["generator_cosine"] == pytest.approx(1, abs=1e-9)
    assert found["generator_overlap"] == pytest.approx(1, abs=1e-9)
    assert found["generator_cosine.explicit"] == 1


def test_mixing_and_scaling_the_generators_changes_nothing():
    mixed = torch.einsum("kl,lij->kij", normal(12, 10), SO(5).algebra) * 1e-3
    found = announced(mixed)
    assert found["generator_overlap"] == pytest.approx(1, abs=1e-9)
    assert found["generator_precision"] == pytest.approx(1, abs=1e-9)


def test_announcing_too_little_costs():
    found = announced(SO(5).algebra[:1])
    assert found["generator_cosine"] == pytest.approx(math.sqrt(1 / 10), abs=1e-9)
    assert found["generator_overlap"] == pytest.approx((1 / 10 - 1 / 25) / (1 - 1 / 25), abs=1e-9)
    assert found["generator_worst_cosine"] == 0
    assert found["generator_precision"] == pytest.approx(1, abs=1e-9)
    assert found["generator_recall"] == pytest.approx(1 / 10, abs=1e-9)


def test_announcing_everything_is_chance():
    found = announced(GL(5).algebra)
    assert found["generator_overlap"] == pytest.approx(0, abs=1e-9)
    assert found["generator_cosine"] == pytest.approx(math.sqrt(10 / 25), abs=1e-9)
    assert found["generator_precision"] == pytest.approx(10 / 25, abs=1e-9)
    assert found["generator_recall"] == pytest.approx(1, abs=1e-9)


def test_announcing_nothing_is_a_bad_answer():
    found = announced(torch.zeros(2, 5, 5))
    assert found["generator_cosine"] == found["generator_overlap"] == 0
    assert found["generator_recall"] == 0
    assert "generator_precision" not in found


def test_one_generator_is_compared_by_its_cosine():
    class Plane(Angle):
        name, input_shape = "plane", (4,)

        @property
        def symmetry(self):
            return Symmetry(SO(2), (2 * V)(SO(2)), Scalar(SO(2)))

        def sample(self, n, seed, split):
            z = torch.randn(n, 2, 2, generator=self.generator(seed, split), dtype=torch.float64)
            moment = (z.flatten(0, 1).mT @ z.flatten(0, 1)) / (2 * n)  # exactly white data
            x = (z @ torch.linalg.inv(torch.linalg.cholesky(moment)).mT).flatten(1)
            return Data(x, self.target(x))

        def target(self, x):
            a, b = x[:, :2], x[:, 2:]
            return (a.square() + 2 * a * b).sum(1, keepdim=True).sin()

    L = normal(1, 2, 2, seed=4)
    rotation = torch.tensor([[0.0, -1.0], [1.0, 0.0]]).double()
    cosine = abs(float((L[0] * rotation).sum())) / float(L.norm() * rotation.norm())
    found = scores(Plane(), perceptron(4, 1, 0).double(), Discovering(-3 * L))
    assert found["generator_cosine"] == pytest.approx(cosine, rel=1e-9)
    assert found["generator_cosine_frobenius"] == pytest.approx(cosine, rel=1e-9)


def test_what_a_generator_does_outside_the_data_does_not_count():
    # third coordinates vanish and second ones are three times larger: rotations of the plane are
    # conjugated, and any entry that reads the third coordinate is free
    generator = torch.tensor([[0.0, -1 / 3, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    junk = generator + 5 * torch.tensor([[0.0, 0, 1], [0, 0, 1], [0, 0, 1]])
    for L in (generator, junk):
        found = scores(Flat(), perceptron(6, 1, 0), Discovering(L[None]))
        assert found["generator_cosine"] == pytest.approx(1, abs=1e-3)
    assert found["generator_cosine_frobenius"] < 0.5


def test_generators_of_the_wrong_shape_are_refused():
    with pytest.raises(ShapeError, match=r"\[k, 5, 5\]"):
        announced(torch.zeros(1, 10, 10))


def test_only_a_model_that_discovers_announces_generators():
    model = Discovering(SO(5).algebra)
    model.prior = "told"
    found = scores(Angle(), perceptron(10, 1, 0), model)
    assert found["generator_cosine.explicit"] == 0
    assert found["generator_cosine"] < 0.95


def test_a_model_that_announces_none_is_extracted():
    found = scores(Angle(), Function(Angle().target), Discovering(None))
    assert found["generator_cosine.explicit"] == 0
    assert found["generator_overlap"] == pytest.approx(1, abs=1e-9)


def test_a_constant_model_has_no_extracted_scores():
    assert scores(Angle(), constant(1.0)) == {}


def test_a_control_without_symmetry_keeps_no_generator():
    task = Control()
    assert scores(task, Function(task.target)) == {
        "generators_found": 0.0,
        "generators_found.truth": 0.0,
    }
    assert GeneratorsFound().applies(task, None)
    assert not GeneratorCosine().applies(task, None)


def test_a_group_without_algebra_has_no_scores():
    assert not any(metric().applies(Nothing(), None) for metric in SCORES)


def test_a_linear_function_keeps_what_moves_nothing_along_its_gradient():
    # w·a: A is a symmetry where w A = 0, 20 of the 25 dimensions of gl(5)
    found = scores(Angle(), Function(lambda x: x[:, :5].sum(1, keepdim=True)))
    assert found["generators_found"] == 20
    assert found["generator_overlap"] < 0.9


def test_a_missing_rotation_is_found_missing():
    # invariant under rotations of the first four coordinates only: 6 of the 10 generators
    def partial(x):
        v = x.view(-1, 2, 5)
        return (v[:, 0, :4].square() + v[:, 0, :4] * v[:, 1, :4]).sum(1, keepdim=True) + (
            v[:, :, 4].exp().sum(1, keepdim=True)
        )

    found = scores(Angle(), Function(partial))
    assert found["generators_found"] == 6
    assert found["generator_precision"] == pytest.approx(1, abs=1e-9)
    assert found["generator_recall"] == pytest.approx(0.6, abs=1e-9)
    assert found["generator_worst_cosine"] < 0.9


class Narrow(Angle):
    """A task with a small candidate, so(5) and the dilation, and known attainable generators."""

    name = "narrow"

    def candidate_algebra(self):
        return torch.cat([SO(5).algebra, torch.eye(5, dtype=torch.float64)[None]])

    def attainable(self, parametrisation):
        if parametrisation != "half":
            return None
        return SO(5).algebra[:5]


def test_explicit_generators_are_at_chance_among_all_matrices_not_the_small_candidate():
    found = [announced(normal(10, 5, 5, seed=seed), Narrow()) for seed in range(30)]
    assert found[0]["generator_cosine.chance"] == pytest.approx(math.sqrt(10 / 25))
    overlap = torch.tensor([s["generator_overlap"] for s in found])
    assert float(overlap.mean()) == pytest.approx(0, abs=3 * float(overlap.std()) / 30**0.5)


def test_the_ceiling_of_explicit_generators_is_what_their_form_attains():
    whole, half = Discovering(SO(5).algebra), Discovering(SO(5).algebra)
    half.parametrisation = "half"
    found = {
        model.parametrisation: scores(Narrow(), perceptron(10, 1, 0), model)
        for model in (whole, half)
    }
    assert found[""]["generator_cosine.ceiling"] == pytest.approx(1, abs=1e-9)
    assert found["half"]["generator_cosine.ceiling"] == pytest.approx(math.sqrt(0.5), abs=0.01)


def test_generators_that_are_not_finite_have_no_score():
    found = announced(torch.full((1, 5, 5), torch.nan))
    assert not [name for name in found if name.startswith("generator_")]


def test_a_control_that_says_its_layout_is_searched_in_all_of_gl():
    class Unsymmetric(Angle):
        name = "unsymmetric"

        @property
        def symmetry(self):
            return None

        def layout(self):
            return Symmetry(GL(5), (2 * V)(GL(5)), Scalar(GL(5)))

        def target(self, x):
            powers = torch.arange(1, 11, dtype=x.dtype)
            return ((x * powers).sin() + x * x.roll(1, -1) * powers).sum(-1, keepdim=True)

    found = scores(Unsymmetric(), Function(Unsymmetric().target))
    assert found == {"generators_found": 0.0, "generators_found.truth": 0.0}


def centre_of_mass_generator():
    """J ⊗ [[1, -1], [-1, 1]] on (q₁, q₂), and on (p₁, p₂): LieGAN's answer for two bodies."""
    J = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    K = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    return torch.block_diag(torch.kron(K, J), torch.kron(K, J))[None]


def test_what_acts_alike_on_degenerate_data_is_exact_though_its_matrix_is_not():
    task = TwoBodies()
    found = scores(task, perceptron(8, 1, 0).double(), Discovering(centre_of_mass_generator()))
    assert found["generator_cosine_frobenius"] == pytest.approx(0.5**0.5, abs=1e-6)
    assert found["generator_cosine"] == pytest.approx(1, abs=1e-6)
    assert found["generators_found.truth"] == 1


def test_a_change_of_basis_leaves_the_data_weighted_figure_and_not_the_other():
    B = torch.eye(8, dtype=torch.float64) + 0.4 * normal(8, 8, seed=3)
    half = torch.tensor([[0.5, -0.5], [-0.5, 0.5]], dtype=torch.float64)
    on_span = torch.block_diag(*2 * [torch.kron(half, torch.eye(2, dtype=torch.float64))])
    L = centre_of_mass_generator() + on_span @ normal(1, 8, 8, seed=4) @ on_span
    figures = [
        scores(task, perceptron(8, 1, 0).double(), Discovering(learned))
        for task, learned in (
            (TwoBodies(), L),
            (TwoBodies(B), B @ L @ torch.linalg.inv(B)),
        )
    ]
    before, after = (f["generator_cosine"] for f in figures)
    assert 0.2 < before < 0.98
    assert after == pytest.approx(before, abs=1e-5)  # the sampled data are in float64
    plain = [f["generator_cosine_frobenius"] for f in figures]
    assert abs(plain[0] - plain[1]) > 0.02
