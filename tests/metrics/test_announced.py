"""Announced generators: what they are compared with, and what they cost."""

import math

import pytest
import torch
from known_tasks import (
    Angle,
    Control,
    Discovering,
    Flat,
    Function,
    TwoBodies,
    algebra_scores,
    constant,
    known_algebra,
    perceptron,
    trained,
)

from symbench.contract import Data, Symmetry
from symbench.errors import ShapeError
from symbench.groups import GL, SO, Scalar, V
from symbench.metrics.announced import (
    AnnouncedOverlap,
    AnnouncedOwnDefect,
    AnnouncedUnconnected,
)
from symbench.metrics.spans import Span


def announced(L, task=None, module=None, **fields):
    task = task or Angle()
    module = module or perceptron(*task.input_shape, 1, 0)
    found = algebra_scores(task, module, Discovering(L), **fields)
    return {name: value for name, value in found.items() if name.startswith("announced")}


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_random_generators_are_at_chance_on_average():
    truth = known_algebra(Angle())
    overlap = torch.tensor([Span(normal(10, 5, 5, seed=s), truth, 25).overlap for s in range(50)])
    assert float(overlap.mean()) == pytest.approx(0, abs=3 * float(overlap.std()) / 50**0.5)


def test_announcing_the_declared_basis_is_exact():
    found = announced(SO(5).algebra.float())
    # the truth is orthonormal in the metric of the sampled data, where so(5) is only to rounding
    assert found["announced_cosine"] == pytest.approx(1, abs=1e-9)
    assert found["announced_overlap"] == pytest.approx(1, abs=1e-9)
    assert found["announced_count"] == 10
    assert found["announced_closure"] == pytest.approx(0, abs=1e-9)
    assert found["announced_defect"] < 1e-9


def test_mixing_and_scaling_the_generators_changes_nothing():
    mixed = torch.einsum("kl,lij->kij", normal(12, 10), SO(5).algebra) * 1e-3
    found = announced(mixed)
    assert found["announced_overlap"] == pytest.approx(1, abs=1e-9)
    assert found["announced_precision"] == pytest.approx(1, abs=1e-9)


def test_announcing_too_little_costs():
    found = announced(SO(5).algebra[:1])
    assert found["announced_cosine"] == pytest.approx(math.sqrt(1 / 10), abs=1e-9)
    assert found["announced_overlap"] == pytest.approx((1 / 10 - 1 / 25) / (1 - 1 / 25), abs=1e-9)
    assert found["announced_worst_cosine"] == 0
    assert found["announced_precision"] == pytest.approx(1, abs=1e-9)
    assert found["announced_recall"] == pytest.approx(1 / 10, abs=1e-9)


def test_announcing_everything_is_chance():
    found = announced(GL(5).algebra)
    assert found["announced_overlap"] == pytest.approx(0, abs=1e-9)
    assert found["announced_cosine"] == pytest.approx(math.sqrt(10 / 25), abs=1e-9)
    assert found["announced_precision"] == pytest.approx(10 / 25, abs=1e-9)
    assert found["announced_recall"] == pytest.approx(1, abs=1e-9)


def test_announcing_nothing_is_a_bad_answer():
    found = announced(torch.zeros(2, 5, 5))
    assert found["announced_cosine"] == found["announced_overlap"] == 0
    assert found["announced_recall"] == 0
    assert found["announced_count"] == found["announced_unconnected"] == 0
    assert not {"announced_precision", "announced_defect", "announced_own_defect"} & set(found)


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
    found = algebra_scores(Plane(), perceptron(4, 1, 0).double(), Discovering(-3 * L))
    assert found["announced_cosine"] == pytest.approx(cosine, rel=1e-9)


def test_what_a_generator_does_outside_the_data_does_not_count():
    # third coordinates vanish and second ones are three times larger: rotations of the plane are
    # conjugated, and any entry that reads the third coordinate is free
    generator = torch.tensor([[0.0, -1 / 3, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    junk = generator + 5 * torch.tensor([[0.0, 0, 1], [0, 0, 1], [0, 0, 1]])
    for L in (generator, junk):
        found = algebra_scores(Flat(), perceptron(6, 1, 0), Discovering(L[None]))
        assert found["announced_cosine"] == pytest.approx(1, abs=1e-3)
    assert Span(junk[None].double(), known_algebra(Flat()), 9, weighted=False).cosine < 0.5


def test_generators_of_the_wrong_shape_are_refused():
    with pytest.raises(ShapeError, match=r"\[k, 5, 5\]"):
        announced(torch.zeros(1, 10, 10))


def test_only_a_model_that_discovers_announces_generators():
    model = Discovering(SO(5).algebra)
    model.prior = "told"
    found = algebra_scores(Angle(), perceptron(10, 1, 0), model)
    assert not [name for name in found if name.startswith("announced")]
    assert announced(None) == {}


def test_what_a_model_announces_leaves_what_its_function_has_learned():
    found = algebra_scores(Angle(), perceptron(10, 1, 0), Discovering(SO(5).algebra))
    plain = algebra_scores(Angle(), perceptron(10, 1, 0))
    extracted = {name: value for name, value in found.items() if "announced" not in name}
    assert extracted == plain
    assert extracted["generator_overlap"] < 0.95


class Narrow(Angle):
    """A task with a small candidate, so(5) and the dilation, and known attainable generators."""

    name = "narrow"

    def candidate_algebra(self):
        return torch.cat([SO(5).algebra, torch.eye(5, dtype=torch.float64)[None]])

    def attainable(self, parametrisation):
        if parametrisation != "half":
            return None
        return SO(5).algebra[:5]


def test_announced_generators_are_compared_among_all_matrices_not_the_small_candidate():
    random = normal(10, 5, 5)
    found = announced(random, Narrow())["announced_overlap"]
    assert found == pytest.approx(Span(random, known_algebra(Narrow()), 25).overlap)


def test_the_reference_is_what_the_form_of_the_generators_attains():
    whole, half = Discovering(SO(5).algebra), Discovering(SO(5).algebra)
    half.parametrisation = "half"
    found = {
        model.parametrisation: algebra_scores(Narrow(), perceptron(10, 1, 0), model)
        for model in (whole, half)
    }
    assert found[""]["announced_cosine.reference"] == pytest.approx(1, abs=1e-9)
    assert found["half"]["announced_cosine.reference"] == pytest.approx(math.sqrt(0.5), abs=0.01)


def test_generators_that_are_not_finite_have_no_score():
    trial = trained(Angle(), perceptron(10, 1, 0), Discovering(torch.full((1, 5, 5), torch.nan)))
    assert AnnouncedOverlap().score(trial, Angle(), torch.Generator()) == {}
    assert trial.notes == {"announced_overlap": "the announced generators are not finite"}


class Remembering(Discovering):
    """Announces what the module holds."""

    def __init__(self):
        super().__init__(None)

    def generators(self, module):
        return module.L


def test_chance_is_the_score_before_training():
    before, after = (perceptron(10, 1, seed) for seed in range(2))
    before.L, after.L = SO(5).algebra[:1], SO(5).algebra
    found = algebra_scores(Angle(), after, Remembering(), initial=before)
    assert found["announced_overlap.chance"] == pytest.approx((1 / 10 - 1 / 25) / (24 / 25))
    assert found["announced_cosine.chance"] == pytest.approx(math.sqrt(1 / 10))
    assert "announced_overlap.chance" not in algebra_scores(Angle(), after, Remembering())


def test_the_guess_is_that_of_both_ways_of_ignoring_the_labels():
    """so(d) on the data as they are, and the isometries of their second moment."""
    for task, kept in ((Angle(), SO(5).algebra), (skewed(), None)):
        truth = known_algebra(task)
        W = truth.candidate.whitening
        isometries = W.colour @ SO(5).algebra @ W.whiten
        S = W.colour @ W.colour.mT
        assert torch.allclose(isometries @ S + S @ isometries.mT, torch.zeros(5, 5).double())
        found = [
            algebra_scores(task, perceptron(10, 1, 0), Discovering(L))["announced_overlap"]
            for L in (SO(5).algebra, isometries)
        ]
        guess = announced(SO(5).algebra, task)["announced_overlap.guess"]
        assert guess == pytest.approx(max(found), abs=1e-9)
        assert (found[0] == pytest.approx(1)) is (kept is not None)


def skewed():
    """The task in a basis that is not orthonormal: the guess so(5) is wrong there."""

    class Skewed(TwoBodies):
        name, input_shape = "skewed-angle", (10,)

        def __init__(self):
            super().__init__(torch.eye(5).double() + 0.5 * normal(5, 5, seed=7))

        @property
        def symmetry(self):
            return Symmetry(GL(5), (2 * V)(GL(5)), Scalar(GL(5)))

        def inputs(self, x):
            return (x.double().view(-1, 2, 5) @ self.B.mT).flatten(1).float()

        def target(self, x):
            plain = x.view(-1, 2, 5) @ torch.linalg.inv(self.B).mT.to(x)
            return Angle().target(plain.flatten(1))

    return Skewed()


def test_an_announced_generator_that_the_function_does_not_keep_is_unconnected():
    # invariant under rotations of the first four coordinates only: 6 of the 10 generators
    def partial(x):
        v = x.view(-1, 2, 5)
        return (v[..., :4].square().sum((1, 2)) + v[..., 4].sum(1))[:, None]

    found = announced(SO(5).algebra, module=Function(partial))
    assert found["announced_count"] == 10
    assert found["announced_unconnected"] == 4
    assert found["announced_defect"] < 1e-9
    assert 0.2 < found["announced_own_defect"] < found["announced_own_defect.bound"] < 1


def test_a_constant_function_keeps_nothing_that_is_announced():
    trial = trained(Angle(), constant(1.0), Discovering(SO(5).algebra))
    found = AnnouncedUnconnected().score(trial, Angle(), torch.Generator())
    assert found == {"announced_unconnected": 10.0}
    assert AnnouncedOwnDefect().score(trial, Angle(), torch.Generator()) == {}
    assert trial.notes == {"announced_own_defect": "the function does not vary"}


def test_a_wrong_generator_has_a_defect_on_the_exact_target():
    found = announced(torch.cat([SO(5).algebra, torch.eye(5)[None]]))
    assert 0.1 < found["announced_defect"] < found["announced_defect.bound"] < 1


def test_a_generator_announced_on_a_control_is_a_false_finding():
    task = Control()
    for L, wrong in ((torch.eye(3)[None], 1.0), (torch.zeros(1, 3, 3), 0.0)):
        found = algebra_scores(task, perceptron(3, 1, 0), Discovering(L))
        assert found["false_finding"] == found["announced_count"] == wrong
        assert "announced_overlap" not in found
    assert found.keys() >= {"generators_found", "announced_unconnected"}
    exact = algebra_scores(task, Function(task.target), Discovering(None))
    assert exact["false_finding"] == 0
    line = algebra_scores(task, Function(lambda x: x[:, :1]), Discovering(None))
    assert line["false_finding"] == 1  # it keeps whatever leaves its gradient unmoved


def centre_of_mass_generator():
    """J ⊗ [[1, -1], [-1, 1]] on (q₁, q₂), and on (p₁, p₂): LieGAN's answer for two bodies."""
    J = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    K = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    return torch.block_diag(torch.kron(K, J), torch.kron(K, J))[None]


def test_what_acts_alike_on_degenerate_data_is_exact_though_its_matrix_is_not():
    task = TwoBodies()
    L = centre_of_mass_generator()
    found = algebra_scores(task, perceptron(8, 1, 0).double(), Discovering(L))
    plain = Span(L, known_algebra(task), 64, weighted=False)
    assert plain.cosine == pytest.approx(0.5**0.5, abs=1e-6)
    assert found["announced_cosine"] == pytest.approx(1, abs=1e-6)
    assert found["generators_found.truth"] == 1


def test_a_change_of_basis_leaves_the_data_weighted_figure_and_not_the_other():
    B = torch.eye(8, dtype=torch.float64) + 0.4 * normal(8, 8, seed=3)
    half = torch.tensor([[0.5, -0.5], [-0.5, 0.5]], dtype=torch.float64)
    on_span = torch.block_diag(*2 * [torch.kron(half, torch.eye(2, dtype=torch.float64))])
    L = centre_of_mass_generator() + on_span @ normal(1, 8, 8, seed=4) @ on_span
    both = (TwoBodies(), L), (TwoBodies(B), B @ L @ torch.linalg.inv(B))
    figures = {
        weighted: [Span(L, known_algebra(task), 16, weighted=weighted).cosine for task, L in both]
        for weighted in (True, False)
    }
    assert 0.2 < figures[True][0] < 0.98
    assert figures[True][1] == pytest.approx(figures[True][0], abs=1e-5)  # float64 data
    assert abs(figures[False][0] - figures[False][1]) > 0.02
