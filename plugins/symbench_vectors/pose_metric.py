"""The error in the poses of training, beside the error in all poses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbench import Metric, Model, Scores, Task, Trained

if TYPE_CHECKING:
    import torch


class Pose(Metric):
    """The error of a model in the poses in which it was trained, and by how much it grows outside.

    The test inputs of a task ``posed-*`` are rotated into poses of training. ``pose.error`` is
    E‖f(x) - y‖² there, in units of E‖y - E y‖² of the test split, as ``error`` is. ``pose.ratio``
    is the mean square error on the test split, which shows all poses, divided by that in the poses
    of training. Both are computed in float64 on the same examples, so that the ratio of an
    equivariant model is 1.
    """

    name, version, unit, direction = "pose", "1", "", "lower"
    summary = "error in the poses of training, and the ratio of the error in all poses to it"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task trains in other poses than it tests."""
        from symbench_vectors.posed import PosedTask

        return isinstance(task, PosedTask)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return ``pose.error`` and ``pose.ratio``; no ratio without an error in the pose."""
        import torch

        from symbench.metrics.network import variance
        from symbench_vectors.posed import PosedTask

        if not isinstance(task, PosedTask):
            return {}
        x, y = (part.cpu().double() for part in (trained.test.x, trained.test.y))
        posed = task.in_pose(x, generator)
        with torch.no_grad():
            inside = (trained.double(posed) - task.target(posed)).square().sum(1).mean()
            outside = (trained.double(x) - y).square().sum(1).mean()
        scores = {"pose.error": float(inside) / variance(y)}
        return scores | ({"pose.ratio": float(outside / inside)} if inside > 0 else {})
