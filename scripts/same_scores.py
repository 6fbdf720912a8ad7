"""Train one cell of each family by both routes, and compare the scores of two versions bit by bit.

    python scripts/same_scores.py before.json          # in the environment of one version
    python scripts/same_scores.py after.json           # in the environment of the other
    python scripts/same_scores.py --compare before.json after.json

Scores are written as hexadecimal floats, so that equal means equal to the last bit. Both runs must
be made on one machine: another processor rounds differently.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch

import symbench

CELLS = [
    ("o5-invariant", "mlp"),
    ("o5-invariant", "mlp-augmented"),
    ("o5-invariant", "mlp-penalty"),
    ("o5-invariant", "emlp"),
    ("o5-invariant", "liegan"),
    ("rotation-angle", "msr"),
    ("o3-inertia", "scalars"),
    ("so3-cross", "e3nn"),
    ("lorentz-scattering", "emlp"),
    ("rotation-fixed", "lconv"),
    ("rotation-angle", "augerino"),
    ("rotation-angle", "lie-fit"),
    ("rotation-fixed", "linear"),
    ("scrambled-digits-rotated", "cnn"),
    ("scrambled-digits-plain", "steerable-cnn"),
    ("translation-1d", "lconv-exp"),
    ("csl", "ppgn"),
    ("csl", "wl-1"),
    ("substructure-count-er", "gin"),
    ("max-cut", "mpnn"),
    ("brec-mini", "gin"),
    ("spring-pendulum", "hnn-mlp"),
    ("nbody-charged", "egnn"),
    ("nbody-charged", "e3nn-nbody"),
    ("pendulum", "lnn-angles"),
    ("ring-diffusion", "mlp"),
    ("ring-diffusion", "so2-drift"),
]
ROUTES = ("on", "off")


def trained(task: str, model: str, route: str) -> dict[str, object]:
    """Return status and scores of a cell's trials; a declined or failed cell has none."""
    with tempfile.TemporaryDirectory() as store:
        result = symbench.run(
            [task], [model], tier="smoke", store=store, executor="inline", fleet=route, device="cpu"
        )
    (record,) = result.records
    return {
        "status": record.status,
        "message": record.error.message if record.error else "",
        "trials": [
            {name: value.hex() for name, value in sorted(trial.scores.items())}
            for trial in record.trials
        ],
    }


def measure(file: Path) -> None:
    """Train every cell on one thread and write the scores."""
    torch.set_num_threads(1)
    cells = {}
    for task, model in CELLS:
        for route in ROUTES:
            cells[f"{task} · {model} · {route}"] = cell = trained(task, model, route)
            print(task, model, route, cell["status"], cell["message"][:80], file=sys.stderr)
    file.write_text(json.dumps(cells, indent=1))


def compare(before: Path, after: Path) -> int:
    """Print what differs; return 1 if anything does."""
    old, new = (json.loads(file.read_text()) for file in (before, after))
    differing = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    for name in sorted(differing):
        print("differs:", name)
    scores = sum(len(trial) for cell in old.values() for trial in cell["trials"])
    print(f"{len(old)} cells, {scores} scores, {len(differing)} cells differ")
    return int(bool(differing))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.json", help="scores")
    parser.add_argument("--compare", action="store_true", help="compare two files")
    arguments = parser.parse_args()
    if arguments.compare:
        sys.exit(compare(*arguments.files))
    measure(*arguments.files)
