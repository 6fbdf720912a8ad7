"""What is in leaderboards/ can be trusted, as far as files show: the check of pull requests.

Reviewers run cells again: ``symbench verify leaderboards/NAME``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from symbench import registry
from symbench.draws import fingerprint
from symbench.publish import submission
from symbench.records.archive import Archive
from symbench.records.record import Identity, Record
from symbench.records.store import Store
from symbench.registry.source_hash import source_sha256
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.statistics import n_to_threshold
from symbench.runs.protocol import PROTOCOL_VERSION
from symbench.runs.provenance import machine
from symbench.runs.staleness import is_stale

FOLDER = Path(__file__).parent.parent / "leaderboards"
MOST_FILES, MOST_BYTES = 60, 15_000_000  # what a clone has to download and to keep
PUBLICATIONS = sorted(file.parent for file in FOLDER.glob("*/submission.json.gz"))
STORES = sorted(file.parent for file in FOLDER.glob("*/cells.zip"))
pytestmark = pytest.mark.skipif(not PUBLICATIONS, reason="needs the repository")


@cache
def built_in():
    with pytest.MonkeyPatch.context() as patch:
        plugins = FOLDER.parent / "plugins"
        patch.setenv("SYMBENCH_PLUGINS", ",".join(path.name for path in plugins.glob("symbench_*")))
        return registry.load()


@cache
def submitted(directory):
    return submission.read(directory / "submission.json.gz")


def outdated(records: list[Record]) -> set[str]:
    """The tasks whose version, data or protocol have changed since; the model is not asked.

    Data are compared only on machines of the record's class: elsewhere they may differ by rounding,
    which a long trajectory amplifies.
    """
    return {
        record.identity.task
        for record in records
        if is_stale(built_in(), identity_here(record).model_copy(update={"model": ""}))
    }


def identity_here(record: Record) -> Identity:
    """The identity, with today's fingerprint of the task on a machine of another class.

    Records of earlier releases have no hash of the task's source, an earlier protocol, and
    fingerprints that were computed in another way. They get today's, so only the version of the
    task is compared.
    """
    identity = record.identity
    task = built_in().task(identity.task).for_tier(identity.tier)
    today: dict[str, Any] = {}
    if identity.task_source_sha256 is None:
        today["task_source_sha256"] = source_sha256(task)
        today["protocol"] = {**identity.protocol, "version": PROTOCOL_VERSION}
    if (today or record.provenance.machine != machine("cpu").machine) and task.is_local():
        today["task_fingerprint"] = fingerprint(task)
    return identity.model_copy(update=today)


def with_code_of_today(record: Record) -> Record:
    """The record with today's hash of the task's source."""
    task = built_in().task(record.identity.task).for_tier(record.identity.tier)
    if record.identity.task_source_sha256 is None:
        return record
    update = {"task_source_sha256": source_sha256(task)}
    return record.model_copy(update={"identity": record.identity.model_copy(update=update)})


def name(directory):
    return directory.name


def test_the_readme_names_every_directory_and_no_other():
    rows = re.findall(r"^\| \[`([\w.-]+)`\]\(\1/?\S*\)", (FOLDER / "README.md").read_text(), re.M)
    assert sorted(rows) == sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def test_the_folder_takes_little_room():
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert len(files) < MOST_FILES
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


def test_every_directory_is_a_publication_or_an_archive_of_a_store():
    assert {path for path in FOLDER.iterdir() if path.is_dir()} == {*PUBLICATIONS, *STORES}


@pytest.mark.parametrize("directory", PUBLICATIONS, ids=name)
def test_a_submission_does_not_contradict_itself(directory):
    assert submission.check(submitted(directory)).contradictions == ()


@pytest.mark.parametrize("directory", PUBLICATIONS, ids=name)
def test_the_tables_of_a_publication_are_those_of_its_submission(directory):
    assert submission.differing_files(submitted(directory), directory) == []


@pytest.mark.parametrize("directory", PUBLICATIONS, ids=name)
def test_a_submission_is_of_the_tasks_as_they_are(directory):
    assert outdated(submitted(directory).records) == set()


@pytest.mark.parametrize("directory", PUBLICATIONS, ids=name)
def test_a_task_whose_threshold_few_models_cross_says_why(directory):
    by_task, ladders = defaultdict(list), set()
    for record in submitted(directory).records:
        summary = RecordSummary(record)
        ladders.add(len(summary.sizes))
        if len(summary.sizes) > 1 and summary.curves and summary.has_learned:
            by_task[record.identity.task, record.identity.tier].append(summary)
    assert by_task or max(ladders) < 2
    for (name, tier), summaries in by_task.items():
        task = built_in().task(name).for_tier(tier)
        if list(task.sizes_in(tier) or ()) != summaries[0].sizes:
            continue  # the tier has another ladder since
        inside = sum(crosses(summary, task.threshold) for summary in summaries)
        told = task.threshold_note.get(tier) or len(summaries[0].sizes) == 2  # which the table says
        assert 2 * inside >= len(summaries) or told, (name, tier)


def crosses(summary: RecordSummary, threshold: float) -> bool:
    """Whether the learning curve crosses today's threshold between two sizes of the ladder."""
    by_size = list(zip(*summary.curves, strict=True))
    crossing = n_to_threshold(summary.sizes, by_size, threshold, summary.smallest_error)
    return crossing.censored is None


@pytest.fixture
def store(directory, tmp_path):
    """The unpacked archive: a store moves aside what it cannot use."""
    with ZipFile(directory / "cells.zip") as archive:
        archive.extractall(tmp_path)
    return Store(tmp_path)


@pytest.mark.parametrize("directory", STORES, ids=name)
def test_the_records_of_a_store_can_be_read(store, directory):
    keys = {record.key for record in store.records()}
    assert {record.key for record in Archive(directory).records()} == keys
    assert store.warnings == []
    assert {path.stem for path in store.cells.iterdir()} == keys
    assert {path.suffix for path in store.cells.iterdir()} <= {".json", ".safetensors"}
    for key in keys:
        store.read_tensors(key)


@pytest.mark.parametrize("directory", STORES, ids=name)
def test_the_records_of_a_store_are_of_the_tasks_as_they_are(store):
    """The code of a task may change, not its version or its data: the page names stale records."""
    records = [with_code_of_today(record) for record in store.records()]
    assert records
    assert {record.identity.task for record in records} <= set(built_in().tasks)
    assert outdated(records) == set()


@pytest.mark.parametrize("directory", STORES[:1], ids=name)
def test_a_change_of_a_task_would_be_noticed(store):
    one = next(each for each in store.records() if built_in().task(each.identity.task).is_local())
    one = with_code_of_today(one)
    one = one.model_copy(update={"identity": identity_here(one)})
    here = one.provenance.also(machine=machine("cpu").machine)
    assert outdated([one]) == set()
    for change in ({"task_version": "0"}, {"task_fingerprint": "0"}):
        identity = one.identity.model_copy(update=change)
        other = one.model_copy(update={"identity": identity, "provenance": here})
        assert outdated([other]) == {one.identity.task}
