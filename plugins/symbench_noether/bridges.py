"""Scores of the most likely paths to a ring under a learned score function."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symbench import Metric, Model, Scores, Task, Trained
from symbench.metrics.network import once_per_cell
from symbench_noether.action import Paths, least_action
from symbench_noether.lagrangian import Drift
from symbench_noether.rings import RADIUS, RingDiffusion, reverse_lagrangian, score
from symbench_noether.scores import Judged, PathConservation, PathError, learned

_TOP, _BOTTOM = 5.0, 0.5
_INTERVALS = 100
_ANGLES = (45.0, 0.0, -45.0)


def bridges(field: Drift) -> Paths:
    """Return the least-action paths [3] of the reverse diffusion with a score field.

    They lead from (0, 10) at noise 5 to the points of the ring at 45°, 0° and -45° at noise 0.5, in
    100 intervals of equal length in the clock w = 25 - t².

    Args:
        field: s, (points [m, 2], noise [m]) -> [m, 2], in float64.
    """
    angles = torch.tensor(_ANGLES, dtype=torch.float64).deg2rad()
    end = RADIUS * torch.stack([angles.cos(), angles.sin()], 1)
    start = torch.tensor([0.0, 2 * RADIUS], dtype=torch.float64).expand_as(end)
    clock = torch.linspace(0, _TOP**2 - _BOTTOM**2, _INTERVALS + 1, dtype=torch.float64)
    return least_action(reverse_lagrangian(field, _TOP), start, end, clock)


class RingPaths(Metric):
    """Angular momentum along least-action paths of the reverse diffusion with the learned score.

    The main value is std_t Ĵ / E|J|. By the discrete Noether theorem, Ĵ is constant to rounding if
    and only if the learned score is SO(2)-equivariant. ``.angular_momentum``, ``.action`` and
    ``.path`` are the errors of ``path_error`` relative to the exact score's paths. ``.unconverged``
    counts paths that are not used because the search failed for one of the two fields. Energy is
    not scored, because the drift depends on time.
    """

    name, version, direction = "ring_paths", "1", "lower"
    summary = "variation of angular momentum along most likely paths to the ring"
    reference = "arXiv:2504.09761 (stochastic Noether theorem), section on diffusion models"
    along_curve = False

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task is the diffused ring."""
        return isinstance(task, RingDiffusion)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the scores by name, or only the number of failures if no path is found."""
        exact = once_per_cell(trained, "ring_paths", lambda: bridges(score))
        judged = Judged(bridges(_learned(trained)), exact, RingDiffusion().generators())
        scores = {f"{self.name}.unconverged": float((~judged.both).sum())}
        if bool(judged.both.any()):
            errors = PathError().along(judged)
            scores[self.name] = PathConservation().along(judged)["angular_momentum"]
            for part in ("angular_momentum", "action", "path"):
                scores[f"{self.name}.{part}"] = errors[part]
        return {name: value for name, value in scores.items() if math.isfinite(value)}


def _learned(trained: Trained) -> Drift:
    """Return the learned score (points [m, 2], noise [m]) -> [m, 2]; modules output t s."""
    scaled = learned(trained)

    def field(x: Tensor, t: Tensor) -> Tensor:
        return scaled(torch.cat([x, t.log()[:, None]], 1)) / t[:, None]

    return field
