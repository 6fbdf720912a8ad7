"""What every metric of a plugin promises."""

from __future__ import annotations

import math

import torch
from torch import nn

from symbench.contract import Metric, Model, Problem, Task, Trained, seeded
from symbench.draws import Draws
from symbench.runs.score import predict
from symbench.testing.conformance import Law, Skipped, Subject
from symbench.testing.laws import require, require_card, untouched_randomness


class _Constant(Model):
    """Answers zero to everything: no score may call that good."""

    name, version, prior = "constant-zero", "1", "none"

    class _Net(nn.Module):
        def __init__(self, shape: tuple[int, ...]) -> None:
            super().__init__()
            self.shape = shape
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.weight.to(x) * x.new_ones(len(x), *self.shape)

    def build(self, problem: Problem) -> nn.Module:
        return self._Net(problem.output_shape)


def _metric(subject: Subject) -> Metric:
    metric: Metric = subject.card.load()()
    return metric


def _applicable(subject: Subject) -> tuple[Task, Trained]:
    model = _Constant()
    for task in subject.here:
        if _metric(subject).applies(task, model):
            module = model.build(subject.problem(task, model)).eval()
            test = Draws.of(task).test()
            view = subject.problem(task, model)
            n_train = max(task.sizes["smoke"])
            return task, Trained(module, model, view, n_train, 0, test, predict(module, test))
    raise Skipped("it applies to no task here")


def its_card_is_valid(subject: Subject) -> None:
    """The class says what its card says, with a direction."""
    require_card(subject.card)
    metric = _metric(subject)
    require(metric.direction in ("lower", "higher"), f"direction is {metric.direction!r}")
    said = subject.card.details.get("direction")
    require(said == metric.direction, f"the card says direction {said!r}, not the class")


def its_scores_are_finite_and_bear_its_name(subject: Subject) -> None:
    """Every score of a constant function is a finite number under the metric's own name."""
    metric = _metric(subject)
    task, trained = _applicable(subject)
    scores = metric.score(trained, task, seeded("conformance"))
    named = scores if isinstance(scores, dict) else {metric.name: scores}
    for name, value in named.items():
        require(name.split(".")[0] == metric.name, f"{name!r} does not start with {metric.name!r}")
        require(math.isfinite(float(value)), f"{name} is {value} for a constant function")


def it_gives_the_same_scores_again(subject: Subject) -> None:
    """Equal arguments give equal scores, and no global generator is drawn from."""
    metric = _metric(subject)
    task, trained = _applicable(subject)
    with untouched_randomness("score"):
        first = metric.score(trained, task, seeded("conformance"))
    again = metric.score(trained, task, seeded("conformance"))
    require(first == again, f"two scorings differ: {first} and {again}")


LAWS: tuple[Law, ...] = (
    its_card_is_valid,
    its_scores_are_finite_and_bear_its_name,
    it_gives_the_same_scores_again,
)
