"""How well predicted trajectories conserve what the true ones conserve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from symbench.contract import Flows, Metric, Model, Scores, Task, Trained

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@runtime_checkable
class Scaled(Protocol):
    """A task that states the typical scale of quantities that can be zero on all trajectories."""

    def conserved_scale(self, trajectory: Tensor) -> dict[str, float]:
        """Return scales by name, from true trajectories [n, times, size].

        For a total momentum it is E Σᵢ||pᵢ||: the total itself is zero in the centre-of-mass
        frame.
        """


class ConservationError(Metric):
    """E max_t ||Q(t) - Q(0)|| / max(||Q(0)||, typical scale of Q), one score per quantity.

    Q(t) is that of the predicted trajectory and Q(0) that of the true initial state. The mean is
    over the test set. A module that can ``flow`` is evaluated over the task's ``rollout``, any
    other over the trained horizon. The typical scale is E||Q(0)||, unless the task states one by
    ``conserved_scale``. Absent for a quantity whose scale is zero, and if a trajectory becomes
    non-finite.
    """

    name, version, direction = "conservation_error", "1", "lower"
    summary = "largest relative drift of a conserved quantity along predicted trajectories"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task's predictions are trajectories."""
        return task.kind == "trajectory"

    def score_together(
        self,
        trials: Sequence[Trained],
        task: Task,
        generators: Sequence[torch.Generator],  # noqa: ARG002
    ) -> list[Scores]:
        """Return the scores of the trials, whose rollouts are computed together."""
        paths = _predicted(trials, task)
        return [self._score(*pair, task) for pair in zip(trials, paths, strict=True)]

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return ``conservation_error.<quantity>`` for every conserved quantity, in float64."""
        return self.score_together([trained], task, [generator])[0]

    def _score(self, trained: Trained, path: Tensor | None, task: Task) -> Scores:
        if path is None or not bool(path.isfinite().all()):
            return {}
        predicted, start = task.conserved(path), path[:, :1]
        if trained.test.y.ndim == path.ndim:
            start = trained.test.y.cpu().double()
        true = task.conserved(start)
        stated = task.conserved_scale(start) if isinstance(task, Scaled) else {}
        scores = {}
        for quantity, values in predicted.items():
            initial = _vectors(true[quantity])[:, :1]
            size = initial.norm(dim=-1)
            scale = size.clamp(min=stated.get(quantity, float(size.mean())))
            if bool((scale > 0).all()):
                drift = (_vectors(values) - initial).norm(dim=-1) / scale
                scores[f"{self.name}.{quantity}"] = float(drift.amax(1).mean())
        return scores


def _predicted(trials: Sequence[Trained], task: Task) -> Sequence[Tensor | None]:
    """Return predicted trajectories [n, times, size] in float64, from true initial states."""
    if task.rollout and isinstance(trials[0].module, Flows):
        return followed_together(trials, task.rollout)
    predictions = [trained.prediction.cpu().double() for trained in trials]
    return [prediction if prediction.ndim == 3 else None for prediction in predictions]


def followed(trained: Trained, times: Sequence[float]) -> Tensor:
    """Return the trajectories [n, times, size] from the test states, in float64.

    They are computed once per trial, because several scores use the same rollout.
    """
    return followed_together([trained], times)[0]


def followed_together(trials: Sequence[Trained], times: Sequence[float]) -> list[Tensor]:
    """Return ``followed`` of several trials of a cell, computing their rollouts together."""
    from symbench.metrics.network import once_each

    def follow(missing: Sequence[Trained]) -> Sequence[Tensor]:
        return list(flows(missing, [trained.test.x for trained in missing], times))

    return once_each(trials, f"followed over {tuple(times)}", follow)


def flows(trials: Sequence[Trained], states: Sequence[Tensor], times: Sequence[float]) -> Tensor:
    """Return the trajectories [T, n, times, size] of T trials from ``states`` [n, size].

    The modules are evaluated in float64, together if possible.
    """
    import torch
    from torch import nn

    from symbench.metrics.network import Network, Networks

    grid = torch.tensor(tuple(times), dtype=torch.float64)
    networks = Networks([Network(trained.double, torch.float64) for trained in trials])

    def flow(module: nn.Module, state: Tensor) -> Tensor:
        return torch.as_tensor(cast(Flows, module).flow(state, grid))

    with torch.no_grad():
        return networks.each(flow, torch.stack([x.cpu().double() for x in states]))


def _vectors(values: Tensor) -> Tensor:
    """Return quantities [n, times] or [n, times, ...] as [n, times, components]."""
    return values.reshape(*values.shape[:2], -1)
