"""How well predicted trajectories keep what the true ones conserve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from symbench.contract import Metric, Model, Scores, Task, Trained

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@runtime_checkable
class Scaled(Protocol):
    """A task that states the typical scale of quantities that may vanish on every trajectory."""

    def conserved_scale(self, trajectory: Tensor) -> dict[str, float]:
        """Return scales by name, from true trajectories [n, times, size].

        For a total momentum it is E Σᵢ||pᵢ||: the total itself is zero in the centre-of-mass
        frame.
        """


class ConservationError(Metric):
    """E max_t ||Q(t) - Q(0)|| / max(||Q(0)||, typical scale of Q), one score a quantity.

    Q(t) belongs to the predicted trajectory, Q(0) to the true initial state; the mean is over the
    test set. The typical scale is E||Q(0)||, unless the task states one by ``conserved_scale``.
    Absent for a quantity whose scale is zero.
    """

    name, version, direction = "conservation_error", "1", "lower"
    summary = "largest relative drift of a conserved quantity along predicted trajectories"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task's predictions are trajectories."""
        return task.kind == "trajectory"

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return ``conservation_error.<quantity>`` for every conserved quantity, in float64."""
        predicted = task.conserved(trained.prediction.cpu().double())
        y = trained.test.y.cpu().double()
        true = task.conserved(y)
        stated = task.conserved_scale(y) if isinstance(task, Scaled) else {}
        scores = {}
        for quantity, values in predicted.items():
            initial = _vectors(true[quantity])[:, :1]
            size = initial.norm(dim=-1)
            scale = size.clamp(min=stated.get(quantity, float(size.mean())))
            if bool((scale > 0).all()):
                drift = (_vectors(values) - initial).norm(dim=-1) / scale
                scores[f"{self.name}.{quantity}"] = float(drift.amax(1).mean())
        return scores


def _vectors(values: Tensor) -> Tensor:
    """Return quantities [n, times] or [n, times, ...] as [n, times, components]."""
    return values.reshape(*values.shape[:2], -1)
