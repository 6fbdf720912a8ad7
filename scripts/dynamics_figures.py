"""Draw learned mechanics beside the truth, and least-action paths over the stationary density.

python scripts/dynamics_figures.py --to docs/figures

Networks are trained here, from seed 0 with the quick tier's budget (a minute or two on one core).
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import matplotlib as mpl
import torch
from torch import Tensor, nn

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from symbench_noether.action import least_action
from symbench_noether.attractors import NETWORK, AttractorNetwork
from symbench_noether.lagrangian import Lagrangian

from symbench.draws import Draws
from symbench.registry import Registry, load
from symbench.registry.problem import make_problem
from symbench.runs.protocol import TIERS
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

MODELS = ("node-mlp", "hnn-mlp", "srnn-mlp")
SECONDS = 20.0


def trained(registry: Registry, task_name: str, model_name: str) -> nn.Module:
    """Return one network, trained as a trial of the quick tier at the largest size."""
    task = registry.task(task_name)
    model = registry.model(model_name).for_tier("quick")
    problem_of = partial(make_problem, registry, task, model)
    updates = task.updates.get("quick", TIERS["quick"].updates)
    setup = TrainingSetup(Draws.of(task), model, problem_of, updates, torch.device("cpu"))
    (trial,) = train(setup, [TrialKey(max(task.sizes["quick"]), 0)])
    return trial.module.double().eval()


def mechanics(registry: Registry, to: Path) -> None:
    """Draw a trajectory of the spring and of two bodies, and the energy along each."""
    figure, panels = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
    cases = (("mass-spring", (0, 1), ("q", "p")), ("two-body", (0, 1), ("x of body 1", "y")))
    for row, (name, axes_of, labels) in zip(panels, cases, strict=True):
        task = registry.task(name)
        start = task.sample(1, 0, "test").x.double()
        times = torch.linspace(0, SECONDS, 201, dtype=torch.float64)
        paths = {"truth": task.truth(start, tuple(times.tolist()))}  # type: ignore[attr-defined]
        for model in MODELS:
            network = trained(registry, name, model)
            with torch.no_grad():
                paths[model] = network.flow(start, times)  # type: ignore[operator]
        _orbit(row[0], paths, axes_of, labels)
        _energy(row[1], paths, times, task)
        row[0].set_title(f"{name}: trajectory")
        row[1].set_title(f"{name}: true energy along it")
    figure.savefig(to / "mechanics.png", dpi=110)


def _orbit(
    panel: Axes, paths: dict[str, Tensor], axes_of: tuple[int, int], labels: tuple[str, str]
) -> None:
    reach = 2.5 * float(paths["truth"][..., list(axes_of)].abs().max())
    for name, path in paths.items():
        x, y = (path[0, :, axis].clamp(-reach, reach) for axis in axes_of)
        style = {"color": "black", "lw": 2.5, "alpha": 0.35} if name == "truth" else {"lw": 1.2}
        panel.plot(x, y, label=name, **style)
    panel.set(xlabel=labels[0], ylabel=labels[1], aspect="equal")
    panel.legend(fontsize=8)


def _energy(panel: Axes, paths: dict[str, Tensor], times: Tensor, task: object) -> None:
    energies = {name: task.energy(path)[0] for name, path in paths.items()}  # type: ignore[attr-defined]
    level = float(energies["truth"][0])
    for name, energy in energies.items():
        bounded = energy.clamp(level - 2 * abs(level), level + 2 * abs(level))
        style = {"color": "black", "lw": 2.5, "alpha": 0.35} if name == "truth" else {"lw": 1.2}
        panel.plot(times, bounded, label=name, **style)
    panel.set(xlabel="time", ylabel="energy")
    panel.legend(fontsize=8)


def attractor(to: Path) -> None:
    """Draw least-action paths between the choices over the density of a long simulation."""
    task = AttractorNetwork()
    generator = torch.Generator().manual_seed(0)
    x = task.starts(4000, generator)
    seen = []
    step, noise = 0.02, (2 * task.diffusion * 0.02) ** 0.5
    for i in range(1500):
        x = x + step * NETWORK(x) + noise * torch.randn(x.shape, generator=generator).double()
        if i > 500 and i % 20 == 0:
            seen.append(x)
    cloud = torch.cat(seen)
    figure, panel = plt.subplots(figsize=(6.5, 5.5), layout="constrained")
    counts = panel.hist2d(
        cloud[:, 0], cloud[:, 1], bins=120, range=((-2, 3), (-2, 3)), cmap="Greys", norm="log"
    )
    figure.colorbar(counts[3], ax=panel, label="visits")
    lagrangian = Lagrangian.autonomous(task.drift, task.diffusion)
    choice = torch.tensor([task.choice], dtype=torch.float64)
    for T in (1.0, 2.0, 5.0, 10.0, 20.0):
        times = torch.linspace(0, T, 201, dtype=torch.float64)
        paths = least_action(lagrangian, choice, choice.flip(1), times)
        if bool(paths.converged.all()):
            points = paths.points[0]
            label = f"T = {T:g}, S = {float(paths.action[0]):.2f}"
            panel.plot(points[:, 0], points[:, 1], lw=1.8, label=label)
    panel.set(xlabel="x", ylabel="y", title="least-action paths from choice to choice")
    panel.legend(fontsize=8)
    figure.savefig(to / "attractor-paths.png", dpi=110)


def main() -> None:
    """Draw everything into a directory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="directory of the figures"
    )
    to: Path = parser.parse_args().to
    to.mkdir(parents=True, exist_ok=True)
    attractor(to)
    mechanics(load(), to)


if __name__ == "__main__":
    main()
