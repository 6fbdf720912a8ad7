"""Whether the derivative of a function says how it changes over steps of some size.

A function may have a derivative that says nothing of it: a staircase has none almost everywhere,
and a fast wave of small amplitude one that is large. Both could be exact symmetries of a function
that has no symmetry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from symbench.contract import Trained, seeded
from symbench.metrics.derivative import NO_SLOPE, Derivative
from symbench.metrics.network import once_each

_STEP = 0.1  # of the root mean square of each coordinate
_APART = 0.25  # squared distance of change and derivative, as a part of the sum of their squares
_KEPT = 0.95  # of the probes; those where they are farthest apart may be near a singularity


def unsteady(trials: Sequence[Trained], derivatives: Sequence[Derivative]) -> list[str | None]:
    """Return why the derivative of each trial's function says nothing; None if it does.

    At each probe x the change f(x + s/2) - f(x - s/2) is compared with Df(x)[s]. The step s is a
    tenth of the root mean square of each coordinate, with random signs. Their squared distance must
    not exceed a quarter of the sum of their squares, all summed over the probes but the 5 % at
    which they are farthest apart.
    """

    def compute(missing: Sequence[Trained]) -> list[str | None]:
        found = {id(trained): C for trained, C in zip(trials, derivatives, strict=True)}
        return [_why(found[id(trained)]) for trained in missing]

    return once_each(trials, "unsteady", compute)


@torch.no_grad()
def _why(C: Derivative) -> str | None:
    if C.problem in NO_SLOPE:
        return None
    x, f = C.slope.x, C.slope.f
    signs = 2 * torch.randint(2, x.shape, generator=seeded("steps", *x.shape)) - 1
    step = _STEP * x.square().mean(0).sqrt() * signs
    change = (f(x + step / 2) - f(x - step / 2)).flatten(1).double()
    line = C.slope.derivatives(step.flatten(1)[None])[0]
    apart = (change - line).square().sum(1)
    size = change.square().sum(1) + line.square().sum(1)
    kept = apart.argsort()[: math.ceil(_KEPT * len(apart))]
    if float(apart[kept].sum()) <= _APART * float(size[kept].sum()):
        return None
    return (
        "the derivative of the function does not say how it changes over steps of "
        f"{_STEP:.0%} of the inputs' size"
    )
