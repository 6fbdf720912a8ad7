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
)
from torch import nn

from symbench.contract import Symmetry
from symbench.groups import SO, Group, Scalar, Trivial, V
from symbench.metrics import LieDerivative

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
    assert found[f"{NAME}.ceiling"] <= 1e-20
    assert found[f"{NAME}.chance"] == 1


def test_finite_differences_and_the_closed_algebra_give_the_same():
    task, net, h = Angle(), perceptron(10, 1, 3).double(), 1e-6
    data = task.sample(600, 0, "test").x.double()
    v = data.view(-1, 5)
    root = torch.linalg.cholesky(v.mT @ v / len(v))
    x = data[torch.linspace(0, 599, 256).round().long()]

    def column(A):
        step = h * (x.view(-1, 2, 5) @ A.mT).flatten(1)
        with torch.no_grad():
            return ((net(x + step) - net(x - step)) / (2 * h)).flatten()

    units = torch.eye(25).double().view(25, 5, 5)
    C = torch.stack([column(root @ E @ torch.linalg.inv(root)) for E in units], 1)
    so5 = torch.linalg.inv(root) @ SO(5).algebra @ root
    Q = torch.linalg.qr(so5.flatten(1).mT).Q
    expected = (C @ Q).square().sum() / 10 / (C.square().sum() / 25)
    assert score(LieDerivative, task, perceptron(10, 1, 3))[NAME] == pytest.approx(
        float(expected), rel=1e-6
    )


def test_equivariant_outputs_are_differentiated_too():
    task, net, h = Inertia(), perceptron(12, 9, 3).double(), 1e-6
    truth = known_algebra(task)
    x, A = truth.candidate.x, truth.candidate.basis
    C = truth.candidate.matrix(net.requires_grad_(False))
    rep_in, rep_out = task.symmetry.input, task.symmetry.output
    for column, a in enumerate(A):
        step = h * x @ rep_in.drho(a).mT
        change = (net(x + step) - net(x - step)) / (2 * h) - net(x) @ rep_out.drho(a).mT
        assert torch.allclose(C[:, column], change.flatten(), atol=1e-7)


def test_untrained_networks_are_at_chance_on_average():
    # Inputs this small leave the network nearly linear. Curvature is not neutral: weights drawn
    # isotropically make its radial part invariant under rotations (see the next test).
    task = Minkowski()
    found = torch.tensor(
        [score(LieDerivative, task, perceptron(12, 1, s))[NAME] for s in range(50)]
    )
    error = float(found.std()) / 50**0.5
    assert error < 0.02
    assert float(found.mean()) == pytest.approx(1, abs=3 * error)


def test_untrained_networks_are_near_chance_for_rotations():
    task = Angle()
    found = torch.tensor(
        [score(LieDerivative, task, perceptron(10, 1, s))[NAME] for s in range(50)]
    )
    assert float(found.mean()) == pytest.approx(1, abs=0.1)


def test_a_function_of_one_coordinate_alone_is_no_better_than_chance():
    assert score(LieDerivative, Angle(), Function(lambda x: x[:, :1]))[NAME] > 0.9


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_scale_of_the_output_does_not_matter(factor):
    net = perceptron(10, 1, 0)
    scaled = nn.Sequential(net, Function(lambda y: factor * y))
    plain = score(LieDerivative, Angle(), net)[NAME]
    assert score(LieDerivative, Angle(), scaled)[NAME] == pytest.approx(plain, rel=1e-9)


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


def test_logits_are_differentiated_in_classification():
    net = perceptron(10, 3, 0)
    offset = nn.Sequential(net, Function(lambda y: y + 5.0))
    assert score(LieDerivative, Labels(), offset)[NAME] == pytest.approx(
        score(LieDerivative, Labels(), net)[NAME], rel=1e-9
    )
    sharp = nn.Sequential(net, Function(lambda y: y.softmax(-1)))
    assert score(LieDerivative, Labels(), sharp) != score(LieDerivative, Labels(), net)


def test_a_group_without_algebra_has_no_score():
    for task in (Nothing(), Control()):
        assert not LieDerivative().applies(task, AnyModel())
