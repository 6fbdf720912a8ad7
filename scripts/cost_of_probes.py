"""What it costs to check that a plugin yields no wrong figure: its share of the time of cells.

    python scripts/cost_of_probes.py -t o5-invariant -t so3-cross -m mlp -m scalars

Each cell runs inline under a profiler, which slows many short calls down more than a few long
ones. So the share is an upper estimate. Counted is the time in the functions below, with all that
they call.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
from collections import Counter
from pathlib import Path

import symbench

PROBES = {
    ("training/train.py", "_compare_builds"): "two builds with one seed",
    ("training/train.py", "_outputs"): "builds before and after training",
    ("training/train.py", "_compare_with_early"): "builds before and after training",
    ("training/train.py", "_refuse_later_changes"): "networks of earlier fits",
    ("training/train.py", "_assigns"): "state in a call",
    ("training/train.py", "shared_tensors"): "shared tensors",
    ("training/stacking.py", "_keeps_state"): "state in a call",
    ("training/outside.py", "__init__"): "state outside of modules",
    ("training/outside.py", "changed"): "state outside of modules",
    ("training/outside.py", "read"): "state outside of modules",
    ("runs/judge.py", "replaced"): "replaced functions",
    ("runs/judge.py", "hooked"): "replaced functions",
    ("runs/judge.py", "replaced_in"): "replaced functions",
    ("runs/watch.py", "_culprit"): "draws of a model",
    ("runs/score.py", "_require_unchanged"): "changed test data",
    ("runs/score.py", "_require_independent"): "state outside of modules",
    ("runs/score.py", "_copies"): "copies for metrics of plugins",
    ("symbench/draws.py", "require_kept"): "changed test data",
    ("symbench/draws.py", "_digest"): "changed test data",
    ("contract/values.py", "clone"): "copies of data",
    ("runs/staleness.py", "check_code"): "edited code",
    ("runs/setup.py", "check_code"): "edited code",
}
WHOLE = ("runs/cell.py", "run_cell")


def cost(task: str, model: str, tier: str) -> tuple[float, Counter[str]]:
    """Return the seconds of a cell, and those of each kind of probe in it."""
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as store:
        profile.enable()
        symbench.run([task], [model], tier, Path(store), executor="inline", device="cpu")
        profile.disable()
    whole, probes = 0.0, Counter[str]()
    for (file, _, function), (_, _, _, seconds, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if file.endswith(WHOLE[0]) and function == WHOLE[1]:
            whole = seconds
        for (end, name), kind in PROBES.items():
            if function == name and file.endswith(end):
                probes[kind] += seconds
    return whole, probes


def main() -> None:
    """Print one line for each cell, each kind of probe, and the sum."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-t", "--task", action="append", required=True, help="a task (repeatable)")
    parser.add_argument(
        "-m", "--model", action="append", required=True, help="a model (repeatable)"
    )
    parser.add_argument("--tier", default="quick", help="of the cells (default: quick)")
    options = parser.parse_args()
    whole, probes = 0.0, Counter[str]()
    for task in options.task:
        for model in options.model:
            seconds, of_cell = cost(task, model, options.tier)
            whole, probes = whole + seconds, probes + of_cell
            if seconds:
                print(f"{task} {model}: {seconds:.1f} s, {_share(of_cell, seconds)}", flush=True)
    for kind, seconds in probes.most_common():
        print(f"{kind}: {seconds:.2f} s")
    print(f"all: {whole:.1f} s, {_share(probes, whole)}")


def _share(probes: Counter[str], whole: float) -> str:
    return f"probes {sum(probes.values()):.2f} s ({100 * sum(probes.values()) / whole:.1f} %)"


if __name__ == "__main__":
    main()
