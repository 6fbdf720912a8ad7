"""What models need that train the trials of a cell together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from symbench import Problem
from symbench.contract.stacked import StackedForward


@contextmanager
def initialising(problem: Problem) -> Iterator[None]:
    """Seed torch's global generator as for the trial of a problem, and restore it afterwards."""
    with torch.random.fork_rng(devices=[]):
        if problem.generator is not None:
            torch.default_generator.manual_seed(problem.generator.initial_seed())
        yield


class Stack:
    """Networks that differ in parameters and buffers only, as one: x [T, n, ...] -> [T, n, ...].

    ``parameters`` are the stacked ones, to be trained; ``finish`` writes them into the networks.
    """

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        self._nets = nets
        stacked, self._buffers = stack_module_state(list(nets))
        self.parameters: dict[str, Tensor] = {
            name: tensor.detach().requires_grad_() for name, tensor in stacked.items()
        }
        self._forward = StackedForward(nets[0], together=len(nets) > 1)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs of each network for its own inputs."""
        return self._forward(self.parameters, self._buffers, x)

    @torch.no_grad()
    def finish(self) -> None:
        """Write the parameters into the networks."""
        for trial, net in enumerate(self._nets):
            for name, own in net.named_parameters():
                own.copy_(self.parameters[name][trial])
