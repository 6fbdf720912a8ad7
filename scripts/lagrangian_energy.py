"""Print the energy error of learned motions of the double pendulum at t = 100 (LNN paper's score).

python scripts/lagrangian_energy.py --n-train 10000 --seeds 1 lnn-angles node-angles

prints |E(x̂(100)) - E(x(0))| ÷ 29.4, the mean over 40 initial states, for each trained model and for
the exact field by the same integrator. 160,000 evaluations of the field are too many for a tier.
Published: 0.0043 (LNN) and 0.0736 (perceptron), Cranmer et al. 2020, released notebooks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

import torch
from tabulate import tabulate
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

import symbench
from symbench.contract import seeded
from symbench.draws import Draws
from symbench.registry import Registry, load
from symbench.registry.problem import make_problem
from symbench.runs.protocol import TIERS
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

TASK = "double-pendulum"
HORIZON, STEP, STARTS = 100, 0.0025, 40
Field = Callable[[Tensor, Tensor], Tensor]


def fields(
    registry: Registry, model: str, n_train: int, seeds: int, updates: int | None
) -> Iterator[Field]:
    """Yield the learned field of each seed, in float64; None: as many updates as the full tier."""
    task = registry.task(TASK).for_tier("full")
    configured = registry.model(model).for_tier("full")
    budget = TIERS["full"]
    setup = TrainingSetup(
        Draws.of(task), configured, partial(make_problem, registry, task, configured),
        updates or task.updates.get("full", budget.updates), torch.device("cpu"),
        budget.validations,
    )  # fmt: skip
    for trial in train(setup, [TrialKey(n_train, seed) for seed in range(seeds)]):
        yield trial.module.double().eval().field  # type: ignore[misc]


def final_state(field: Field, state: Tensor) -> Tensor:
    """Return the states [n, d] after the horizon, by the Runge-Kutta method of order 4."""
    rate = make_fx(lambda z: field(z, torch.zeros((), dtype=z.dtype)))(state)
    h = STEP
    for _ in range(round(HORIZON / STEP)):
        first = rate(state)
        second = rate(state + h / 2 * first)
        third = rate(state + h / 2 * second)
        fourth = rate(state + h * third)
        state = state + h / 6 * (first + 2 * second + 2 * third + fourth)
    return state


def main() -> None:
    """Train, integrate and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL", help="models to train")
    parser.add_argument(
        "--n-train", type=int, default=10_000, help="training examples; default: %(default)s"
    )
    parser.add_argument(
        "--seeds", type=int, default=1, help="number of seeds; default: %(default)s"
    )
    parser.add_argument("--updates", type=int, help="default: those of the full tier")
    arguments = parser.parse_args()
    registry = load()
    system = symbench.task(TASK)
    starts = system.starts(STARTS, seeded(TASK, "energy at 100"))  # type: ignore[attr-defined]
    rows = []

    def judge(name: str, field: Field) -> None:
        with torch.no_grad():
            change = system.energy(final_state(field, starts)) - system.energy(starts)  # type: ignore[attr-defined]
        error = change.abs() / system.energy_scale  # type: ignore[attr-defined]
        rows.append([name, f"{float(error.mean()):.3g}", f"{float(error.max()):.3g}"])
        print(*rows[-1], flush=True)

    judge("exact field", system.field)  # type: ignore[attr-defined]
    for name in arguments.models:
        trained = fields(registry, name, arguments.n_train, arguments.seeds, arguments.updates)
        for seed, field in enumerate(trained):
            judge(f"{name}, seed {seed}", field)
    print(tabulate(rows, ("field", "mean", "largest"), tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
