"""Fingerprints on disk: kept under all that they rest on, drawn anew where that is not known."""

from __future__ import annotations

import importlib
import math
import sys
from types import SimpleNamespace

import psutil
import pytest
import toys

from symbench import fingerprints
from symbench.fingerprints import fingerprint

TASK = """
import torch
from symbench import Data, Task
{imports}

class Constant(Task):
    name, version, summary = "constant", "1", "one number"
    sizes = {{"smoke": (16,)}}
    input_shape, output_shape = (1,), (1,)
    symmetry = None

    def sample(self, n, seed, split):
        DRAWN.append(split)
        return Data(torch.full((n, 1), {value}), torch.zeros(n, 1))

DRAWN = []
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "cache"))
    # as if the process had started after the sources of the test were written
    process = SimpleNamespace(create_time=lambda: math.inf)
    monkeypatch.setattr(fingerprints.psutil, "Process", lambda: process)
    forget()
    yield tmp_path / "cache" / "fingerprints"
    forget()


def forget():
    for remembered in (fingerprints._of, fingerprints._source, fingerprints._surroundings):
        remembered.cache_clear()


def task_of(folder, monkeypatch, value=1.0, imports="", **state):
    """Import the task from a file of its own, as a new process would."""
    folder.mkdir(exist_ok=True)
    (folder / "constant_task.py").write_text(TASK.format(value=value, imports=imports))
    sys.modules.pop("constant_task", None)
    importlib.invalidate_caches()
    monkeypatch.syspath_prepend(folder)
    forget()
    module = importlib.import_module("constant_task")
    monkeypatch.delitem(sys.modules, "constant_task")
    monkeypatch.setitem(sys.modules, "constant_task", module)
    task = module.Constant()
    vars(task).update(state)
    return task, module.DRAWN


def test_the_second_process_draws_nothing(cache, tmp_path, monkeypatch):
    first, drawn = task_of(tmp_path / "a", monkeypatch)
    found = fingerprint(first)
    assert len(drawn) == 3
    again, drawn = task_of(tmp_path / "a", monkeypatch)
    assert fingerprint(again) == found == first.fingerprint()
    assert not drawn


@pytest.mark.parametrize(
    "change", [{"value": 2.0}, {"imports": "import math"}, {"test_size": 7}], ids=str
)
def test_what_the_data_rest_on_names_what_is_kept(cache, tmp_path, monkeypatch, change):
    fingerprint(task_of(tmp_path / "a", monkeypatch)[0])
    other, drawn = task_of(tmp_path / "b", monkeypatch, **change)
    assert fingerprint(other) == other.fingerprint()
    assert len(drawn) == 3
    assert len(list(cache.iterdir())) == 2


def test_another_installation_draws_anew(cache, tmp_path, monkeypatch):
    fingerprint(task_of(tmp_path / "a", monkeypatch)[0])
    monkeypatch.setattr(fingerprints, "_installed", lambda: ["torch-9.dist-info"])
    task, drawn = task_of(tmp_path / "a", monkeypatch)
    fingerprint(task)
    assert len(drawn) == 3


def test_nothing_is_kept_of_code_that_may_have_been_edited_since_it_was_loaded(
    cache, tmp_path, monkeypatch
):
    monkeypatch.undo()
    monkeypatch.setenv("SYMBENCH_CACHE", str(cache.parent))
    task, _ = task_of(tmp_path / "a", monkeypatch)  # younger than this process
    assert psutil.Process().create_time() < (tmp_path / "a" / "constant_task.py").stat().st_mtime
    assert fingerprint(task) == task.fingerprint()
    assert not cache.exists()


@pytest.mark.parametrize("method", ["fingerprint", "is_local", "available"])
def test_a_task_that_reads_files_is_asked_each_time(cache, tmp_path, monkeypatch, method):
    task, _ = task_of(tmp_path / "a", monkeypatch)
    monkeypatch.setattr(type(task), method, lambda self: "0" * 16)
    fingerprint(task)
    assert not cache.exists()


def test_a_task_that_is_not_all_in_its_source_is_not_kept(cache, tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "unversioned_helper.py").write_text("x = 1\n")
    held, _ = task_of(tmp_path / "a", monkeypatch, rotation=object())
    fingerprint(held)
    helped, _ = task_of(tmp_path / "a", monkeypatch, imports="import unversioned_helper")
    fingerprint(helped)
    patched, _ = task_of(tmp_path / "a", monkeypatch)
    monkeypatch.setattr(type(patched), "sample", toys.Norms.sample)
    monkeypatch.setattr(type(patched), "target", toys.Norms.target)
    monkeypatch.setattr(type(patched), "input_shape", (6,))
    fingerprint(patched)
    assert not cache.exists()


@pytest.mark.parametrize("content", [b"", b"../../x", b"\xff\xfe", b"0123456789ABCDEF"])
def test_a_damaged_file_is_drawn_again_and_replaced(cache, tmp_path, monkeypatch, content):
    task, _ = task_of(tmp_path / "a", monkeypatch)
    found = fingerprint(task)
    (kept,) = cache.iterdir()
    kept.write_bytes(content)
    forget()
    assert fingerprint(task) == found
    assert kept.read_text() == found


def test_a_folder_that_cannot_be_written_is_no_matter(cache, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "file"))
    task, _ = task_of(tmp_path / "a", monkeypatch)
    assert fingerprint(task) == task.fingerprint()
