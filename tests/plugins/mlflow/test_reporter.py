"""Runs reported to a real local MLflow file store, only through the event hooks."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import symbench_mlflow
import toys
from hypothesis import given
from hypothesis import strategies as st
from symbench_mlflow import sender
from symbench_mlflow.content import metrics, name, params, status, tags
from symbench_mlflow.reporter import Reporter

import symbench
from symbench.records.record import Failure, Identity, Record, TrialRecord
from symbench.registry import Registry

HOSTILE = "../<script>|\u202e\x1b[31m=cmd()$\\input{x}"


def record(**parts: Any) -> Record:
    identity = {
        "task": "t", "task_version": "1", "task_fingerprint": "ab", "model": "m",
        "model_version": "1", "model_source_sha256": "cd", "config": {"width": 16},
        "tier": "smoke", "sizes": [10, 100], "seeds": [0, 1, 2],
        "protocol": {"chance_error": 1.0, "updates": 60, "recipe": {"optimiser": "adam"}},
        **parts.pop("identity", {}),
    }  # fmt: skip
    trials = [
        TrialRecord(n_train=n, seed=s, status="ok", scores={"error": e}, cost={"parameters": 7.0})
        for n, errors in ((10, (0.5, 0.4, 0.9)), (100, (0.1, 0.3, 0.2)))
        for s, e in enumerate(errors)
    ]
    return Record(identity=Identity(**identity), **{"status": "ok", "trials": trials, **parts})


@pytest.fixture(autouse=True)
def _no_thread_is_left(monkeypatch):
    """End the sender's thread with its test; MLflow would ask a server that is gone for minutes."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield
    for thread in threading.enumerate():
        if thread.name == "symbench_mlflow":
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def client(tmp_path, monkeypatch):
    tracking = pytest.importorskip("mlflow.tracking", exc_type=ImportError)
    place = f"file:{tmp_path / 'tracked'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    return tracking.MlflowClient(tracking_uri=place)


def runs(client, name: str = "symbench") -> dict[str, Any]:
    experiment = client.get_experiment_by_name(name)
    found = client.search_runs([experiment.experiment_id])
    by_name = {run.data.tags["mlflow.runName"]: run for run in found}
    assert len(by_name) == len(found)
    return by_name


def report(*records: Record, exit_code: int = 0) -> None:
    """Send the events of a run of these records to the plugin, as the engine does."""
    registry = Registry()
    registry.add(symbench_mlflow, "symbench_mlflow", "1", "tests")
    run = SimpleNamespace(
        name="r1", store=Path("here"), cells=list(records), outcomes=[], exit_code=exit_code
    )
    registry.emit("symbench_run_started", run=run)
    for one in records:
        run.outcomes.append(SimpleNamespace(reused=False))
        cell = SimpleNamespace(task=one.identity.task, model=one.identity.model)
        registry.emit("symbench_cell_finished", cell=cell, record=one)
    registry.emit("symbench_run_finished", run=run)


def test_a_real_run_is_found_in_mlflow(client, tmp_path, monkeypatch):
    plugin = tmp_path / "reporting.py"
    plugin.write_text("from symbench_mlflow import symbench_register\n")
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    files = (Path(toys.__file__), plugin)
    chosen = {"tier": "smoke", "sizes": [16], "store": tmp_path / "s", "plugin_files": files}
    symbench.run(["norms"], ["small", "raising", "declining"], **chosen)
    found = runs(client)
    whole = next(run for title, run in found.items() if title.startswith("symbench "))
    small, raising, declining = (found[f"norms {m}"] for m in ("small", "raising", "declining"))
    assert whole.info.status == "FAILED"  # a cell did
    assert (small.info.status, raising.info.status) == ("FINISHED", "FAILED")
    assert declining.info.status == "FINISHED"
    assert small.data.tags["mlflow.parentRunId"] == whole.info.run_id
    assert small.data.params["config.width"] == "16"
    assert small.data.params["recipe.batch_size"] == "32"
    assert small.data.metrics["error"] > 0
    assert "symbench.error_type" in raising.data.tags
    assert small.data.tags["symbench.reused"] == "False"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "again")
    symbench.run(["norms"], ["small"], **chosen)
    assert runs(client, "again")["norms small"].data.tags["symbench.reused"] == "True"


def test_the_learning_curve_is_a_metric_by_n_train(client):
    report(record())
    run = runs(client)["t m"]
    history = client.get_metric_history(run.info.run_id, "error")
    assert [(point.step, point.value) for point in history] == [(10, 0.5), (100, 0.2)]
    assert run.data.metrics["cost.parameters"] == 7
    assert run.data.tags["symbench.task"] == "t"


@pytest.mark.parametrize(
    ("ended", "expected"),
    [("ok", "FINISHED"), ("failed", "FAILED"), ("timeout", "FAILED"), ("oom", "FAILED"),
     ("crashed", "FAILED"), ("diverged", "FAILED"), ("interrupted", "KILLED")],
)  # fmt: skip
def test_the_status_is_mlflows_own(ended, expected):
    assert status(record(status=ended)) == expected


def test_hostile_names_and_texts_arrive_made_safe(client):
    bad = record(
        identity={"config": {HOSTILE: HOSTILE, "..": 1, "": 2}},
        error=Failure(type="X", message=HOSTILE * 500),
        status="failed",
        trials=[TrialRecord(n_train=1, seed=0, status="ok", scores={HOSTILE: 1.0, "/etc": 2.0})],
    )
    report(bad)
    run = runs(client)["t m"]
    assert len(run.data.metrics) == 3
    assert run.info.status == "FAILED"
    for title in (*run.data.metrics, *run.data.params):
        assert set("/<>|$\\\u202e\x1b").isdisjoint(title)
    assert "\u202e" not in run.data.tags["symbench.error_message"]
    assert len(run.data.tags["symbench.error_message"]) == 1000


@given(st.text(max_size=300), st.text(max_size=300))
def test_names_are_safe_and_stay_apart(first, second):
    assert name(first).isascii()
    assert not name(first).startswith(".")
    assert 0 < len(name(first)) < 200
    assert (name(first) == name(second)) == (first == second)


def test_diverged_trials_count_as_a_guess():
    lost = record()
    lost.trials[-1] = TrialRecord(n_train=100, seed=2, status="diverged")
    found = {(key, n): value for key, n, value in metrics(lost)}
    assert found["error", 100] == 0.3
    assert (found["diverged", 10], found["diverged", 100]) == (0, 1)


def test_the_tuning_budget_is_a_parameter():
    protocol = {"tuning": {"trials": 20}}
    assert params(record(identity={"protocol": protocol}))["tuning.trials"] == "20"


def test_a_record_without_provenance_is_reported(client):
    report(record(status="interrupted", trials=[], provenance={}), exit_code=130)
    assert {run.info.status for run in runs(client).values()} == {"KILLED"}
    assert tags(record())["symbench.status"] == "ok"


def test_a_place_that_cannot_be_written_is_one_warning(client, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")
    report(record(), record(), record())
    assert len([entry for entry in caplog.records if "MLflow" in entry.message]) == 1
    assert not [entry for entry in caplog.records if "raised" in entry.message]


def timed(*records: Record) -> float:
    """Report the records, and return the seconds that it took."""
    began = time.monotonic()
    report(*records)
    return time.monotonic() - began


def warnings_of(caplog) -> list[str]:
    return [entry.message for entry in caplog.records if "MLflow" in entry.message]


def test_an_unreachable_server_costs_one_warning_and_no_time(monkeypatch, caplog):
    pytest.importorskip("mlflow.tracking", exc_type=ImportError)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert timed(record(), record()) < 5
    (warning,) = warnings_of(caplog)
    assert "the run continues" in warning


def test_a_server_that_never_answers_costs_one_warning_and_the_limit(monkeypatch, caplog):
    pytest.importorskip("mlflow.tracking", exc_type=ImportError)
    monkeypatch.setattr(sender, "_STALL", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert timed(record(), record()) < 5
    (warning,) = warnings_of(caplog)
    assert "4 of the run's reports are not sent" in warning


def test_a_slow_server_gets_everything_and_holds_up_no_hook(client, monkeypatch, caplog):
    monkeypatch.setattr(sender, "_STALL", 1.0)
    call, slept = Reporter._call, 0.1

    def slow(self, *arguments, **keywords):
        time.sleep(slept)
        return call(self, *arguments, **keywords)

    monkeypatch.setattr(Reporter, "_call", slow)
    emit, hooks = Registry.emit, {}

    def timed_emit(self, event, **arguments):
        began = time.monotonic()
        emit(self, event, **arguments)
        hooks.setdefault(event, []).append(time.monotonic() - began)

    monkeypatch.setattr(Registry, "emit", timed_emit)
    records = [record(identity={"model": f"m{number}"}) for number in range(4)]
    assert timed(*records) > len(records) * 4 * slept
    assert len(runs(client)) == 1 + len(records)
    assert {run.info.status for run in runs(client).values()} == {"FINISHED"}
    assert max(hooks["symbench_run_started"] + hooks["symbench_cell_finished"]) < slept
    assert not warnings_of(caplog)


def test_without_mlflow_the_mend_is_told_once(monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:nowhere")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    with caplog.at_level(logging.WARNING):
        report(record(), record())
    (entry,) = caplog.records
    assert "pip install 'symbench[mlflow]'" in entry.message
    assert not Path("nowhere").exists()


def test_it_sleeps_unless_asked_for(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found: list[object] = []
    symbench_mlflow.symbench_register(SimpleNamespace(reporter=found.append))
    assert found == []


def test_loading_the_plugin_imports_neither_mlflow_nor_torch():
    program = (
        "import sys, symbench_mlflow\n"
        "symbench_mlflow.symbench_register(type('R', (), {'reporter': lambda *_: None})())\n"
        "assert not {'mlflow', 'torch'} & set(sys.modules)\n"
    )
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "file:nowhere"}
    done = subprocess.run([sys.executable, "-c", program], check=False, env=environment)
    assert done.returncode == 0
