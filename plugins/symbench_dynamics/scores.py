"""Published scores of learned dynamics: the error of rollouts, and the energy along them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from symbench import Flows, Metric, Model, Scores, Task, Trained
from symbench.contract import Direction
from symbench.metrics.conservation import flows, followed_together

_SMALLEST = 1e-7
_STARTS = 40


@runtime_checkable
class Mechanics(Protocol):
    """A task whose exact trajectories and energy are known."""

    rollout: tuple[float, ...]
    energy_times: tuple[float, ...]
    energy_scale: float | None

    def truth(self, state: Tensor, times: tuple[float, ...]) -> Tensor:
        """Return the exact trajectories [n, t, d] in float64, from ``state`` [n, d] at times[0]."""

    def energy(self, state: Tensor) -> Tensor:
        """Return the energy [...] of states [..., d]."""

    def energy_starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw initial states [n, d] in float64."""


def relative_error(a: Tensor, b: Tensor) -> Tensor:
    """Return RMS(a - b) / (RMS(a) + RMS(b)) over the last dimension: 0 if equal, 1 at most."""
    difference, first, second = (v.square().mean(-1).sqrt() for v in (a - b, a, b))
    return difference / (first + second)


class Rollout(Metric):
    """A score of trajectories that a module's ``flow`` predicts, on a mechanical task."""

    version, along_curve = "1", False
    direction: ClassVar[Direction] = "lower"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether exact trajectories of the task are known."""
        return isinstance(task, Mechanics)

    def predicted(self, path: Tensor, times: tuple[float, ...]) -> tuple[Tensor | None, Scores]:
        """Return a path [n, t, d] without scores, or no path and the time at which it diverges.

        A path diverges when the square of a coordinate of any trajectory becomes non-finite.
        """
        sound = path.square().sum(-1).isfinite().all(0)
        if bool(sound.all()):
            return path, {}
        first = torch.tensor(times, dtype=torch.float64)[~sound][0]
        return None, {f"{self.name}.diverged_at": float(first)}


class RolloutError(Rollout):
    """exp E log RMS(a - b) / (RMS(a) + RMS(b)), a the predicted and b the exact state.

    RMS is over the coordinates of a state, and each ratio is at least 1e-7. The geometric mean is
    over the test states, as initial states, and over the times of the task's ``rollout``. The first
    time, where the ratio is 1e-7, is included as published, which lowers 0.005 by 7 % at 150 times.
    ``rollout_error.still`` is that of a prediction that stands still: in a chaotic system it can be
    as good as a trained model's. If a prediction becomes non-finite, there is no score, but
    ``rollout_error.diverged_at``, the first time at which one does.

    Source: Finzi, Welling, Wilson 2021, section 7.2, and their code.
    """

    name = "rollout_error"
    summary = "geometric mean of the relative error of rollouts"

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
        paths = followed_together(trials, system.rollout)
        return [self._judged(*pair, system) for pair in zip(trials, paths, strict=True)]

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the error, or the time of divergence; nothing for a module without flow."""
        return self.score_together([trained], task, [generator])[0]

    def _judged(self, trained: Trained, followed: Tensor, system: Mechanics) -> Scores:
        path, diverged = self.predicted(followed, system.rollout)
        if path is None:
            return diverged
        true = system.truth(trained.test.x, system.rollout)
        still = trained.test.x.to(true)[:, None].expand_as(true)
        return {self.name: _typical(path, true), f"{self.name}.still": _typical(still, true)}


def _typical(path: Tensor, true: Tensor) -> float:
    """Return the geometric mean of the relative error over states and times."""
    return float(relative_error(path, true).clamp(min=_SMALLEST).log().mean().exp())


class EnergyError(Rollout):
    """E (H(x(t)) - H(x̂(t)))², the mean over time and over 40 initial states of the task.

    H is the true energy, x the exact and x̂ the predicted trajectory, both over the task's
    ``energy_times``, or its ``rollout`` if there are none. Source: Greydanus et al. 2019, section
    3. A task with an ``energy_scale`` also has ``energy_mse.final``, which is E |H(x) - H(x̂)| /
    scale at the last time: Cranmer et al. 2020, section 5. If a prediction becomes non-finite,
    ``energy_mse.diverged_at`` is reported instead.
    """

    name = "energy_mse"
    summary = "mean squared difference of the energy along rollouts"

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the error in squared units of energy, or the time of divergence."""
        return self.score_together([trained], task, [generator])[0]

    def score_together(
        self, trials: Sequence[Trained], task: Task, generators: Sequence[torch.Generator]
    ) -> list[Scores]:
        """Return the scores of the trials; each draws initial states with its own generator."""
        system = cast(Mechanics, task)
        if not isinstance(trials[0].module, Flows):
            return [{} for _ in trials]
        times = system.energy_times or system.rollout
        states = [system.energy_starts(_STARTS, generator) for generator in generators]
        paths = flows(trials, states, times)
        return [self._judged(*pair, task) for pair in zip(paths, states, strict=True)]

    def _judged(self, path: Tensor, state: Tensor, task: Task) -> Scores:
        """Return the scores of a path [n, t, d] from ``state`` [n, d]."""
        system = cast(Mechanics, task)
        times = system.energy_times or system.rollout
        sound, diverged = self.predicted(path, times)
        if sound is None:
            return diverged
        error = system.energy(sound) - self._exact(task, state, times)
        scores = {self.name: float(error.square().mean())}
        if system.energy_scale is not None:
            scores[f"{self.name}.final"] = float(error[:, -1].abs().mean()) / system.energy_scale
        return scores

    def _exact(self, task: Task, state: Tensor, times: tuple[float, ...]) -> Tensor:
        """Return the energies [n, t] of the exact trajectories, or [n, 1] if conserved."""
        system, initial = cast(Mechanics, task), state.double().cpu()[:, None]
        if "energy" in task.conserved(initial):
            return system.energy(initial)
        return system.energy(system.truth(state, times))
