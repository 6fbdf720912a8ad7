"""The laws of metrics."""

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
    """Outputs zero for every input."""

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
            problem = subject.problem(task, model)
            n_train = max(task.sizes["smoke"])
            return task, Trained(module, model, problem, n_train, 0, test, predict(module, test))
    raise Skipped("it applies to no task whose data are on this machine")


def its_card_is_valid(subject: Subject) -> None:
    """The card agrees with the class, and the direction is valid."""
    require_card(subject.card)
    metric = _metric(subject)
    require(
        metric.direction in ("lower", "higher"),
        f"direction is {metric.direction!r}: choose lower or higher",
    )
    said = subject.card.details.get("direction")
    require(
        said == metric.direction,
        f"the card says direction {said!r}, the class {metric.direction!r}",
    )


def its_scores_are_finite_and_bear_its_name(subject: Subject) -> None:
    """Every score of a constant function is finite, and its name starts with the metric's name."""
    metric = _metric(subject)
    task, trained = _applicable(subject)
    scores = metric.score(trained, task, seeded("conformance"))
    named = scores if isinstance(scores, dict) else {metric.name: scores}
    for name, value in named.items():
        require(name.split(".")[0] == metric.name, f"{name!r} does not start with {metric.name!r}")
        require(math.isfinite(float(value)), f"{name} is {value} for a constant function")


def it_gives_the_same_scores_again(subject: Subject) -> None:
    """Equal arguments give equal scores, and scoring draws from no global generator."""
    metric = _metric(subject)
    task, trained = _applicable(subject)
    with untouched_randomness("score"):
        first = metric.score(trained, task, seeded("conformance"))
    again = metric.score(trained, task, seeded("conformance"))
    require(first == again, f"scored twice, the scores differ: {first} and {again}")


LAWS: tuple[Law, ...] = (
    its_card_is_valid,
    its_scores_are_finite_and_bear_its_name,
    it_gives_the_same_scores_again,
)
