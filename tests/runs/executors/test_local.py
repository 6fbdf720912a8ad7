"""Cells become records, whatever goes wrong in them."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from toy_runs import TOYS, run, statuses

import symbench
from symbench.errors import InputError, StoreError, UnknownNameError
from symbench.records.store import Store
from symbench.registry import load
from symbench.runs.desk import Desk
from symbench.runs.executors import BUILT_IN, inline, local
from symbench.runs.executors.capacity import Costs, Gpus
from symbench.runs.executors.server import plugin_modules
from symbench.runs.options import Options
from symbench.runs.plan import Selection, make_plan


@pytest.fixture(autouse=True)
def only_toys(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")


def test_a_run_trains_scores_stores_and_ranks(tmp_path):
    result = run(["small", "told"], tmp_path)
    assert statuses(result) == {"small": "ok", "told": "ok"}
    assert result.exit_code == 0
    (record,) = [r for r in result.records if r.identity.model == "small"]
    assert len(record.trials) == 4
    assert all(0 < trial.scores["error"] < 3 for trial in record.trials)
    measured = {t.n_train for t in record.trials if "equivariance_error" in t.scores}
    assert measured == {64}  # outside the full tier at the largest size alone
    assert record.provenance["torch"]
    assert {row.model for row in result.leaderboard.rows} == {"small", "told"}


def test_a_failing_cell_becomes_a_record_and_the_others_go_on(tmp_path):
    result = run(["raising", "small", "wrong-shape", "exploding", "declining"], tmp_path)
    assert statuses(result) == {
        "raising": "failed", "small": "ok", "wrong-shape": "failed",
        "exploding": "diverged", "declining": "declined",
    }  # fmt: skip
    assert result.exit_code == 1
    by_model = {record.identity.model: record for record in result.records}
    assert by_model["raising"].error.message == "no network today"
    assert "in build" in by_model["raising"].error.traceback
    assert by_model["wrong-shape"].error.type == "ShapeError"
    assert by_model["declining"].error.message == "it never does"
    assert {trial.status for trial in by_model["exploding"].trials} == {"diverged"}
    assert not any(trial.scores for trial in by_model["exploding"].trials)


def test_a_finished_cell_is_reused_and_a_fresh_one_is_not(tmp_path):
    first = run(["small"], tmp_path)
    again = run(["small"], tmp_path)
    fresh = run(["small"], tmp_path, fresh=True)
    reused = [result.run.outcomes[0].reused for result in (first, again, fresh)]
    assert reused == [False, True, False]
    trials = [result.records[0].trials for result in (first, fresh)]
    assert [t.scores for t in trials[0]] == [t.scores for t in trials[1]]


def test_a_failed_cell_is_retried_only_on_request(tmp_path):
    run(["raising"], tmp_path)
    again = run(["raising"], tmp_path)
    assert again.run.outcomes[0].reused
    assert again.exit_code == 1
    assert not run(["raising"], tmp_path, retry_failed=True).run.outcomes[0].reused


def test_processes_give_what_one_process_gives(tmp_path):
    alone = run(["small", "told"], tmp_path / "inline")
    spread = run(["small", "told"], tmp_path / "local", executor="local", jobs=2)
    scores = [
        {r.identity.model: [t.scores for t in r.trials] for r in result.records}
        for result in (alone, spread)
    ]
    assert scores[0] == scores[1]


def test_a_process_that_dies_or_hangs_is_lost_alone(tmp_path):
    result = run(["dying", "hanging", "small"], tmp_path, executor="local", jobs=3, timeout=20.0)
    assert statuses(result) == {"dying": "crashed", "hanging": "timeout", "small": "ok"}
    by_model = {record.identity.model: record for record in result.records}
    assert "exit code 3" in by_model["dying"].error.message
    assert "20 seconds" in by_model["hanging"].error.message


def test_leaving_an_executor_early_leaves_no_process_behind(tmp_path):
    registry, options = load([TOYS]), Options(tmp_path, device="cpu", jobs=2)
    cells = make_plan(registry, Selection(("norms",), ("small", "hanging"), "smoke"))
    cells.sort(key=lambda cell: cell.model == "hanging")
    results = local.execute(cells, Desk.of(registry, options, cells), options)
    next(results)
    results.close()
    import multiprocessing

    assert not multiprocessing.active_children()


def progress_of(model, executor, store):
    """Run a cell of the model; return the progress that reporters are told."""

    class Listener:
        @symbench.hookimpl
        def symbench_cell_progressed(self, cell, progress):
            assert cell.model == model
            seen.append(progress)

    seen = []
    registry, options = load([TOYS]), Options(store, device="cpu")
    registry.add_reporter(Listener())
    cells = make_plan(registry, Selection(("norms",), (model,), "smoke"))
    list(executor.execute(cells, Desk.of(registry, options, cells), options))
    return seen


@pytest.mark.parametrize("executor", [inline, local])
def test_progress_is_reported_to_the_end_with_step_and_loss(executor, tmp_path):
    seen = progress_of("small", executor, tmp_path)
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert seen[-1].done == 1.0
    assert (seen[-1].update, seen[-1].updates) == (60, 60)
    assert 0 < seen[-1].loss < seen[0].loss


def test_a_loss_that_is_not_finite_is_reported_by_a_process_too(tmp_path):
    seen = progress_of("exploding", local, tmp_path)
    assert not math.isfinite(seen[-1].loss)
    assert seen[-1].done == 1.0


def test_the_fork_server_loads_what_planning_has_loaded_and_the_metrics(monkeypatch):
    monkeypatch.delenv("SYMBENCH_PLUGINS")
    registry = load()
    make_plan(registry, Selection(("o5-invariant",), ("constant",), "smoke"))
    names = plugin_modules(registry)
    assert {"symbench_vectors.tasks", "symbench_baselines.models"} <= set(names)
    targets = [card.target.partition(":")[0] for card in registry.metrics.values()]
    assert set(targets) <= set(names)
    assert not [name for name in names if name.startswith(("symbench.", "torch"))]


def test_an_interrupted_run_keeps_what_finished_and_resumes(tmp_path, monkeypatch):
    execute = inline.execute

    def interrupted(cells, desk, options):
        yield from execute(cells[:1], desk, options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        card = replace(BUILT_IN["inline"], target=interrupted)
        patch.setitem(BUILT_IN, "inline", card)
        stopped = run(["small", "told"], tmp_path)
    assert stopped.exit_code == 130
    assert statuses(stopped) == {"small": "ok", "told": "interrupted"}
    resumed = run(["small", "told"], tmp_path)
    assert [outcome.reused for outcome in resumed.run.outcomes] == [True, False]
    assert resumed.exit_code == 0


WAVERING = """
from pathlib import Path
from torch import nn
from symbench import Model, Recipe, hookimpl

class Wavering(Model):
    \"\"\"Asks for another learning rate each time.\"\"\"

    name, version, prior = "wavering", "1", "none"
    asked = 0

    def build(self, problem):
        return nn.Linear(problem.input_size, problem.output_size)

    def recipe(self, problem):
        Wavering.asked += 1
        return Recipe(learning_rate=0.1 ** Wavering.asked)

class Steady(Wavering):
    name = "steady"

    def recipe(self, problem):
        return Recipe(learning_rate=0.1)

class Fickle(Wavering):
    name = "fickle"

    def recipe(self, problem):
        Wavering.asked += 1
        if Wavering.asked % 2:
            raise ValueError("not now")
        return Recipe()

with open(Path(__file__).with_name("loaded"), "a") as file:
    file.write("loaded\\n")

@hookimpl
def symbench_register(registry):
    registry.model(Wavering)
    registry.model(Steady)
    registry.model(Fickle)
"""


@pytest.fixture
def wavering(tmp_path):
    plugin = tmp_path / "wavering.py"
    plugin.write_text(WAVERING)
    return plugin


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_the_recipe_that_names_a_record_is_the_one_that_trains(wavering, tmp_path, executor):
    result = symbench.run(
        ["norms"], ["wavering", "steady"], "smoke", tmp_path, executor=executor,
        plugin_files=(TOYS, wavering), device="cpu",
    )  # fmt: skip
    by_model = {record.identity.model: record for record in result.records}
    rates = {name: r.identity.protocol["recipe"]["learning_rate"] for name, r in by_model.items()}
    assert rates == {"steady": 0.1, "wavering": 0.1}
    scores = [[trial.scores for trial in record.trials] for record in by_model.values()]
    assert scores[0] == scores[1]


def test_a_recipe_that_raised_in_planning_fails_the_cell(wavering, tmp_path):
    result = symbench.run(
        ["norms"], ["fickle"], "smoke", tmp_path, plugin_files=(TOYS, wavering), device="cpu"
    )
    (record,) = result.records
    assert record.status == "failed"
    assert (record.error.type, record.error.message) == ("ValueError", "not now")


@pytest.mark.slow
def test_a_command_executes_a_plugin_file_once(wavering, tmp_path):
    arguments = ["-m", "small", "--plugin", str(wavering), "--executor", "inline"]
    subprocess.run(_command(tmp_path, *arguments), capture_output=True, check=True)
    assert (tmp_path / "loaded").read_text().split() == ["loaded"]


def _command(store, *arguments):
    command = ["-m", "symbench", "run", "-t", "norms", "--plugin", str(TOYS), "--tier", "smoke"]
    return [sys.executable, *command, "--store", str(store), "--device", "cpu", *arguments]


def _hear_interrupts():
    """A shell's background job, as tests may be run in, ignores Ctrl-C, and children inherit it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize(
    "blow", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_a_stopped_command_keeps_its_records_and_resumes(tmp_path, blow):
    arguments = ["-m", "small", "-m", "hanging", "--jobs", "2"]
    process = subprocess.Popen(
        _command(tmp_path, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=_hear_interrupts,  # noqa: PLW1509 - no thread of ours is running
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("cells/*.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(blow)
    process.communicate(timeout=60)
    assert process.returncode == (130 if blow == signal.SIGINT else -signal.SIGKILL)
    resumed = subprocess.run(
        _command(tmp_path, "-m", "small", "--json"), capture_output=True, text=True, check=True
    )
    (cell,) = json.loads(resumed.stdout)["cells"]
    assert cell["status"] == "ok"
    assert cell["reused"]


def test_a_truncated_record_is_set_aside_and_made_again(tmp_path):
    first = run(["small"], tmp_path)
    path = tmp_path / "cells" / f"{first.records[0].key}.json"
    path.write_text(path.read_text()[:200])
    again = run(["small"], tmp_path)
    assert not again.run.outcomes[0].reused
    assert len(Store(tmp_path).set_aside()) == 1


def test_an_unwritable_store_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--store"):
        run(["hanging"], tmp_path / "file")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "cloud"}, "unknown executor 'cloud'"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
    ],
)
def test_bad_options_are_refused(tmp_path, options, message):
    settings = {"executor": "inline", "device": "cpu", **options}
    with pytest.raises(InputError, match=message):
        symbench.run(["norms"], ["small"], "smoke", tmp_path, plugin_files=(TOYS,), **settings)


def test_unknown_names_are_refused_with_near_ones(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean small"):
        run(["smal"], tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean norms"):
        run(["small"], tmp_path, tasks=["norm"])


def test_event_hooks_hear_of_every_cell(tmp_path):
    listener = tmp_path / "listener.py"
    log = tmp_path / "heard"
    listener.write_text(
        "from pathlib import Path\nfrom symbench import hookimpl\n"
        f"LOG = Path({str(log)!r})\n"
        "@hookimpl\ndef symbench_cell_finished(cell, record):\n"
        "    LOG.write_text(f'{cell.model} {record.status}')\n"
        "@hookimpl\ndef symbench_run_finished(run):\n    raise RuntimeError('down')\n"
    )
    result = symbench.run(
        ["norms"], ["small"], "smoke", tmp_path / "store", plugin_files=(TOYS, listener)
    )
    assert result.exit_code == 0
    assert log.read_text() == "small ok"


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_learned_generators_are_stored_beside_the_record(tmp_path, executor):
    result = run(["finding", "small"], tmp_path, executor=executor)
    assert statuses(result) == {"finding": "ok", "small": "ok"}
    store = Store(tmp_path)
    held = {r.identity.model: store.read_tensors(r.key) for r in store.records()}
    assert held["small"] == {}
    assert sorted(held["finding"]) == ["learned.0", "learned.1", "truth"]
    assert held["finding"]["learned.1"][0, 0, 1] == 2
    assert held["finding"]["truth"].shape == (3, 3, 3)


def test_a_damaged_tensor_file_is_a_clear_error(tmp_path):
    run(["finding"], tmp_path)
    (record,) = Store(tmp_path).records()
    (tmp_path / "cells" / f"{record.key}.safetensors").write_bytes(b"\x08")
    with pytest.raises(StoreError, match="safetensors cannot be read"):
        Store(tmp_path).read_tensors(record.key)


NAMING = """
import os
from symbench import Model, hookimpl

class Naming(Model):
    \"\"\"Says on which GPU it runs.\"\"\"

    name, version, prior = "naming", "1", "none"

    def build(self, problem):
        raise RuntimeError(os.environ["CUDA_VISIBLE_DEVICES"])

class Second(Naming):
    name = "second"

class Third(Naming):
    name = "third"

@hookimpl
def symbench_register(registry):
    for model in (Naming, Second, Third):
        registry.model(model)
"""


def test_workers_share_out_the_gpus_of_a_machine(tmp_path):
    plugin = tmp_path / "naming.py"
    plugin.write_text(NAMING)
    registry = load([TOYS, plugin])
    cells = make_plan(registry, Selection(("norms",), ("naming", "second", "third"), "smoke"))
    gpus = Gpus({"2": 80e9, "5": 80e9}, Costs({}, {}))  # pretended: the device is the CPU
    records = local.supervised(
        cells, registry, Options(tmp_path, device="cpu", jobs=3), claim=lambda _: True,
        progressed=lambda *_: None, gpus=gpus,
    )  # fmt: skip
    assert sorted(record.error.message for record in records) == ["2", "2", "5"]
