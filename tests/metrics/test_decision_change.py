"""Decisions that change when the input moves: of classes, and by the headline error."""

from dataclasses import replace

import pytest
import torch
from known_tasks import Angle, Function, Labels, constant, perceptron, trained

import symbench
from symbench.contract import Data, Symmetry, seeded
from symbench.groups import O, S, V
from symbench.metrics import DecisionChange


def change(task, module, **options):
    return DecisionChange().score(trained(task, module, **options), task, None)


def test_classes_change_as_often_as_a_loop_finds():
    task, net = Labels(), perceptron(10, 3, 0)
    found = change(task, net, thorough=False)
    g = O(5).sample(1200, seeded(task.name, task.version, 0, "score", "orbits"))
    x = task.sample(600, 0, "test").x.double()
    double, other = net.double(), 0
    with torch.no_grad():
        for pair in range(1200):
            a, b = x[pair % 600].view(2, 5)
            moved = torch.cat([g[pair] @ a, g[pair] @ b])
            other += int(double(moved).argmax()) != int(double(x[pair % 600]).argmax())
    assert found == pytest.approx(other / 1200, abs=1e-12)
    assert found > 0


def test_neither_scale_nor_offset_of_the_logits_has_an_effect():
    net = perceptron(10, 3, 0)
    one = change(Labels(), net)
    assert change(Labels(), Function(lambda x: net(x) / 100)) == pytest.approx(one, abs=1e-3)
    assert change(Labels(), Function(lambda x: net(x) + x[:, :1])) == pytest.approx(one, abs=1e-3)


def test_an_invariant_classifier_changes_no_decision():
    def lengths(x):
        a, b = x[:, :5].norm(dim=1), x[:, 5:].norm(dim=1)
        return torch.stack([a, b, a * b / 2], 1)

    assert change(Labels(), Function(lengths)) == 0


class Sides(Angle):
    """The signs of x[i] - mean x: equivariant under S(4); a loss of its own."""

    name, loss, chance, test_size = "sides", "own", 0.5, 250
    input_shape = output_shape = (4,)

    @property
    def symmetry(self):
        return Symmetry(S(4), V(S(4)), V(S(4)))

    def sample(self, n, seed, split):
        x = torch.randn(n, 4, generator=self.generator(seed, split))
        return Data(x, (x - x.mean(1, keepdim=True)).sign())

    def headline_error(self, prediction, test):
        return float((prediction.sign() != test.y).double().mean())


def test_a_headline_changes_as_much_as_a_loop_finds():
    task = Sides()
    found = change(task, Function(lambda x: x * torch.tensor([1.0, 0, 1, 1]).to(x) - 0.3))
    g = S(4).sample(250, seeded(task.name, task.version, 0, "score", "orbits"))
    x, y = (part.double().numpy() for part in vars(task.sample(250, 0, "test")).values())
    total = 0.0
    for element, a, b in zip(g.numpy(), x, y, strict=True):
        errors = [
            ((v * [1, 0, 1, 1] - 0.3 > 0) != (w > 0)).mean()
            for v, w in ((a, b), (element @ a, element @ b))
        ]
        total += abs(errors[0] - errors[1]) / 250
    assert found == pytest.approx(total, abs=1e-9)
    assert total > 0.05


def test_an_equivariant_function_keeps_its_headline_at_any_scale():
    def centred(x):
        return x - x.mean(1, keepdim=True)

    assert change(Sides(), Function(centred)) == 0
    assert change(Sides(), Function(lambda x: 1e-6 * centred(x))) == 0


def test_the_mean_headline_does_not_show_what_the_score_shows():
    """The law of the inputs is invariant, so the error over all of them hardly changes."""
    task = Sides()
    module = Function(lambda x: x * torch.tensor([1.0, 0, 1, 1]).to(x) - 0.3)
    g = S(4).sample(4000, torch.Generator().manual_seed(0)).float()
    test = task.sample(4000, 0, "test")
    moved = Data(*(torch.einsum("nij,nj->ni", g, part) for part in (test.x, test.y)))
    errors = [task.headline_error(module(data.x), data) for data in (test, moved)]
    assert abs(errors[0] - errors[1]) < 0.02 < change(task, module)


def test_regressions_decide_nothing_and_constants_have_no_score():
    assert not DecisionChange().applies(Angle(), None)
    assert not DecisionChange().applies(symbench.task("drift-diffusion"), None)
    assert DecisionChange().applies(Labels(), None)
    assert DecisionChange().applies(Sides(), None)
    trial = trained(Labels(), constant(1.0, 2.0, 0.0))
    assert DecisionChange().score(replace(trial, memo={}), Labels(), None) == {}
    assert "does not vary" in trial.notes["decision_change"]
