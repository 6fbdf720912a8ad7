"""Run many short ``symbench run`` while killing their processes, and check what they leave.

    python scripts/soak.py WORK --runs 200 --seed 1
    python scripts/soak.py WORK --runs 200 --seed 1 --round 17     # one round again

A round is one store: one run, two runs one after the other, or four runs at once, with random
signals to the command, its workers and its fork server, and random plugin files that misbehave
beside good ones. Afterwards the same store is resumed by one undisturbed run. After every round:
no process of its runs is left, every file of the store can be read, every cell that was reported
as finished has its record, and the scores of the good cells equal those of an undisturbed run to
the last bit. ``WORK/results.json`` holds the counts and the findings, each with its round; the
folders of rounds with findings stay in WORK. A seed decides the blows and the plugins of a round,
but not the moment that a process has reached when a blow meets it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from soaking import checks
from soaking.checks import Finding, Reference
from soaking.commands import (
    Blow,
    Command,
    described,
    draw_blows,
    end_all,
    kill,
    start,
    strays,
    wait,
)
from soaking.plugins import Faulty, write_faulty, write_good

TASKS = ("o5-invariant", "so3-cross")
MODELS = ("linear", "soak-keeper", "soak-dropping")
PAIRS = [(task, model) for task in TASKS for model in MODELS]
SHAPES = {"alone": (1, 1), "resumed": (2, 1), "together": (1, 4)}  # runs in turn, and at once
GIB = 1.5  # of memory that a cell may use


@dataclass
class Soak:
    """A soak, and what it has counted and found so far."""

    work: Path
    seed: int
    seconds: float = 5.0  # that an undisturbed run takes on this machine
    slowest_end: float = 0.0  # seconds between the end of commands and that of their processes
    reference: Reference = field(default_factory=Reference)
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, str | int]] = field(default_factory=list)

    def environment(self, cache: Path) -> dict[str, str]:
        """Return the variables of every run: one thread, the plugins needed, and a cache."""
        return {
            "OMP_NUM_THREADS": "1",
            "SYMBENCH_PLUGINS": "symbench_vectors,symbench_baselines",
            "SYMBENCH_CACHE": str(cache),
        }

    def measure(self) -> None:
        """Compute the good cells undisturbed, together and one by one."""
        folder = fresh_folder(self.work / "reference")
        environment = self.environment(folder / "cache")
        found = []
        for fleet in ("auto", "off"):
            command = start(
                [*good_arguments(folder, folder / fleet), "--fleet", fleet],
                folder / f"{fleet}.out", environment,
            )  # fmt: skip
            wait([command])
            if command.process.returncode != 0:
                sys.exit(f"the undisturbed run has failed: see {command.err}")
            cells = checks.cells_of(folder / fleet)
            found.append({pair: checks.scores(cells[pair]) for pair in PAIRS})
            self.seconds = time.monotonic() - command.started
        self.reference = Reference(*found)

    def round(self, number: int, shape: str) -> list[Finding]:
        """Run one round, count it, and return its findings; without any, remove its folder."""
        folder = fresh_folder(self.work / f"round-{number:04}")
        plugins = fresh_folder(folder / "plugins")
        rng = np.random.default_rng([self.seed, number])
        slow = bool(rng.random() < 0.2)
        faulty = [write_faulty(plugins, i, rng, slow=slow) for i in range(int(rng.integers(0, 4)))]
        caches = folder / "cache", self.work / "cache"
        environment = self.environment(caches[int(rng.integers(2))])
        self.counts.update(f"fault: {one.fault} in {one.place}" for one in faulty)
        findings = list(self._disturbed(folder, rng, shape, faulty, environment))
        findings += self._resumed(folder, faulty, environment)
        if not findings:
            shutil.rmtree(folder)
        self.findings += [
            {"round": number, "shape": shape, "kind": kind, "what": what} for kind, what in findings
        ]
        return findings

    def _disturbed(
        self,
        folder: Path,
        rng: np.random.Generator,
        shape: str,
        faulty: Sequence[Faulty],
        environment: dict[str, str],
    ) -> Iterator[Finding]:
        """Run the disturbed commands of a round, and yield what they got wrong."""
        arguments = [*good_arguments(folder, folder / "store"), *faulty_arguments(faulty)]
        arguments += ["--timeout", str(round(max(20.0, 3 * self.seconds)))]
        planned = (len(TASKS) + sum(one.task is not None for one in faulty)) * (
            len(MODELS) + sum(one.model is not None for one in faulty)
        )
        in_turn, at_once = SHAPES[shape]
        commands: list[Command] = []
        for turn in range(in_turn):
            blows = [draw_blows(rng, self.seconds) for _ in range(at_once)]
            begun = [
                start(arguments, folder / f"run-{turn}-{i}.out", environment, dealt)
                for i, dealt in enumerate(blows)
            ]
            wait(begun)
            yield from self._strays(begun)
            yield from checks.store_findings(folder / "store")
            commands += begun
        for command in commands:
            yield from checks.command_findings(command, planned)
            self.counts.update(f"signal: {_named(blow)}" for blow in command.dealt)
        self.counts["runs"] += len(commands)
        self.counts["cells reported as finished"] += sum(len(one.finished) for one in commands)
        cells = checks.cells_of(folder / "store")
        harmed = any(command.dealt for command in commands)
        yield from checks.lost_findings(cells, commands)
        yield from checks.status_findings(cells, MODELS, faulty, harmed=harmed)
        yield from checks.score_findings(cells, self.reference)
        self.counts["temporary files left"] += checks.temporary_files(folder / "store")

    def _resumed(
        self, folder: Path, faulty: Sequence[Faulty], environment: dict[str, str]
    ) -> Iterator[Finding]:
        """Resume the store without a blow, and yield what is not as in the undisturbed run."""
        before = checks.cells_of(folder / "store")
        files = [part for one in faulty for part in ("--plugin", str(one.file))]
        arguments = [*good_arguments(folder, folder / "store"), *files, "--retry-failed"]
        command = start(arguments, folder / "last.out", environment)
        wait([command])
        yield from self._strays([command])
        yield from checks.command_findings(command, len(PAIRS))
        yield from checks.store_findings(folder / "store")
        after = checks.cells_of(folder / "store")
        yield from checks.resumed_findings(before, command, PAIRS)
        yield from checks.lost_findings(after, [command])
        yield from checks.score_findings(after, self.reference)
        self.counts += checks.tally(after, PAIRS)
        self.counts["undisturbed runs"] += 1

    def _strays(self, commands: Sequence[Command]) -> Iterator[Finding]:
        left, seconds = strays([command.mark for command in commands])
        self.slowest_end = max(self.slowest_end, seconds)
        yield from (("stray process", described(process)) for process in left)
        kill(left)

    def results(self, seconds: float) -> dict[str, object]:
        """Return everything that was counted and found, for JSON."""
        kinds = Counter(str(finding["kind"]) for finding in self.findings)
        return {
            "seed": self.seed,
            "seconds": round(seconds),
            "seconds of an undisturbed run": round(self.seconds, 1),
            "seconds until the last process of a run had ended, at most": round(
                self.slowest_end, 1
            ),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "python": platform.python_version(),
            "torch": torch.__version__,
            "counts": dict(sorted(self.counts.items())),
            "findings by kind": dict(sorted(kinds.items())),
            "findings": self.findings,
        }


def good_arguments(folder: Path, store: Path) -> list[str]:
    """Return the arguments of a run of the good cells."""
    chosen = [part for task in TASKS for part in ("-t", task)]
    chosen += [part for model in MODELS for part in ("-m", model)]
    limits = ["--jobs", "2", "--memory", str(GIB), "--device", "cpu", "--tier", "smoke"]
    return [
        *chosen,
        *limits,
        "--store",
        str(store),
        "--plugin",
        str(write_good(folder / "plugins")),
    ]


def faulty_arguments(faulty: Sequence[Faulty]) -> list[str]:
    """Return the arguments that add plugins with faults, and choose what they register."""
    arguments: list[str] = []
    for one in faulty:
        arguments += ["--plugin", str(one.file)]
        arguments += ["-m", one.model] if one.model is not None else []
        arguments += ["-t", one.task] if one.task is not None else []
    return arguments


def fresh_folder(path: Path) -> Path:
    """Return an empty folder."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def shapes(seed: int, runs: int) -> list[str]:
    """Return the shapes of the rounds that so many runs fill, in random order."""
    rng = np.random.default_rng(seed)
    chosen: list[str] = []
    while runs > 0:
        fitting = [name for name, (turns, at_once) in SHAPES.items() if turns * at_once <= runs]
        chosen.append(str(rng.choice(fitting)))
        turns, at_once = SHAPES[chosen[-1]]
        runs -= turns * at_once
    return chosen


def _named(blow: Blow) -> str:
    return f"{blow.signal.name} to the {blow.victim}"


def main() -> int:
    """Run the soak that the command line describes, and return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path, help="folder for stores, plugins, caches and results")
    parser.add_argument("--runs", type=int, default=20, help="disturbed runs (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="decides blows and plugins")
    parser.add_argument("--round", type=int, help="only this round of the soak")
    arguments = parser.parse_args()
    rounds = shapes(arguments.seed, arguments.runs)
    chosen = range(len(rounds)) if arguments.round is None else [arguments.round]
    if not rounds or chosen[-1] not in range(len(rounds)):
        parser.error(f"{arguments.runs} runs are {len(rounds)} rounds, numbered from 0")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # runs must not inherit "ignored"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    soak = Soak(arguments.work.absolute(), arguments.seed)
    try:
        results = perform(soak, {number: rounds[number] for number in chosen})
    finally:
        end_all()
    print(results)
    return int(bool(soak.findings))


def perform(soak: Soak, rounds: Mapping[int, str]) -> str:
    """Perform rounds, given by number and shape, and return the results so far as JSON."""
    started = time.monotonic()
    soak.measure()
    results = ""
    for number, shape in rounds.items():
        findings = soak.round(number, shape)
        print(f"round {number} ({shape}): {len(findings)} findings", file=sys.stderr, flush=True)
        for kind, what in findings:
            print(f"  {kind}: {what}", file=sys.stderr, flush=True)
        results = json.dumps(soak.results(time.monotonic() - started), indent=1)
        (soak.work / "results.json").write_text(results + "\n")
    return results


if __name__ == "__main__":
    sys.exit(main())
