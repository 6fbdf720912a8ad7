"""A plugin with a task of loss ``own`` and one of loss ``none``, which the tests load."""

from __future__ import annotations

import torch
from torch import nn

from symbench import Data, Metric, Model, Recipe, Symmetry, Task, hookimpl
from symbench.groups import S, V


class Signs(Task):
    """Split six numbers at their mean; the target is defined up to a global sign."""

    name, version, summary = "signs", "1", "which side of the mean, up to a global sign"
    loss, chance, threshold = "own", 0.35, 0.1
    sizes = {"smoke": (16, 64), "quick": (16, 64), "full": (16, 64)}  # noqa: RUF012
    input_shape, output_shape = (6,), (6,)
    test_size, valid_size = 100, 32

    @property
    def symmetry(self):
        group = S(6)
        return Symmetry(group, V(group), V(group))

    def sample(self, n, seed, split):
        generator = self.generator(seed, split)
        x = torch.randn(n, 6, generator=generator)
        flip = torch.randint(2, (n, 1), generator=generator) * 2 - 1
        return Data(x, torch.where(x > x.mean(1, keepdim=True), 1.0, -1.0) * flip)

    def objective(self, prediction, x, y):
        return 1 - (prediction.tanh() * y).mean(1).abs()

    def headline_error(self, prediction, test):
        agreement = (prediction.sign() * test.y).mean(1).abs()
        return float((1 - agreement).mean() / 2)


class Shapes(Signs):
    """The outputs of untrained networks for six numbers; nothing is trained."""

    name, summary, loss = "shapes", "only expressivity", "none"
    headline = "told_apart"
    sizes = {"smoke": (0,), "quick": (0,), "full": (0,)}  # noqa: RUF012

    def sample(self, n, seed, split):
        return Data(super().sample(n, seed, split).x, torch.zeros(n, 6))


class Told(Metric):
    """A score of the architecture: the number of outputs that vary over the examples."""

    name, version, direction, summary = "told_apart", "1", "higher", "outputs that vary"

    def applies(self, task, model):
        return task.loss == "none"

    def score(self, trained, task, generator):
        return float(trained.prediction.std(0).gt(1e-6).sum())


class Centred(Model):
    """f(x)_i = a (x_i - mean x) + b: a network that commutes with permutations."""

    name, version, prior = "centred", "1", "told"

    class _Net(nn.Linear):
        def __init__(self):
            super().__init__(1, 1)

        def forward(self, x):
            return super().forward((x - x.mean(-1, keepdim=True))[..., None])[..., 0]

    def build(self, problem):
        return self._Net()

    def recipe(self, problem):
        return Recipe(learning_rate=0.1)


class Blind(Centred):
    """Has the same output for all inputs."""

    name = "blind"

    class _Net(nn.Linear):
        def __init__(self):
            super().__init__(1, 1)

        def forward(self, x):
            return super().forward(x.mean(-1, keepdim=True) * 0).expand(-1, 6)

    def build(self, problem):
        return self._Net()


@hookimpl
def symbench_register(registry):
    registry.task(Signs)
    registry.task(Shapes)
    registry.model(Blind)
    registry.model(Centred)
    registry.metric(Told)
