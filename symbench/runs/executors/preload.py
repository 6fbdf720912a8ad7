"""Imported once by the fork server: what every cell needs, and what torch loads on first use.

The operations are too small to start threads, which would not survive a fork.
"""

import torch
from torch.utils.flop_counter import FlopCounterMode

import symbench.metrics.derivative
import symbench.runs.executors.local  # noqa: F401 - loaded for the children

_x = torch.ones(2)
torch.func.vmap(lambda x: torch.func.jvp(torch.sin, (x,), (x,)))(_x)
with FlopCounterMode(display=False):
    torch.mm(_x[None], _x[:, None])
