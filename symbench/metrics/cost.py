"""The cost of a forward pass, by counting operations."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from symbench.contract import Metric, Scores, Task, Trained

if TYPE_CHECKING:
    import torch

_EXAMPLES = 8


class _NoModules(nullcontext[None]):
    """Replaces the counter's module tracker, which fails under ``torch.func.grad``."""

    parents = frozenset({"Global"})


class Flops(Metric):
    """Floating-point operations of one forward pass per example, by torch's counter.

    It counts matrix products and convolutions, but not elementwise operations.
    """

    name, version, direction = "flops", "1", "lower"
    unit = "FLOP per example"
    summary = "forward floating-point operations per example"

    def score_together(
        self, trials: Sequence[Trained], task: Task, generators: Sequence[torch.Generator]
    ) -> list[Scores]:
        """Return the count of the first trial for all of them, because it is the same."""
        return [self.score(trials[0], task, generators[0])] * len(trials)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return ``flops``."""
        import torch
        from torch.utils.flop_counter import FlopCounterMode

        x = trained.test.x[:_EXAMPLES]
        counter = FlopCounterMode(display=False)
        counter.mod_tracker = _NoModules()  # type: ignore[assignment]
        with torch.no_grad(), counter:
            trained.module(x.clone())
        return float(counter.get_total_flops()) / len(x)
