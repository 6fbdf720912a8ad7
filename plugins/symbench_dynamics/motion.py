"""Whether predicted trajectories keep moving as the true ones do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor

from symbench import Flows, Scores, Task, Trained
from symbench.contract import Direction
from symbench.metrics.conservation import followed_together
from symbench_dynamics.scores import Mechanics, Rollout

_PARTS = 10


class RolloutMotion(Rollout):
    """The least ratio of path lengths, predicted ÷ true, over ten parts of the rollout.

    The length of a path is the sum of the distances between its states at successive times of the
    task's ``rollout``; the mean is over the test states, as initial states. 1 is the motion of the
    exact trajectories. A flow that stands still from some time on conserves everything after it,
    and has 0. Absent if a prediction becomes non-finite.
    """

    name = "rollout_motion"
    direction: ClassVar[Direction] = "higher"
    summary = "path length of rollouts, predicted ÷ true, where it is least"

    def score_together(
        self,
        trials: Sequence[Trained],
        task: Task,
        generators: Sequence[torch.Generator],  # noqa: ARG002
    ) -> list[Scores]:
        """Return the scores of the trials, whose rollouts are computed together."""
        system = cast(Mechanics, task)
        if not isinstance(trials[0].module, Flows):
            return [{} for _ in trials]
        true = lengths(system.truth(trials[0].test.x, system.rollout))
        paths = followed_together(trials, system.rollout)
        return [self._judged(path, true, system) for path in paths]

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the ratio; nothing for a module without flow or a path that diverges."""
        return self.score_together([trained], task, [generator])[0]

    def _judged(self, followed: Tensor, true: Tensor, system: Mechanics) -> Scores:
        path, _ = self.predicted(followed, system.rollout)
        if path is None:
            return {}
        return {self.name: float((lengths(path) / true).min())}


def lengths(path: Tensor) -> Tensor:
    """Return the mean length of paths [n, t, d] in each of ten parts, [parts]; fewer if t < 11."""
    steps = path.diff(dim=1).norm(dim=-1).mean(0)
    return torch.stack([part.sum() for part in steps.tensor_split(min(_PARTS, len(steps)))])
