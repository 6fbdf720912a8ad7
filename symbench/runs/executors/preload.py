"""Imported once by the fork server: what every cell needs, and what torch loads on first use.

The server computes with one thread, because threads would not survive a fork.
"""

import psutil  # noqa: F401 - loaded for the children
import torch
from torch.utils.flop_counter import FlopCounterMode

import symbench.metrics.announcement
import symbench.runs.executors.worker  # noqa: F401 - loaded for the children
from symbench.registry.settings import Snapshot
from symbench.runs import judge

torch.set_num_threads(1)
_x = torch.ones(2)
torch.func.vmap(lambda x: torch.func.jvp(torch.sin, (x,), (x,)))(_x)
with FlopCounterMode(display=False):
    torch.mm(_x[None], _x[:, None])
judge.replaced()  # reads the code of the core once for all workers
settings = Snapshot()  # before modules of plugins are imported
