"""Draw cells of a submission, run them again, and say whether its figures hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from symbench.publish.submission import comparing
from symbench.publish.submission.contradictions import problems
from symbench.publish.submission.document import Submission
from symbench.publish.submission.rerun import Bench
from symbench.records.record import Identity, Record
from symbench.training.setup import quiet

Outcome = Literal["verified", "not reproduced", "not checkable"]
_EXIT: dict[Outcome, int] = {"verified": 0, "not reproduced": 1, "not checkable": 2}


@dataclass(frozen=True)
class CellVerdict:
    """What became of one cell: ``how`` it was compared, and ``why`` it was not verified."""

    task: str
    model: str
    key: str
    outcome: Outcome
    how: Literal["exact", "spread"] | None = None
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """The outcome for a submission; ``of`` counts its cells of status ok.

    ``cells`` holds the drawn cells, and those that cannot be checked here.
    """

    outcome: Outcome
    why: str = ""
    cells: tuple[CellVerdict, ...] = ()
    of: int = 0
    sha256: str = ""
    seed: int = 0

    @property
    def exit_code(self) -> int:
        """0 verified, 1 not reproduced, 2 not checkable."""
        return _EXIT[self.outcome]

    @property
    def line(self) -> str:
        """Return the verdict for a reviewer to paste; its names come from the submission."""
        if self.outcome != "verified":
            return f"{self.outcome} ({self.why})"
        held = sum(cell.outcome == "verified" for cell in self.cells)
        return f"verified ({held} of {self.of} cells)"

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {"verdict": self.line, "exit": self.exit_code, **asdict(self)}


@dataclass(frozen=True)
class _Rerun:
    submitted: Record
    here: Record

    @property
    def exact(self) -> bool:
        return comparing.same_class(self.submitted, self.here)


def refusal(reason: str) -> Verdict:
    """Return the verdict on what is no submission."""
    return Verdict("not checkable", reason)


def verify(
    submission: Submission,
    bench: Bench,
    cells: int = 3,
    seed: int = 0,
    on_cell: Callable[[Identity], None] = quiet,
) -> Verdict:
    """Check the file against itself, then run ``cells`` of its cells again.

    They are drawn, among those of status ok that this installation can repeat, by the SHA-256 of
    (submission, seed, key): whoever submits cannot choose. A trial from the same machine class,
    device, torch and number of threads must agree to 1e-6 relative; others within the spread of the
    seeds, with a sign test for bias over all of them.

    Args:
        submission: what is to be verified.
        bench: what runs the cells.
        cells: how many cells to run again; all that can be, if those are fewer.
        seed: chosen by the reviewer, after the submission was made.
        on_cell: called before each re-run.
    """
    if wrong := problems(submission):
        more = f"; and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return refusal(wrong[0] + more)
    trained = [record for record in submission.records if record.status == "ok"]
    obstacles = {record.key: bench.obstacle(record.identity) for record in trained}
    shut = [_shut(record, why) for record in trained if (why := obstacles[record.key])]
    open_ = [record for record in trained if obstacles[record.key] is None]
    done: list[_Rerun] = []
    for record in sorted(open_, key=lambda one: _lot(submission, seed, one.key)):
        if len(done) == cells:
            break
        on_cell(record.identity)
        here = bench.run(record)
        if here.status in ("ok", "diverged"):
            done.append(_Rerun(record, here))
        else:
            why = here.status if here.error is None else f"{here.status}: {here.error.message}"
            shut.append(_shut(record, f"the re-run {why}"))
    judged, bias = _judge(done)
    outcome, why = _conclude(judged, bias, shut)
    whole = submission.hashes.whole
    return Verdict(outcome, why, (*judged, *shut), len(trained), whole, seed)


def _lot(submission: Submission, seed: int, key: str) -> str:
    return hashlib.sha256(f"{submission.hashes.whole} {seed} {key}".encode()).hexdigest()


def _judge(done: list[_Rerun]) -> tuple[list[CellVerdict], list[str]]:
    loose = [one for one in done if not one.exact]
    tests = sum(comparing.count_tests(one.submitted, one.here) for one in loose)
    bias = comparing.bias(
        {one.submitted.key: comparing.pairs(one.submitted, one.here) for one in loose}
    )
    return [_cell(one, tests) for one in done], list(bias)


def _cell(one: _Rerun, tests: int) -> CellVerdict:
    identity = one.submitted.identity
    if one.exact:
        wrong = list(comparing.exact_differences(one.submitted, one.here))
    elif one.here.status == "diverged":
        wrong = ["every trial diverges here"]
    else:
        wrong = list(comparing.spread_differences(one.submitted, one.here, tests))
    outcome: Outcome = "not reproduced" if wrong else "verified"
    if not one.exact and not wrong and len(identity.seeds) < 2:
        outcome, wrong = "not checkable", ["another machine class, and one seed has no spread"]
    more = f"; and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    why = wrong[0] + more if wrong else ""
    how: Literal["exact", "spread"] = "exact" if one.exact else "spread"
    return CellVerdict(identity.task, identity.model, one.submitted.key, outcome, how, why)


def _shut(record: Record, why: str) -> CellVerdict:
    identity = record.identity
    return CellVerdict(identity.task, identity.model, record.key, "not checkable", None, why)


def _conclude(
    judged: list[CellVerdict], bias: list[str], shut: list[CellVerdict]
) -> tuple[Outcome, str]:
    if failed := [cell for cell in judged if cell.outcome == "not reproduced"]:
        first = failed[0]
        return "not reproduced", (
            f"{len(failed)} of {len(judged)} drawn cells; {first.task} {first.model}: {first.why}"
        )
    if bias:
        return "not reproduced", f"bias; {'; '.join(bias)}"
    if any(cell.outcome == "verified" for cell in judged):
        return "verified", ""
    reasons = sorted({cell.why for cell in (*judged, *shut)})
    return "not checkable", "; ".join(reasons[:3]) or "no cell has a result"
