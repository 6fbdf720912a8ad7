"""What is found where there is nothing to find: rows with permuted targets."""

from __future__ import annotations

from dataclasses import replace

import torch

from symbench.contract import Data
from symbench.discovery.findings import Control
from symbench.discovery.fit import Fit
from symbench.discovery.question import Question
from symbench.metrics.network import spaced

_ROWS = 300  # most rows of a control


def permuted(question: Question, generator: torch.Generator, count: int) -> Control:
    """Return in how many of ``count`` permutations of the targets a generator is claimed.

    Length and noise are chosen anew for each. At most 300 rows are used, because the answer does
    not depend on their number.
    """
    some = Data(spaced(question.data.x, _ROWS), spaced(question.data.y, _ROWS))
    found = 0
    for _ in range(count):
        order = torch.randperm(len(some), generator=generator)
        fit = Fit.of(replace(question, data=Data(some.x, some.y[order])))
        if fit.is_known:
            decision = fit.decide(generator)
            found += decision is not None and decision.count > 0
    return Control(found, count, len(some))
