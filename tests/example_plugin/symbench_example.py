"""A complete third-party model plugin."""

import torch

from symbench import Model, hookimpl


class Wide(Model):
    """Two-layer perceptron, for comparison."""

    name, version, prior = "wide-mlp", "1", "none"

    def build(self, problem):
        """Return [n, *input_shape] -> [n, output_size]."""
        return torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(problem.input_size, 512),
            torch.nn.SiLU(),
            torch.nn.Linear(512, problem.output_size),
        )


@hookimpl
def symbench_register(registry):
    """Register the model."""
    registry.model(Wide)
