"""Imported once by the fork server, to load what every cell needs of torch.

The operations make torch load parts that it loads on first use. They are too small to start
threads, which would not survive a fork.
"""

import torch
from torch.utils.flop_counter import FlopCounterMode

_x = torch.ones(2)
torch.func.vmap(lambda x: torch.func.jvp(torch.sin, (x,), (x,)))(_x)
with FlopCounterMode(display=False):
    torch.mm(_x[None], _x[:, None])
