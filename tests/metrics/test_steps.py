"""No infinitesimal score of a function whose derivative does not say how it changes."""

from __future__ import annotations

import pytest
import torch
from known_tasks import (
    Angle,
    AnyModel,
    Control,
    Inertia,
    Labels,
    Minkowski,
    algebra_scores,
    perceptron,
    score,
    trained,
)
from torch import nn

from symbench.groups import SO
from symbench.metrics import LieDerivative
from symbench.metrics.counting import GeneratorsFound
from symbench.metrics.generators import GeneratorOverlap


class Changed(nn.Module):
    """A perceptron with a staircase or a fast wave of small amplitude, exactly invariant."""

    def __init__(self, kind, inputs=10, outputs=1):
        super().__init__()
        self.kind, self.net = kind, perceptron(inputs, outputs, 3)

    def forward(self, x):
        value, square = 100 * self.net(x), x.square().sum(-1, keepdim=True)
        if self.kind == "wave":
            return value + 0.03 * (4000 * square).sin()
        step = 0.02 if self.kind == "fine" else 0.3
        smooth = 0.0 if self.kind == "flat" else 1e-5 * square
        return (value / step).round() * step + smooth


@pytest.mark.parametrize("kind", ["wave", "fine", "coarse", "flat"])
@pytest.mark.parametrize("metric", [LieDerivative, GeneratorOverlap, GeneratorsFound])
def test_neither_a_staircase_nor_a_fast_wave_has_a_score(kind, metric):
    task = Angle()
    trial = trained(task, Changed(kind))
    assert metric().score(trial, task, torch.Generator()) == {}
    assert "does not say how it changes" in trial.notes[metric.name]


class Announcing(AnyModel):
    prior = "discovers"

    def generators(self, module):
        return SO(module.d).algebra


def test_what_is_announced_counts_whatever_the_function_is():
    net = Changed("fine")
    net.d = 5
    found = algebra_scores(Angle(), net, Announcing())
    assert found["announced_count"] == found["announced_unconnected"] == 10
    assert found["announced_overlap"] == pytest.approx(1)
    assert "announced_own_defect" not in found
    control = Changed("fine", 3)
    control.d = 3
    assert algebra_scores(Control(), control, Announcing())["false_finding"] == 1
    assert "false_finding" not in algebra_scores(Control(), control)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU])
@pytest.mark.parametrize(
    ("task", "outputs"), [(Angle(), 1), (Inertia(), 9), (Minkowski(), 1), (Labels(), 3)],
    ids=lambda value: getattr(value, "name", None),
)  # fmt: skip
def test_networks_with_kinks_and_without_have_their_scores(task, outputs, activation):
    inputs = task.input_shape[0]
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(inputs, 64), activation(), nn.Linear(64, 64), activation(), nn.Linear(64, outputs)
    )
    assert LieDerivative.name in score(LieDerivative, task, net)
