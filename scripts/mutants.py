"""Pass spoiled documents through everything that reads them, and count what happens.

python scripts/mutants.py --count 100000 > summary.json
python scripts/mutants.py --only record:1234     # one mutant again, with its traceback

Real documents (records, submissions, tables of a publication, searches, cached cards and data,
tensors, suites) are made by one smoke run and taken from leaderboards/quick. Each mutant is made
from one of them and a seed, so it can be made again. Every reader of its kind gets it, in a process
with limits of time and memory. A reader may use the document or refuse it with an error of
symbench's own. Anything else is a fault, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from types import FrameType
from typing import IO, Any, cast

# Per cent of the mutants.
SHARES = {"record": 30, "submission": 25, "tuning": 15, "cache": 10, "card": 5, "publication": 5,
          "tensors": 5, "suite": 5}  # fmt: skip
_BATCH = 2_500  # mutants of one process
_STUCK = 60.0  # wall seconds after which a process that says nothing is killed
_KEPT = 5  # examples of one fault


@dataclass
class Counts:
    """What happened to the mutants of one kind; outcomes by reader."""

    documents: int = 0
    bytes: int = 0
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    processor_seconds: float = 0.0
    slowest_seconds: float = 0.0
    slowest: str = ""
    most_mib: float = 0.0


@dataclass
class Limits:
    """Of one reader of one mutant: processor seconds, and MiB more than the process had before."""

    seconds: float
    mib: int


class _TooSlowError(BaseException):
    """A reader exceeds its time; no reader catches it."""


def _alarm(_signal: int, _frame: FrameType | None) -> None:
    raise _TooSlowError


class Taster:
    """Calls the readers of one mutant after the other, and notes the outcome of each."""

    def __init__(self, limits: Limits, *, verbose: bool = False) -> None:
        signal.signal(signal.SIGPROF, _alarm)
        self.limits = limits
        self.verbose = verbose
        self.outcomes: list[tuple[str, str]] = []
        self.faults: list[dict[str, str]] = []
        self.slowest = 0.0

    def taste(self, read: Callable[[], None]) -> dict[str, Any]:
        """Call a function that calls the readers, and return what happened."""
        started, before = time.process_time(), _start_of_peak()
        self.step("whole", lambda: read() or True)
        return {
            "outcomes": self.outcomes, "faults": self.faults, "seconds": self.slowest,
            "mib": _peak() - before, "spent": time.process_time() - started,
        }  # fmt: skip

    def step(self, name: str, call: Callable[[], Any]) -> Any:
        """Return what a reader returns; None if it refuses the document or fails."""
        from symbench.errors import SymbenchError

        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, 5 * self.limits.seconds)
        value, outcome = None, "read"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                value = call()
        except SymbenchError:
            outcome = "refused"
        except _TooSlowError as error:
            outcome = self._fault(name, "hang", error)
        except Exception as error:  # what is looked for
            outcome = self._fault(name, type(error).__name__, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        seconds = time.process_time() - started
        if seconds > self.limits.seconds and outcome != "hang":
            outcome = self._fault(name, "slow", None, f"{seconds:.1f} s")
        self.slowest = max(self.slowest, seconds)
        self.outcomes.append((name, "refused" if outcome == "read" and value is None else outcome))
        return value

    def _fault(self, name: str, what: str, error: BaseException | None, text: str = "") -> str:
        if self.verbose and error is not None:
            traceback.print_exception(error)
        frames = traceback.extract_tb(error.__traceback__) if error is not None else []
        own = [f for f in frames if "symbench" in f.filename]
        where = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
        message = text or " ".join(str(error).split())[:200]
        self.faults.append({"reader": name, "what": what, "where": where, "message": message})
        return what


def _readers() -> dict[str, Callable[..., None]]:
    import mutant_readers as readers

    return {
        "record": readers.read_record, "submission": readers.read_submission,
        "publication": readers.read_publication, "tuning": readers.read_tuning,
        "card": readers.read_card, "cache": readers.read_cache, "tensors": readers.read_tensors,
        "suite": readers.read_suite_file,
    }  # fmt: skip


def work(folder: Path, kind: str, numbers: range, seed: int, limits: Limits) -> None:
    """Read mutants in this process; print one line of JSON for each of them."""
    import mutant_readers as readers

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # for what readers print
    originals = pickle.loads((folder / "originals.pickle").read_bytes())  # noqa: S301 - our own
    with tempfile.TemporaryDirectory(dir=folder) as place:
        bench = readers.Bench(Path(place), originals)
        read = _readers()[kind]
        for original in originals[kind]:  # without limits: imports and caches are not counted
            read(bench, original, 0, Taster(Limits(600.0, 0)).step)
        _limit_memory(limits.mib)
        for number in numbers:
            content = mutant(bench.originals, kind, number, seed)
            taster = Taster(limits, verbose=len(numbers) == 1)
            line = taster.taste(partial(read, bench, content, number, taster.step))
            line |= {"number": number, "bytes": len(content)}
            print(json.dumps(line), file=out, flush=True)


def mutant(originals: dict[str, list[bytes]], kind: str, number: int, seed: int) -> bytes:
    """Return a mutant; equal arguments give equal bytes."""
    import mutant_readers as readers

    rng = Random(f"{seed} {kind} {number}")  # noqa: S311 - no secret
    return readers.spoiled(kind, rng.choice(originals[kind]), rng)


def _limit_memory(mib: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + mib * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _start_of_peak() -> float:
    """Let the peak of the resident memory start anew, and return it in MiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def run(folder: Path, kind: str, count: int, seed: int, limits: Limits) -> Iterator[dict[str, Any]]:
    """Yield what happened to each mutant of a kind, read in processes one after the other."""
    done = 0
    while done < count:
        stop = min(count, done + _BATCH)
        for line in _lines(folder, kind, range(done, stop), seed, limits):
            yield line
            done += 1
        if done < stop:  # the process was ended or killed by this mutant
            fault = {"reader": "process", "what": "died or hung", "where": "", "message": ""}
            yield {"number": done, "bytes": 0, "outcomes": [("process", "died")],
                   "faults": [fault], "seconds": 0.0, "mib": 0.0,
                   "spent": 0.0}  # fmt: skip
            done += 1


def _lines(
    folder: Path, kind: str, numbers: range, seed: int, limits: Limits
) -> Iterator[dict[str, Any]]:
    """Yield the lines of one process; it is killed if it says nothing for a minute."""
    arguments = [kind, numbers.start, numbers.stop, seed, limits.seconds, limits.mib]
    command = [sys.executable, __file__, "--work", str(folder), *map(str, arguments)]
    with (folder / "log").open("a") as log:
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)  # noqa: S603
    patience = 10 * _STUCK  # for the imports and the first, unspoiled documents
    lines = cast(IO[bytes], worker.stdout)
    with selectors.DefaultSelector() as selector:
        selector.register(lines, selectors.EVENT_READ)
        while selector.select(patience) and (text := lines.readline()):
            patience = _STUCK
            yield json.loads(text)
    with suppress(subprocess.TimeoutExpired):
        worker.wait(10)
    worker.kill()
    worker.wait()


def summarised(kinds: dict[str, Counts], faults: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the summary as a JSON document."""
    return {
        "documents": sum(counts.documents for counts in kinds.values()),
        "faults": sum(fault["times"] for fault in faults),
        "slowest_seconds": max(counts.slowest_seconds for counts in kinds.values()),
        "most_mib": max(counts.most_mib for counts in kinds.values()),
        "kinds": {kind: asdict(counts) for kind, counts in kinds.items()},
        "each_fault": faults,
    }


def count(folder: Path, shares: dict[str, int], seed: int, limits: Limits) -> dict[str, Any]:
    """Read the mutants of each kind, and return the summary."""
    kinds: dict[str, Counts] = {}
    faults: dict[tuple[str, ...], dict[str, Any]] = {}
    for kind, number in shares.items():
        counts = kinds[kind] = Counts()
        for line in run(folder, kind, number, seed, limits):
            counts.documents += 1
            counts.bytes += line["bytes"]
            counts.most_mib = max(counts.most_mib, round(line["mib"], 1))
            if line["seconds"] > counts.slowest_seconds:
                counts.slowest_seconds = round(line["seconds"], 3)
                counts.slowest = f"{kind}:{line['number']}"
            counts.processor_seconds += line["spent"]
            for reader, outcome in line["outcomes"]:
                of_reader = counts.outcomes.setdefault(reader, {})
                of_reader[outcome] = of_reader.get(outcome, 0) + 1
            for fault in line["faults"]:
                known = faults.setdefault(
                    (kind, fault["reader"], fault["what"], fault["where"]),
                    {"kind": kind, **fault, "times": 0, "mutants": []},
                )
                known["times"] += 1
                known["mutants"] = [*known["mutants"], f"{kind}:{line['number']}"][:_KEPT]
        print(f"{kind}: {number} mutants, {sum(f['times'] for f in faults.values())} faults so far",
              file=sys.stderr, flush=True)  # fmt: skip
    return summarised(kinds, list(faults.values()))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000, help="mutants of all kinds together")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other mutants")
    parser.add_argument("--kinds", default=",".join(SHARES), help="separated by commas")
    parser.add_argument("--only", metavar="KIND:NUMBER", help="read one mutant, and show it all")
    parser.add_argument("--seconds", type=float, default=2.0, help="processor time of one reader")
    parser.add_argument("--mib", type=int, default=1024, help="memory of one reader")
    parser.add_argument("--work", nargs=7, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        folder, kind, start, stop, seed, seconds, mib = given.work
        limits = Limits(float(seconds), int(mib))
        work(Path(folder), kind, range(int(start), int(stop)), int(seed), limits)
        return 0
    kinds = given.kinds.split(",")
    if unknown := sorted(set(kinds) - set(SHARES)):
        parser.error(f"unknown kind {unknown[0]!r}: choose among {', '.join(SHARES)}")
    limits = Limits(given.seconds, given.mib)
    with tempfile.TemporaryDirectory(prefix="symbench-mutants-") as place:
        folder = Path(place)
        os.environ["SYMBENCH_CACHE"] = str(folder / "cache")  # not the user's
        _make_originals(folder)
        if given.only:
            kind, _, number = given.only.partition(":")
            work(folder, kind, range(int(number), int(number) + 1), given.seed, limits)
            return 0
        whole = sum(SHARES[kind] for kind in kinds)
        shares = {kind: -(-given.count * SHARES[kind] // whole) for kind in kinds}
        summary = count(folder, shares, given.seed, limits)
        print((folder / "log").read_text()[-2_000:], file=sys.stderr)
    print(json.dumps({"seed": given.seed, **summary}, indent=1))
    return 1 if summary["faults"] else 0


def _make_originals(folder: Path) -> None:
    """Write the unspoiled documents of every kind into the folder."""
    import mutant_readers as readers

    (folder / "originals.pickle").write_bytes(pickle.dumps(readers.originals(folder)))


if __name__ == "__main__":
    sys.exit(main())
