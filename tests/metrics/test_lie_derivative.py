from dataclasses import replace

import pytest
import torch
from known_tasks import (
    Angle,
    AnyModel,
    Control,
    Function,
    Inertia,
    Labels,
    Minkowski,
    Nothing,
    Unknown,
    constant,
    known_algebra,
    perceptron,
    score,
    trained,
)
from torch import nn

from symbench.contract import Data, Symmetry
from symbench.groups import SO, Group, Scalar, Trivial, V
from symbench.metrics import LieDerivative
from symbench.metrics.derivative import Derivative

NAME = "lie_derivative"


@pytest.mark.parametrize(
    ("task", "dimension"),
    [(Angle(), 10), (Inertia(), 4), (Minkowski(), 6)],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_exact_target_has_the_known_algebra(task, dimension):
    truth = known_algebra(task)
    assert len(truth.Q) == dimension
    declared = truth.candidate.coordinates(task.symmetry.group.algebra)
    inside = declared @ truth.Q.mT @ truth.Q
    assert torch.allclose(inside, declared, atol=1e-9)


def test_the_inertia_target_is_scale_equivariant_too():
    truth = known_algebra(Inertia())
    scaling = truth.candidate.coordinates(torch.eye(3).double()[None])
    assert torch.allclose(scaling @ truth.Q.mT @ truth.Q, scaling, atol=1e-9)


def test_without_a_target_the_declared_algebra_is_the_truth():
    exact, declared = known_algebra(Angle()), known_algebra(Unknown())
    assert declared.target is None
    assert torch.linalg.svdvals(exact.Q @ declared.Q.mT) == pytest.approx(torch.ones(10), abs=1e-9)


@pytest.mark.parametrize("task", [Angle(), Inertia(), Minkowski()], ids=lambda task: task.name)
def test_the_exact_target_scores_zero_to_rounding(task):
    found = score(LieDerivative, task, Function(task.target))
    assert found[NAME] <= 1e-20
    assert found[f"{NAME}.reference"] <= 1e-20
    assert found[f"{NAME}.chance"] == 1


def _of_finite_differences(task, f):
    """The means of E||C A||² over gl(5) and over so(5), by differences and explicit matrices."""
    h, data = 1e-6, task.sample(600, 0, "test").x.double()
    v = data.view(-1, 5)
    root = torch.linalg.cholesky(v.mT @ v / len(v))
    x = data[torch.linspace(0, 599, 256).round().long()]

    def column(A):
        step = h * (x.view(-1, 2, 5) @ A.mT).flatten(1)
        with torch.no_grad():
            return ((f(x + step) - f(x - step)) / (2 * h)).flatten()

    units = torch.eye(25).double().view(25, 5, 5)
    C = torch.stack([column(root @ E @ torch.linalg.inv(root)) for E in units], 1)
    so5 = torch.linalg.inv(root) @ SO(5).algebra @ root
    Q = torch.linalg.qr(so5.flatten(1).mT).Q
    return float(C.square().sum()) / 25 / 256, float((C @ Q).square().sum()) / 10 / 256


def test_finite_differences_and_the_closed_algebra_give_the_same():
    task = Angle()
    _, violation = _of_finite_differences(task, perceptron(10, 1, 3).double())
    unit, _ = _of_finite_differences(task, task.target)
    found = score(LieDerivative, task, perceptron(10, 1, 3))[NAME]
    assert found == pytest.approx(violation / unit, rel=1e-6)


def test_equivariant_outputs_are_differentiated_too():
    task, net, h = Inertia(), perceptron(12, 9, 3).double(), 1e-6
    truth = known_algebra(task)
    x, A = truth.candidate.x, truth.candidate.basis
    C = Derivative.of(truth.candidate, net.requires_grad_(False)).C.flatten(0, 1)
    rep_in, rep_out = task.symmetry.input, task.symmetry.output
    for column, a in enumerate(A):
        step = h * x @ rep_in.drho(a).mT
        change = (net(x + step) - net(x - step)) / (2 * h) - net(x) @ rep_out.drho(a).mT
        assert torch.allclose(C[:, column], change.flatten(), atol=1e-7)


def test_a_random_function_as_steep_as_the_target_is_at_chance():
    # Inputs this small leave the network nearly linear. Curvature is not neutral: weights drawn
    # isotropically make its radial part invariant under rotations.
    task = Minkowski()
    truth = known_algebra(task)
    found = []
    for seed in range(50):
        net = perceptron(12, 1, seed).double().requires_grad_(False)
        C = Derivative.of(truth.candidate, net)
        steep = (truth.target.mean_square() / C.mean_square()) ** 0.5
        found.append(score(LieDerivative, task, steepened(net, steep))[NAME])
    mean = torch.tensor(found)
    error = float(mean.std()) / 50**0.5
    assert error < 0.02
    assert float(mean.mean()) == pytest.approx(1, abs=3 * error)


def steepened(net, factor):
    return Function(lambda x: factor * net(x.double()).to(x))


def test_without_a_target_the_unit_is_that_of_a_linear_function_of_the_data():
    """The unit of the data: E||y - E y||² / d, and the mean of E||drho_out(A) y||²."""
    group, n = SO(4), 4000
    white = torch.randn(n, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    class Linear(Unknown):
        name, input_shape, output_shape, test_size = "linear", (8,), (4,), n

        def __init__(self, W):
            self.W = W

        @property
        def symmetry(self):
            return Symmetry(group, (2 * V)(group), V(group))

        def sample(self, n, seed, split):
            return Data(white, white @ self.W.mT)

    for seed in range(10):
        generator = torch.Generator().manual_seed(seed)
        W = torch.randn(4, 2, 4, generator=generator, dtype=torch.float64)
        # no preferred direction: no part that commutes with gl(4)
        W = W - torch.einsum("ici->c", W)[:, None] * torch.eye(4)[:, None] / 4
        task = Linear(W.flatten(1))
        C = Derivative.of(known_algebra(task).candidate, lambda x, W=W: x @ W.flatten(1).mT)
        unit = known_algebra(task).unit(task.sample(n, 0, "test"), task)
        assert C.mean_square() == pytest.approx(unit, rel=0.1)  # of 256 inputs


def test_a_fast_radial_wave_gains_nothing():
    net = perceptron(10, 1, 0).double().requires_grad_(False)

    def waved(x):
        return net(x.double()).to(x) + 0.03 * (4000 * x.square().sum(1, keepdim=True)).sin()

    truth = known_algebra(Angle())
    plain, found = (Derivative.of(truth.candidate, f).mean_square(truth.Q) for f in (net, waved))
    assert found == pytest.approx(plain, rel=1e-6)
    assert score(LieDerivative, Angle(), Function(waved)) == {}


def test_a_steeper_function_pays():
    plain, steep = (
        score(LieDerivative, Angle(), steepened(perceptron(10, 1, 0).double(), factor))[NAME]
        for factor in (1, 10)
    )
    assert steep == pytest.approx(100 * plain, rel=1e-9)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_unit_of_the_targets_does_not_matter(factor):
    class Scaled(Angle):
        def target(self, x):
            return factor * super().target(x)

    net = perceptron(10, 1, 0).double()
    plain = score(LieDerivative, Angle(), steepened(net, 1))[NAME]
    assert score(LieDerivative, Scaled(), steepened(net, factor))[NAME] == pytest.approx(plain)


SKEW = torch.eye(5).double() + 0.8 * torch.randn(
    5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)


class _Skewed(Group):
    """O(5) in a basis that is not orthonormal."""

    def __init__(self):
        algebra = SKEW @ SO(5).algebra @ torch.linalg.inv(SKEW)
        rows = torch.linalg.qr(algebra.flatten(1).mT).Q.mT
        super().__init__("skewed", rows.view(-1, 5, 5))

    def sample(self, count, generator):
        return SKEW @ SO(5).sample(count, generator) @ torch.linalg.inv(SKEW)


class _SkewedAngle(Angle):
    name = "skewed"

    @property
    def symmetry(self):
        group = _Skewed()
        return Symmetry(group, (2 * V)(group), Scalar(group))

    def sample(self, n, seed, split):
        data = Angle().sample(n, seed, split)
        x = (data.x.double().view(-1, 2, 5) @ SKEW.mT).flatten(1)
        return type(data)(x, data.y)

    def target(self, x):
        return super().target(unskewed(x))


def unskewed(x):
    return (x.view(-1, 2, 5) @ torch.linalg.inv(SKEW).mT.to(x)).flatten(1)


def test_a_change_of_basis_of_the_inputs_does_not_matter():
    net = perceptron(10, 1, 0)
    skewed = nn.Sequential(Function(unskewed), net.double())
    plain = score(LieDerivative, Angle(), perceptron(10, 1, 0))[NAME]
    assert score(LieDerivative, _SkewedAngle(), skewed)[NAME] == pytest.approx(plain, rel=1e-6)


def test_a_layer_without_forward_mode_is_differentiated_in_reverse():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, gradient):
            return 2 * ctx.saved_tensors[0] * gradient

    def built(square):
        return nn.Sequential(perceptron(10, 4, 0), Function(square), Function(lambda y: y[:, :1]))

    forward = score(LieDerivative, Angle(), built(torch.square))[NAME]
    assert score(LieDerivative, Angle(), built(Square.apply))[NAME] == pytest.approx(forward)


def test_directions_that_do_not_act_are_no_candidates():
    class Split(Angle):
        """|a|² of vectors of the first factor of SO(3) × Trivial(1): gl(3), not gl(4), acts."""

        name, input_shape = "split", (6,)

        @property
        def symmetry(self):
            group = SO(3) * Trivial(1)
            return Symmetry(group, (2 * V(SO(3)))(group), Scalar(group))

        def target(self, x):
            a, b = x[:, :3], x[:, 3:]
            return (a.square() + a * b).sum(1, keepdim=True)

    truth = known_algebra(Split())
    assert truth.Q.shape == (3, 9)


@pytest.mark.parametrize("task", [Angle(), Inertia(), Labels()], ids=lambda task: task.name)
def test_a_constant_model_has_no_score(task):
    assert score(LieDerivative, task, constant(*range(1, task.output_shape[0] + 1))) == {}


def test_probabilities_are_differentiated_in_classification():
    net = perceptron(10, 3, 0).double()
    probabilities = Function(lambda x: net(x.double()).to(x) / 2)
    trial = replace(trained(Labels(), perceptron(10, 3, 0)), temperature=2.0)
    found = LieDerivative().score(trial, Labels(), torch.Generator())[NAME]
    assert found == pytest.approx(score(LieDerivative, Labels(), probabilities)[NAME], rel=1e-9)
    assert found != pytest.approx(score(LieDerivative, Labels(), perceptron(10, 3, 0))[NAME])


def test_a_score_that_is_absent_says_why():
    trial = trained(Angle(), constant(1.0))
    LieDerivative().score(trial, Angle(), torch.Generator())
    assert trial.notes == {NAME: "the function does not vary"}


def test_a_group_without_algebra_has_no_score():
    for task in (Nothing(), Control()):
        assert not LieDerivative().applies(task, AnyModel())
