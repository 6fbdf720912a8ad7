"""Several modules as one: when they may be stacked, and the stacked call.

Stacking replaces parameters and buffers only. So modules are stacked only if they differ in nothing
else, and if their calls assign nothing: what a call assigns would be that of the first module, or
would be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from symbench.contract.modules import difference

State = dict[str, Tensor]


class Probe(NamedTuple):
    """The output of a call in training mode, and whether calls change what the module keeps."""

    output: Tensor
    assigns: bool


def alike(modules: Sequence[nn.Module]) -> bool:
    """Whether modules differ in their parameters and buffers only."""
    first = modules[0]
    return all(type(m) is type(first) and not difference(first, m) for m in modules)


def probe(module: nn.Module, x: Tensor) -> Probe:
    """Call a copy of a module on x [n, ...], in training mode, then in evaluation mode.

    Whether the calls change attributes, or replace buffers, is seen on the copy. The contents of
    parameters and buffers may change. The global generators of torch are restored.

    Raises:
        Exception: the module cannot be copied, or raises.
    """
    before, copy = deepcopy(module), deepcopy(module)
    buffers = list(copy.buffers())
    with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []):
        with torch.enable_grad():
            output: Tensor = copy.train()(x.clone()).detach()
        with torch.no_grad():
            copy.eval()(x.clone())
    for one in (before, copy):
        one.eval().train(module.training)  # may empty a cache
    held = list(copy.buffers())
    replaced = len(held) != len(buffers) or any(a is not b for a, b in zip(held, buffers))  # noqa: B905
    return Probe(output, replaced or bool(difference(before, copy)))


class StackedForward:
    """(parameters, buffers, x [T, n, ...]) -> [T, n, ...] for stacked state, by a copy of a module.

    Unless ``together``, T must be 1, and the module runs as it is, without ``vmap``.
    """

    def __init__(self, module: nn.Module, *, together: bool) -> None:
        self._module, self._base = module, deepcopy(module)
        self._replaced = False
        self._vectorised = vmap(self._call, in_dims=(0, 0, 0), randomness="error")
        self._forward = self._vectorised if together else self._single

    def __call__(self, parameters: State, buffers: State, x: Tensor) -> Tensor:
        """Return the stacked outputs."""
        return self._forward(parameters, buffers, x)

    def has_assigned(self) -> bool:
        """Whether a call so far has changed attributes of the copy, or replaced a buffer."""
        try:
            return self._replaced or bool(difference(self._base, deepcopy(self._module)))
        except Exception:  # it has kept a tensor of vmap, which cannot be read outside
            return True

    def _call(self, parameters: State, buffers: State, x: Tensor) -> Tensor:
        state = {**parameters, **buffers}  # functional_call writes into it what the call replaces
        output: Tensor = functional_call(self._base, state, (x,))
        self._replaced |= any(state[name] is not held for name, held in buffers.items())
        return output

    def _single(self, parameters: State, buffers: State, x: Tensor) -> Tensor:
        p, b = ({name: t[0] for name, t in state.items()} for state in (parameters, buffers))
        return self._call(p, b, x[0])[None]
