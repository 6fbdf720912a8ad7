"""The store: whole records or none, and nothing lost."""

from __future__ import annotations

import errno
import json
import logging
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from symbench.errors import StoreError
from symbench.records.record import Identity, Record, TrialRecord
from symbench.records.store import Store, records_of


def record(task: str = "o5", model: str = "mlp", **changes: Any) -> Record:
    identity: dict[str, Any] = {
        "task": task, "task_version": "1", "task_fingerprint": "ab", "model": model,
        "model_version": "1", "model_source_sha256": "cd", "config": {"width": 8},
        "tier": "quick", "sizes": [10, 30], "seeds": [0, 1], "protocol": {"version": "1"},
    }  # fmt: skip
    trial = TrialRecord(n_train=10, seed=0, status="ok", scores={"error": 0.25})
    values = {"status": "ok", "trials": [trial], **changes}
    return Record(identity=Identity(**identity), **values)


def files(store: Store) -> list[str]:
    return sorted(str(p.relative_to(store.path)) for p in store.path.rglob("*") if p.is_file())


def test_a_record_that_was_written_is_read_back_equal(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.write(record())
    assert store.read(record().key) == record()
    assert store.records() == [record()]


def test_a_store_is_created_by_its_first_record_and_not_before(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert store.records() == []
    assert store.read("0" * 16) is None
    assert not store.path.exists()


def test_a_pipe_in_the_place_of_a_record_is_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = store.write(record())
    path.unlink()
    os.mkfifo(path)
    assert store.newer(record().key) is None
    store.write(record())
    assert store.read(record().key) == record()


def test_a_file_is_named_by_the_key_and_never_by_a_name(tmp_path: Path) -> None:
    hostile = record(task="../../etc/passwd", model="a/b\0c")
    store = Store(tmp_path / "store")
    store.write(hostile)
    assert files(store) == [f"cells/{hostile.key}.json"]


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "ABCDEF0123456789", "0" * 15, "0" * 17])
def test_what_is_not_a_key_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(StoreError, match="16 lower-case hex digits"):
        Store(tmp_path).read(key)


def test_records_are_sorted_by_task_and_model(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for task, model in (("b", "x"), ("a", "y"), ("a", "x")):
        store.write(record(task, model))
    found = [(r.identity.task, r.identity.model) for r in store.records()]
    assert found == [("a", "x"), ("a", "y"), ("b", "x")]


def test_unknown_fields_survive_a_round_trip(tmp_path: Path) -> None:
    document = json.loads(record().to_json())
    document["later"] = {"deep": [1, 2]}
    document["identity"]["flavour"] = "strange"
    document["trials"][0]["note"] = "kept"
    store = Store(tmp_path)
    store.write(Record.from_json(json.dumps(document)))
    (path,) = store.cells.iterdir()
    again = json.loads(path.read_text())
    assert again["later"] == {"deep": [1, 2]}
    assert again["identity"]["flavour"] == "strange"
    assert again["trials"][0]["note"] == "kept"
    assert store.records()[0].key == path.stem


def test_a_number_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    spoiled = record()
    spoiled.trials[0].scores["error"] = float("nan")
    with pytest.raises(ValueError, match="JSON compliant"):
        store.write(spoiled)
    assert files(store) == []


BROKEN: dict[str, Callable[[str], str]] = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "NaN": lambda text: text.replace("0.25", "NaN"),
    "Infinity": lambda text: text.replace("0.25", "-Infinity"),
    "overflow": lambda text: text.replace("0.25", "1e999"),
    "of another identity": lambda text: text.replace('"mlp"', '"other"'),
    "of an unknown status": lambda text: text.replace('"status": "ok"', '"status": "fine"'),
    "too deep": lambda text: "[" * 100_000,
    "not an object": lambda text: "[1, 2]",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_unusable_file_is_set_aside_whole_and_the_rest_is_read(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    path = store.write(record())
    store.write(record(model="good"))
    broken = BROKEN[kind](path.read_text())
    path.write_text(broken)
    with caplog.at_level(logging.WARNING):
        assert [r.identity.model for r in store.records()] == ["good"]
    assert not path.exists()
    (aside,) = store.set_aside()
    assert aside.read_text() == broken
    assert aside.name.startswith(path.stem)
    assert str(path) in store.warnings[0]
    assert str(path) in caplog.text


def test_bytes_that_are_not_text_are_set_aside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.write(record())
    path.write_bytes(b"\xff\xfe\x00")
    assert store.read(record().key) is None
    assert len(store.set_aside()) == 1


def test_files_set_aside_never_replace_each_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for content in ("first", "second", "third"):
        store.write(record()).write_text(content)
        assert store.records() == []
    assert sorted(path.read_text() for path in store.set_aside()) == ["first", "second", "third"]


def test_a_record_of_a_later_schema_stays_where_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.write(record())
    later = path.read_text().replace('"schema": 1', '"schema": 2')
    path.write_text(later)
    assert store.records() == []
    assert path.read_text() == later
    assert store.set_aside() == []
    assert "update symbench" in store.warnings[0]


@pytest.mark.parametrize("rest", ["", "\xff" * 100, " " * 10_000_001], ids=["", "bytes", "long"])
def test_a_record_of_a_later_schema_is_never_replaced(tmp_path: Path, rest: str) -> None:
    store = Store(tmp_path)
    path = store.write(record())
    later = path.read_text().replace('"schema": 1', '"schema": 7') + rest
    path.write_bytes(later.encode("latin-1"))
    assert store.read(record().key) is None
    assert store.write(record(status="failed")) == path
    assert path.read_bytes() == later.encode("latin-1")
    assert store.set_aside() == []
    assert "its schema is 7" in str(store.newer(record().key))
    assert "a result is not stored" in store.warnings[-1]


@pytest.mark.parametrize("fate", ["moved", "deleted"])
def test_a_store_that_vanishes_during_a_run_is_begun_anew_with_a_warning(
    tmp_path: Path, fate: str
) -> None:
    store = Store(tmp_path / "s")
    store.check_writable()
    store.write(record())
    if fate == "moved":
        store.path.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(store.path)
    for model in ("second", "third"):
        store.write(record(model=model))
    assert [r.identity.model for r in store.records()] == ["second", "third"]
    (warning,) = store.warnings
    assert "was moved or deleted" in warning
    if fate == "moved":
        assert len(Store(tmp_path / "elsewhere").records()) == 1


def test_other_files_are_not_touched(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(record())
    (store.cells / "README.json").write_text("notes")
    (store.cells / ("0" * 16 + ".json")).mkdir()
    assert len(store.records()) == 1
    assert (store.cells / "README.json").read_text() == "notes"
    assert store.warnings == []


def test_a_good_file_that_arrives_while_a_bad_one_is_read_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    path = store.write(record())
    path.write_text("half")
    replace = Path.replace

    def late(self: Path, target: str) -> Path:
        monkeypatch.setattr(Path, "replace", replace)
        Store(tmp_path).write(record())  # another process finishes the cell just now
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", late)
    assert store.records() == [record()]
    assert store.read(record().key) == record()
    assert store.warnings == []


def test_a_file_in_place_of_the_directory_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    store = Store(tmp_path / "store")
    for attempt in (store.check_writable, lambda: store.write(record())):
        with pytest.raises(StoreError, match=r"store.*--store DIR"):
            attempt()
    assert (tmp_path / "store").read_text() == "in the way"


def test_a_place_where_nothing_can_be_made_is_found_before_training() -> None:
    with pytest.raises(StoreError, match="cannot write /proc/"):
        Store("/proc/symbench-results").check_writable()


def test_the_check_leaves_no_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.check_writable()
    assert files(store) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_earlier_record_and_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store = Store(tmp_path)
    store.write(record())

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(StoreError, match="No space left on device"):
        store.write(record(status="failed"))
    monkeypatch.undo()
    assert files(store) == [f"cells/{record().key}.json"]
    assert store.records() == [record()]


def test_an_interrupt_while_writing_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    store = Store(tmp_path)
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.write(record())
    assert files(store) == []


def _write_often(path: Path, status: str) -> None:
    for _ in range(30):
        Store(path).write(record(status=status, provenance={"padding": "x" * 50_000}))


def test_two_processes_may_write_one_store(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_often, args=(tmp_path, s)) for s in ("ok", "failed")]
    for writer in writers:
        writer.start()
    store = Store(tmp_path)
    while any(writer.is_alive() for writer in writers):
        assert [r.status for r in store.records()] in ([], ["ok"], ["failed"])
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert files(store) == [f"cells/{record().key}.json"]
    assert store.warnings == []


def test_tensors_are_stored_beside_their_record(tmp_path: Path) -> None:
    store = Store(tmp_path)
    tensors = {"generators": torch.arange(9.0).reshape(3, 3).T}
    path = store.write_tensors(record().key, tensors)
    assert path == store.cells / f"{record().key}.safetensors"
    assert torch.equal(store.read_tensors(record().key)["generators"], tensors["generators"])
    assert store.read_tensors("0" * 16) == {}


def test_stores_merge_and_the_later_record_of_a_key_counts(tmp_path: Path) -> None:
    first, second = Store(tmp_path / "a"), Store(tmp_path / "b")
    first.write(record(status="failed", provenance={"started": "2026-01-02T00:00:00+00:00"}))
    second.write(record(provenance={"started": "2026-01-03T00:00:00+00:00"}))
    second.write(record(model="other"))
    for stores in ((first, second), (second, first)):
        merged = records_of(stores)
        assert [(r.identity.model, r.status) for r in merged] == [("mlp", "ok"), ("other", "ok")]


def test_a_provenance_of_the_wrong_type_is_refused_and_its_file_is_set_aside(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValidationError, match="started"):
        record(provenance={"started": 7})
    store = Store(tmp_path)
    path = store.write(record(provenance={"started": "2026-01-02T00:00:00+00:00"}))
    path.write_text(path.read_text().replace('"2026-01-02T00:00:00+00:00"', "7"))
    assert records_of([store]) == []
    assert len(store.set_aside()) == 1


@given(st.text(max_size=30), st.text(max_size=30), st.dictionaries(st.text(), st.floats(
    allow_nan=False, allow_infinity=False), max_size=3))  # fmt: skip
def test_any_names_and_scores_survive(
    tmp_path_factory: pytest.TempPathFactory, task: str, model: str, scores: dict[str, float]
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    trial = TrialRecord(n_train=1, seed=0, status="ok", scores=scores)
    written = record(task, model, trials=[trial])
    store.write(written)
    assert store.records() == [written]


def test_a_copy_of_an_identity_has_a_key_of_its_own() -> None:
    identity = record().identity
    key = identity.key
    assert identity.model_copy().key == key
    assert identity.model_copy(update={"tier": "full"}).key != key
    with pytest.raises(ValueError, match="frozen"):
        identity.tier = "full"


def test_a_document_cannot_bring_a_key_along() -> None:
    document = record().identity.model_dump()
    forged = Identity.model_validate({**document, "key": "f" * 16})
    assert forged.key not in ("f" * 16, record().key)  # it is hashed like any unknown field
    assert forged == Identity.model_validate({**document, "key": "f" * 16})


@pytest.mark.parametrize("start", ["9999", "9999-01-01T00:00:00+00:00", "tomorrow", "2027"])
def test_a_start_in_the_future_or_no_time_wins_nothing(tmp_path, start):
    mine, theirs = Store(tmp_path / "mine"), Store(tmp_path / "theirs")
    mine.write(record(provenance={"started": "2026-01-02T00:00:00+00:00", "machine": "mine"}))
    theirs.write(record(provenance={"started": start}))
    for stores in ([mine, theirs], [theirs, mine]):
        (merged,) = records_of(stores)
        assert merged.provenance.machine == "mine"
