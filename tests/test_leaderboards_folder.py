"""What stands in leaderboards/ can be trusted, as far as files tell: the check of pull requests.

Running cells again is the reviewer's part: ``symbench verify leaderboards/NAME``.
"""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from symbench import registry
from symbench.publish import submission
from symbench.records.record import Identity
from symbench.records.store import Store
from symbench.runs.staleness import is_stale

FOLDER = Path(__file__).parent.parent / "leaderboards"
PUBLICATIONS = sorted(file.parent for file in FOLDER.glob("*/submission.json"))
STORES = sorted(cells.parent for cells in FOLDER.glob("*/cells"))
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the source tree")


@cache
def built_in():
    with pytest.MonkeyPatch.context() as patch:
        plugins = FOLDER.parent / "plugins"
        patch.setenv("SYMBENCH_PLUGINS", ",".join(path.name for path in plugins.glob("symbench_*")))
        return registry.load()


@cache
def submitted(directory):
    return submission.read(directory / "submission.json")


def outdated(identities: list[Identity]) -> set[str]:
    """The tasks whose version, data or protocol have changed since; the model is not asked."""
    return {
        identity.task
        for identity in identities
        if is_stale(built_in(), identity.model_copy(update={"model": ""}))
    }


def name(directory):
    return directory.name


def test_the_readme_names_every_directory_and_no_other():
    rows = re.findall(r"^\| \[`([\w.-]+)`\]\(\1/?\S*\)", (FOLDER / "README.md").read_text(), re.M)
    assert sorted(rows) == sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def test_every_directory_is_a_publication_or_a_store():
    assert {path for path in FOLDER.iterdir() if path.is_dir()} == {*PUBLICATIONS, *STORES}


@pytest.mark.parametrize("directory", PUBLICATIONS, ids=name)
def test_a_submission_does_not_contradict_itself(directory):
    assert submission.check(submitted(directory)).contradictions == ()


@pytest.mark.parametrize("directory", PUBLICATIONS, ids=name)
def test_the_tables_of_a_publication_are_those_of_its_submission(directory):
    assert submission.differing_files(submitted(directory), directory) == []


@pytest.mark.parametrize("directory", PUBLICATIONS, ids=name)
def test_a_submission_is_of_the_tasks_as_they_are(directory):
    assert outdated(submitted(directory).plan) == set()


@pytest.fixture
def store(directory, tmp_path):
    """A copy: a store moves aside what it cannot use."""
    shutil.copytree(directory / "cells", tmp_path / "cells")
    return Store(tmp_path)


@pytest.mark.parametrize("directory", STORES, ids=name)
def test_the_records_of_a_store_can_be_read(store):
    keys = {record.key for record in store.records()}
    assert store.warnings == []
    assert {path.stem for path in store.cells.iterdir()} == keys
    assert {path.suffix for path in store.cells.iterdir()} <= {".json", ".safetensors"}
    for key in keys:
        store.read_tensors(key)


@pytest.mark.parametrize("directory", STORES, ids=name)
def test_the_records_of_a_store_are_of_the_tasks_as_they_are(store):
    identities = [record.identity for record in store.records()]
    assert identities
    assert {identity.task for identity in identities} <= set(built_in().tasks)
    assert outdated(identities) == set()


@pytest.mark.parametrize("directory", STORES[:1], ids=name)
def test_a_change_of_a_task_would_be_noticed(store):
    identities = [record.identity for record in store.records()]
    one = next(each for each in identities if built_in().task(each.task).is_local())
    assert outdated([one]) == set()
    assert outdated([one.model_copy(update={"task_version": "0"})]) == {one.task}
    assert outdated([one.model_copy(update={"task_fingerprint": "0"})]) == {one.task}
