"""What field-fit announces on ten vector fields, by the coverage of the inputs and by noise.

python scripts/field_coverage.py --size 100 --seeds 5

A cell holds the numbers of announced generators over the seeds, and the mean overlap of their span
with the true algebra on the test inputs, which are uniform in the box.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter

import symbench_symmetry.fields as tasks
import torch
from symbench_discovery.field_fit import FieldFit
from symbench_symmetry.fields import FieldTask

from symbench import Context, Problem, seeded
from symbench.metrics.spans import Span
from symbench.metrics.truth import Truth, true_algebra

FIELDS: tuple[type[FieldTask], ...] = (
    tasks.Hopf,
    tasks.PlanarRotation,
    tasks.SymmetricTop,
    tasks.RadialFlow,
    tasks.VanDerPol,
    tasks.Duffing,
    tasks.LotkaVolterra,
    tasks.Selkov,
    tasks.AsymmetricBody,
    tasks.Lorenz,
)
COVERAGE = {"uniform": 0, "8 trajectories": 8, "1 trajectory": 1}


def announced(task: FieldTask, truth: Truth, size: int, seed: int) -> tuple[int, float]:
    """Return how many generators field-fit announces, and their overlap with the truth."""
    data = task.sample(size, seed, "train")
    problem = Problem(
        task.kind, task.loss, task.input_shape, task.output_shape, candidate=task.layout()
    )
    context = Context(size, seed, 1, torch.device("cpu"), data, seeded("fit"), data)
    model = FieldFit()
    L = model.generators(model.fit(problem, data, context))
    if L is None:
        raise RuntimeError("field-fit announces no generators")
    span = Span(L, truth, len(truth.candidate.whitening.whiten) ** 2)
    return span.k, span.overlap if len(truth.Q) else float("nan")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=100, help="training examples")
    parser.add_argument("--seeds", type=int, default=5, help="of the data sets")
    options = parser.parse_args()
    columns = [(name, noise) for noise in (0.0, 0.1) for name in COVERAGE]
    print("| field | true |" + "".join(f" {name}, noise {noise} |" for name, noise in columns))
    print("| --- | --- |" + " --- |" * len(columns))
    for field in FIELDS:
        truth = true_algebra(field(), field().sample(400, 0, "test").x)
        if truth is None:
            raise RuntimeError(f"{field.name} has no candidate algebra")
        cells = []
        for name, noise in columns:
            changed = {"orbits": COVERAGE[name], "noise": noise, "__module__": __name__}
            task: FieldTask = type(field.__name__, (field,), changed)()
            found = [announced(task, truth, options.size, seed) for seed in range(options.seeds)]
            numbers = Counter(k for k, _ in found)
            cell = ", ".join(f"{k} ({n}×)" for k, n in sorted(numbers.items()))
            overlap = sum(o for _, o in found) / len(found)
            cells.append(cell if math.isnan(overlap) else f"{cell}: {overlap:.2f}")
        print(f"| `{field.name}` | {len(truth.Q)} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
