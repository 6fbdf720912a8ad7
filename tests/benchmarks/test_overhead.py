"""What the engine adds to a cell whose model does nothing, and what a command adds to its imports.

pytest tests/benchmarks/test_overhead.py --benchmark-enable
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

import pytest

from symbench import registry
from symbench.runs.desk import Desk
from symbench.runs.executors import inline, local
from symbench.runs.options import Options
from symbench.runs.plan import Selection, make_plan

REGISTRY = registry.load()
EXECUTORS = {"inline": (inline.execute, 50), "isolated": (local.execute, 250)}
COMMANDS = {"--help": ["--help"], "list": ["list"]}


@pytest.mark.slow
@pytest.mark.parametrize("where", EXECUTORS)
def test_a_cell_whose_model_does_nothing(benchmark, where, tmp_path):
    execute, target = EXECUTORS[where]
    selection = Selection(("o5-invariant",), ("constant",), "quick")
    cells = make_plan(REGISTRY, selection)

    options = Options(tmp_path, device="cpu", jobs=1)

    def run():
        desk = Desk.of(REGISTRY, options, cells)
        statuses = [record.status for record in execute(cells, desk, options)]
        desk.store.release_all()  # the next run computes them again
        return statuses

    run()  # starts the fork server, draws the data
    assert benchmark.pedantic(run, rounds=15) == ["ok"]
    if not benchmark.disabled:
        benchmark.extra_info |= {
            "what": f"a cell of 20 trials whose model does nothing, {where}",
            "milliseconds": 1000 * benchmark.stats.stats.median,
            "target": f"≤ {target} ms",
        }


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_runs_nothing(benchmark, command, tmp_path):
    # byte code, as an installed package has it; only the built-in plugins
    names = [info.name for info in REGISTRY.plugins if info.name != "symbench_example"]
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    } | {"PYTHONPYCACHEPREFIX": str(tmp_path), "SYMBENCH_PLUGINS": ",".join(names)}

    def seconds(*arguments):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment
        )
        return time.perf_counter() - started

    bare = ["-c", "import typer, rich"]
    ours = ["-c", "from symbench.cli import main; main()", *COMMANDS[command]]
    seconds(*bare), seconds(*ours)
    ratios = []

    def both() -> None:
        ratios.append(seconds(*ours) / seconds(*bare))

    benchmark.pedantic(both, rounds=9)
    benchmark.extra_info |= {
        "what": f"`symbench {command}` against `python -c 'import typer, rich'`",
        "ratio": median(ratios),
        "target": "≤ 3×",
    }
    assert ratios
