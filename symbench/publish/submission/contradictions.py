"""Contradictions inside a submission: what is wrong with it, judged only from the file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from symbench.records.record import Identity, Record
from symbench.results import leaderboard
from symbench.results.fidelity import Judge, Verdict
from symbench.results.leaderboard.over_tasks import MOST_MODELS, MOST_TASKS
from symbench.results.published.document import Submission, canonical, text_sha256, whole_sha256
from symbench.runs.protocol import PROTOCOL_VERSION

_MOST = 20
_SCORES = 500  # of a trial: columns stay quick
_ROUNDING = 1e-9  # relative; medians recomputed with another numpy differ by less


@dataclass(frozen=True)
class Checked:
    """A submission, and a sentence for each contradiction found inside it."""

    submission: Submission
    contradictions: tuple[str, ...]


def check(submission: Submission) -> Checked:
    """Look for contradictions inside a submission."""
    return Checked(submission, tuple(find(submission)))


def find(submission: Submission, *, made_here: bool = False) -> list[str]:
    """Return a sentence for each contradiction inside the submission, at most twenty.

    Without contradictions, the hashes fit the records, the records fit the plan, and the plan and
    ``absent`` together cover all pairs of tasks and models. The trials are those of the plan, each
    once. The cells of a task share its version. The tables follow from the trials, unless all of
    the submission is of an earlier protocol, whose cells no verification can repeat.

    Args:
        submission: the document.
        made_here: skip hashes and tables, which have just been made of the records.
    """
    sentences = list(_too_many(submission))
    if sentences:
        return sentences
    rules = (_plan, _pairs, _versions, _trials, *(() if made_here else (_hashes, _tables)))
    for rule in rules:
        for sentence in rule(submission):
            sentences.append(sentence)
            if len(sentences) == _MOST:
                return sentences
    return sentences


def _too_many(submission: Submission) -> Iterator[str]:
    for what, most in (("models", MOST_MODELS), ("tasks", MOST_TASKS)):
        count = len({getattr(one, what[:-1]) for one in submission.plan})
        if count > most:
            yield f"{count} {what}: publish at most {most} together"
    names = {name for record in submission.records for t in record.trials for name in t.scores}
    if len(names) > _SCORES:
        yield f"{len(names)} scores: publish at most {_SCORES} together"


def _name(identity: Identity) -> str:
    return f"{identity.task} {identity.model}"


def _hashes(submission: Submission) -> Iterator[str]:
    stated = submission.hashes.records
    texts = [canonical(document) for document in submission.raw["records"]]
    for record, text in zip(submission.records, texts, strict=True):
        if stated.get(record.key) != text_sha256(text):
            yield f"{_name(record.identity)}: the record is not the one that was hashed"
    if unknown := set(stated) - {record.key for record in submission.records}:
        yield f"there is a hash, and no record, of {', '.join(sorted(unknown))}"
    if submission.hashes.whole != whole_sha256(submission.raw, texts):
        yield "the document is not the one that was hashed"


def _plan(submission: Submission) -> Iterator[str]:
    planned = {identity.key: identity for identity in submission.plan}
    recorded = {record.key: record.identity for record in submission.records}
    for key in planned.keys() - recorded.keys():
        yield f"{_name(planned[key])}: planned, and without a record"
    for key in recorded.keys() - planned.keys():
        yield f"{_name(recorded[key])}: a record that the plan does not have"
    cells = [*submission.plan, *(record.identity for record in submission.records)]
    for identity in cells:
        if identity.tier != submission.tier:
            yield f"{_name(identity)}: of tier {identity.tier}, not {submission.tier}"


def _pairs(submission: Submission) -> Iterator[str]:
    """Every pair of tasks and models is planned or said to be absent, so none can be dropped."""
    for where, identities in (
        ("plan", submission.plan),
        ("records", [record.identity for record in submission.records]),
    ):
        twice = _repeated((one.task, one.model) for one in identities)
        yield from (f"{task} {model}: twice in the {where}" for task, model in twice)
    planned = {(one.task, one.model) for one in submission.plan}
    absent = {(one.task, one.model) for one in submission.absent}
    known = planned | absent
    tasks, models = ({pair[place] for pair in known} for place in (0, 1))
    for task, model in sorted(planned & absent):
        yield f"{task} {model}: planned and absent at once"
    for task, model in product(sorted(tasks), sorted(models)):
        if (task, model) not in known:
            yield f"{task} {model}: neither planned nor said to be absent"


def _versions(submission: Submission) -> Iterator[str]:
    """The trained cells of a task share its version and data; those of a model share its code."""
    seen: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for record in submission.records:
        identity = record.identity
        if record.status == "ok":
            protocol = str(identity.protocol.get("version"))
            data = identity.task_version, identity.task_fingerprint, protocol
            seen.setdefault(("task", identity.task), set()).add(data)
            code = identity.model_version, identity.model_source_sha256
            seen.setdefault(("model", identity.model), set()).add(code)
    for (kind, name), versions in seen.items():
        if len(versions) > 1:
            yield f"{kind} {name}: in {len(versions)} versions at once"


def _trials(submission: Submission) -> Iterator[str]:
    for record in submission.records:
        identity = record.identity
        if identity.seeds != list(range(len(identity.seeds))) or not identity.seeds:
            yield f"{_name(identity)}: its seeds are not 0, 1, 2, …"
        if identity.sizes != sorted(set(identity.sizes)) or not identity.sizes:
            yield f"{_name(identity)}: its sizes do not increase"
        yield from (f"{_name(identity)}: {fault}" for fault in _trials_of(record))


def _trials_of(record: Record) -> Iterator[str]:
    done = [(trial.n_train, trial.seed) for trial in record.trials]
    known, sizes, seeds = set(done), set(record.identity.sizes), set(record.identity.seeds)
    for n_train, seed in _repeated(done):
        yield f"n_train {n_train}, seed {seed} is there twice"
    for n_train, seed in sorted(known):
        if n_train not in sizes or seed not in seeds:
            yield f"n_train {n_train}, seed {seed} is none of its trials"
    if record.status in ("ok", "diverged"):
        for n_train, seed in product(record.identity.sizes, record.identity.seeds):
            if (n_train, seed) not in known:
                yield f"n_train {n_train}, seed {seed} is missing"
    yield from _statuses(record)


def _statuses(record: Record) -> Iterator[str]:
    if record.status not in ("ok", "diverged"):
        if any(trial.scores for trial in record.trials):
            yield f"scores, although it is {record.status}"
    elif (record.status == "ok") != any(trial.status == "ok" for trial in record.trials):
        yield f"{record.status}, against the status of its trials"


def is_of_earlier_protocol(submission: Submission) -> bool:
    """Whether no cell can be repeated by this version, nor its tables be made again."""
    versions = [one.protocol.get("version") for one in submission.plan]  # of any type
    return bool(versions) and PROTOCOL_VERSION not in versions


def _tables(submission: Submission) -> Iterator[str]:
    if is_of_earlier_protocol(submission):  # its scores are summarised in another way
        return
    try:
        table = leaderboard.make(
            submission.records, submission.tier, planned=len(submission.plan),
            judge=_as_stated(submission),
        )  # fmt: skip
    except (
        ValueError,
        ArithmeticError,
        LookupError,
    ) as error:  # hostile records may contain any finite numbers
        yield f"no table can be made of its trials: {type(error).__name__}: {error}"
        return
    made, stated = table.document(), submission.raw["leaderboard"]
    rows = made["rows"], stated["rows"]
    if not _same({**made, "rows": len(rows[0])}, {**stated, "rows": len(rows[1])}):
        yield "the leaderboard's coverage or length is not that of the records"
        return
    for computed, theirs in zip(*rows, strict=True):
        if not _same(computed, theirs):
            yield f"{computed['task']} {computed['model']}: the row is not what the trials give"


def _as_stated(submission: Submission) -> Judge:
    """Return a judge of what had converged that repeats the submission's own marks.

    They come from the measurements of the version of symbench that made it.
    """
    rows = submission.leaderboard.rows
    marked = {(row.task, row.model) for row in rows if "not converged" in row.flags}

    def judge(identity: Identity, floor: float) -> Verdict:  # noqa: ARG001 - a Judge
        return "not converged" if (identity.task, identity.model) in marked else "unmeasured"

    return judge


def _same(computed: Any, stated: Any) -> bool:
    if isinstance(computed, dict) and isinstance(stated, dict):
        same_keys = computed.keys() == stated.keys()
        return same_keys and all(_same(computed[k], stated[k]) for k in computed)
    if isinstance(computed, list) and isinstance(stated, list):
        return len(computed) == len(stated) and all(map(_same, computed, stated))
    if isinstance(computed, float) and isinstance(stated, float):
        return math.isclose(computed, stated, rel_tol=_ROUNDING, abs_tol=1e-300)
    return type(computed) is type(stated) and bool(computed == stated)


def _repeated(items: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    return sorted(item for item, times in Counter(items).items() if times > 1)
