"""Draw cells of a submission, run them again, and say whether its results hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from symbench.errors import InputError
from symbench.publish.submission import comparing
from symbench.publish.submission.contradictions import Checked, check
from symbench.publish.submission.directory import differing_files
from symbench.publish.submission.rerun import Rerunner
from symbench.records.record import Identity, Record, Status
from symbench.results.published.document import Submission
from symbench.results.published.reading import file_of, read
from symbench.runs.protocol import TIERS

Judgement = Literal["verified", "not reproduced", "not checkable"]
How = Literal["exact", "spread", "status"]
_EXIT: dict[Judgement, int] = {"verified": 0, "not reproduced": 1, "not checkable": 2}
_LIMITED: tuple[Status, ...] = ("timeout", "oom")  # decided by the limits of the run
_LOST: tuple[Status, ...] = ("failed", "crashed", "diverged", *_LIMITED)


@dataclass(frozen=True)
class CellVerdict:
    """The outcome for one cell: ``how`` it was compared, and ``why`` it was not verified.

    A cell that has failed is compared by its ``status``.
    """

    task: str
    model: str
    key: str
    outcome: Judgement
    how: How | None = None
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """The outcome for a submission: ``of`` counts its cells of status ok, ``failed`` the others.

    ``cells`` are the drawn cells and those that cannot be checked here. ``seeds`` says where the
    number of seeds is not that of the tier. Declined and interrupted cells are not counted.
    """

    outcome: Judgement
    why: str = ""
    cells: tuple[CellVerdict, ...] = ()
    of: int = 0
    failed: int = 0
    seeds: str = ""
    sha256: str = ""
    seed: int = 0

    @property
    def exit_code(self) -> int:
        """0 verified, 1 not reproduced, 2 not checkable."""
        return _EXIT[self.outcome]

    @property
    def line(self) -> str:
        """The verdict in one line to quote; its names come from the submission."""
        if self.outcome != "verified":
            return f"{self.outcome} ({self.why})"
        hows = [cell.how for cell in self.cells if cell.outcome == "verified"]
        lost = hows.count("status")
        facts = f"{len(hows) - lost} of {self.of} cells"
        if lost:
            facts += f", {lost} of {self.failed} failed"
        return f"verified ({facts}{'; ' if self.seeds else ''}{self.seeds})"

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {"verdict": self.line, "exit": self.exit_code, **asdict(self)}


@dataclass(frozen=True)
class _Rerun:
    submitted: Record
    here: Record

    @cached_property
    def exact(self) -> bool:
        """Whether rounding decides; on a GPU, which adds in any order, only where scores agree."""
        if not comparing.same_class(self.submitted, self.here):
            return False
        on_cpu = (self.submitted.provenance.device or "cpu") == "cpu"
        return on_cpu or not any(comparing.exact_differences(self.submitted, self.here))


def refusal(reason: str) -> Verdict:
    """Return the verdict on a file that is not a submission, or contradicts itself."""
    return Verdict("not checkable", reason)


def _silent(identity: Identity) -> None:
    """Report nothing."""


def verify_path(
    path: Path,
    rerunner: Rerunner,
    cells: int = 3,
    seed: int = 0,
    on_cell: Callable[[Identity], None] = _silent,
) -> Verdict:
    """Verify a submission file, or a published directory with the tables in it.

    Args:
        path: the file or the directory.
        rerunner: runs cells again.
        cells: how many cells to run again.
        seed: chosen by the reviewer, after the submission was made.
        on_cell: called before each re-run.

    Raises:
        InputError: there is no such file.
    """
    file = file_of(path)
    if not file.is_file():
        raise InputError(f"no submission at {str(file)!r}: give the file that publish wrote")
    try:
        checked = check(read(file))
    except InputError as error:
        return refusal(str(error))
    if path.is_dir() and (names := _edited(checked, path)):
        return refusal(
            f"{', '.join(names)}: not what this version of symbench writes for the submission"
        )
    return verify(checked, rerunner, cells, seed, on_cell)


def _edited(checked: Checked, directory: Path) -> list[str]:
    """Return the files that differ; a contradictory submission has no tables to compare with."""
    return [] if checked.contradictions else differing_files(checked.submission, directory)


def verify(
    checked: Checked,
    rerunner: Rerunner,
    cells: int = 3,
    seed: int = 0,
    on_cell: Callable[[Identity], None] = _silent,
) -> Verdict:
    """Run ``cells`` cells of a submission without contradictions again, and compare the results.

    They are drawn among the cells of status ok that this installation can repeat, in the order of
    the SHA-256 of (submission, seed, key), which the submitter cannot choose. As many are drawn of
    the failed ones, which must fail again. On any machine each trial must have the scores of the
    re-run and no others. Trials from the same machine class, device, torch and number of threads
    must agree to 1e-6 relative. Others must agree within the spread of the seeds, with a sign test
    for bias over all of them. So must trials from a GPU that do not agree to 1e-6: CUDA adds in any
    order in some operations.

    Args:
        checked: the submission, and the contradictions found in it.
        rerunner: runs cells again.
        cells: how many cells to run again; all that can be, if those are fewer.
        seed: chosen by the reviewer, after the submission was made.
        on_cell: called before each re-run.
    """
    submission = checked.submission
    if checked.contradictions:
        return refusal(_first_of(checked.contradictions))
    trained = [record for record in submission.records if record.status == "ok"]
    lost = [record for record in submission.records if record.status in _LOST]
    shut: list[CellVerdict] = []
    done = [
        rerun
        for among in (trained, lost)
        for rerun in _rerun(submission, among, rerunner, (cells, seed), on_cell, shut)
    ]
    judged, bias = _judge(done)
    outcome, why = _conclude(judged, bias, shut)
    whole, counts = submission.hashes.whole, (len(trained), len(lost))
    return Verdict(outcome, why, (*judged, *shut), *counts, _seeds(submission), whole, seed)


def _rerun(
    submission: Submission,
    among: Sequence[Record],
    rerunner: Rerunner,
    drawn: tuple[int, int],
    on_cell: Callable[[Identity], None],
    shut: list[CellVerdict],
) -> list[_Rerun]:
    """Draw (how many, seed) cells and run them again; add to ``shut`` those that cannot be."""
    cells, seed = drawn
    obstacles = rerunner.obstacles([record.identity for record in among])
    reasons = {r.key: obstacles[r.key] or rerunner.unknown_scores(r) for r in among}
    shut += [_shut(record, why) for record in among if (why := reasons[record.key])]
    done: list[_Rerun] = []
    for record in sorted(among, key=lambda record: _lot(submission, seed, record.key)):
        if reasons[record.key] is not None:
            continue
        if len(done) == cells:
            break
        on_cell(record.identity)
        here = rerunner.run(record)
        if why := _incomparable(record, here):
            shut.append(_shut(record, why))
        else:
            done.append(_Rerun(record, here))
    return done


def _incomparable(record: Record, here: Record) -> str | None:
    """Return why a re-run says nothing of the record: limits ended it, or it failed here."""
    finished = ("ok", "diverged")
    if record.status == here.status or (record.status in _LOST and here.status in finished):
        limited = record.status in _LIMITED and here.status in finished
        return f"{record.status} submitted, {here.status} here" if limited else None
    if here.status in finished:
        return None
    why = here.status if here.error is None else f"{here.status}: {here.error.message}"
    return f"the re-run {why}"


def _seeds(submission: Submission) -> str:
    """Return how many seeds the cells have, if a cell has another number than the tier."""
    usual = TIERS[submission.tier].seeds
    counts = sorted({len(identity.seeds) for identity in submission.plan})
    if counts == [usual]:
        return ""
    return f"{' or '.join(map(str, counts))} seeds, tier {submission.tier} has {usual}"


def _first_of(reasons: Sequence[str]) -> str:
    more = f"; and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return reasons[0] + more if reasons else ""


def _lot(submission: Submission, seed: int, key: str) -> str:
    return hashlib.sha256(f"{submission.hashes.whole} {seed} {key}".encode()).hexdigest()


def _judge(done: list[_Rerun]) -> tuple[list[CellVerdict], list[str]]:
    loose = [one for one in done if not one.exact and one.submitted.status == "ok"]
    tests = sum(comparing.count_tests(rerun.submitted, rerun.here) for rerun in loose)
    bias = comparing.bias(
        {rerun.submitted.key: comparing.pairs(rerun.submitted, rerun.here) for rerun in loose}
    )
    return [_cell(rerun, tests) for rerun in done], list(bias)


def _cell(rerun: _Rerun, tests: int) -> CellVerdict:
    identity, status = rerun.submitted.identity, rerun.submitted.status
    if status != "ok":
        same = status == rerun.here.status
        return CellVerdict(
            identity.task, identity.model, rerun.submitted.key,
            "verified" if same else "not reproduced", "status",
            "" if same else f"{status} submitted, {rerun.here.status} here",
        )  # fmt: skip
    if rerun.exact:
        wrong = list(comparing.exact_differences(rerun.submitted, rerun.here))
    elif rerun.here.status == "diverged":
        wrong = ["every trial diverges here"]
    else:
        both = rerun.submitted, rerun.here
        wrong = [*comparing.missing(*both), *comparing.copies(*both)]
        wrong += comparing.spread_differences(*both, tests)
    outcome: Judgement = "not reproduced" if wrong else "verified"
    if not rerun.exact and not wrong and len(identity.seeds) < 2:
        outcome, wrong = "not checkable", ["another machine class, and one seed has no spread"]
    how: How = "exact" if rerun.exact else "spread"
    return CellVerdict(
        identity.task, identity.model, rerun.submitted.key, outcome, how, _first_of(wrong)
    )


def _shut(record: Record, why: str) -> CellVerdict:
    identity = record.identity
    return CellVerdict(identity.task, identity.model, record.key, "not checkable", None, why)


def _conclude(
    judged: list[CellVerdict], bias: list[str], shut: list[CellVerdict]
) -> tuple[Judgement, str]:
    if failed := [cell for cell in judged if cell.outcome == "not reproduced"]:
        first = failed[0]
        return "not reproduced", (
            f"{len(failed)} of {len(judged)} drawn cells; {first.task} {first.model}: {first.why}"
        )
    if bias:
        return "not reproduced", f"bias; {'; '.join(bias)}"
    if any(cell.outcome == "verified" and cell.how != "status" for cell in judged):
        return "verified", ""
    reasons = sorted({cell.why for cell in (*judged, *shut) if cell.why})
    return "not checkable", "; ".join(reasons[:3]) or "no cell has a result"
