"""A worker ends at its limits, together with all that it has started, whatever its model does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import troublemakers
from toy_runs import TOYS

import symbench
from symbench.records.store import Store
from symbench.runs.executors import process
from symbench.runs.options import Options

TROUBLE = Path(troublemakers.__file__)
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def only_toys(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")


@pytest.fixture
def numbers(tmp_path, monkeypatch):
    """The folder into which the models' own processes write their numbers."""
    folder = tmp_path / "numbers"
    folder.mkdir()
    monkeypatch.setenv("TROUBLE", str(folder))
    monkeypatch.setattr(troublemakers, "FOLDER", folder)
    monkeypatch.setattr(sys.modules[__name__], "EARLIER", psutil.Process().children(recursive=True))
    return folder


@pytest.fixture
def together(numbers, tmp_path):
    """Run models in worker processes; nothing may be left of them afterwards."""

    def run(*models, **options):
        options = {"jobs": 2, "timeout": 60.0, "executor": "local", **options}
        result = symbench.run(
            ["norms"], models, "smoke", tmp_path / "store",
            plugin_files=(TOYS, TROUBLE), device="cpu", **options,
        )  # fmt: skip
        wait_until(lambda: strays(numbers) == [], seconds=5)  # a killed process ends soon
        return {record.identity.model: record for record in result.records}

    with fresh_server():
        yield run


def fresh_server():
    """Let the fork server, which keeps the environment of its start, start in the context."""
    from contextlib import contextmanager
    from multiprocessing import forkserver

    @contextmanager
    def fresh():
        forkserver._forkserver._stop()
        yield
        forkserver._forkserver._stop()

    return fresh()


EARLIER: list[psutil.Process] = []  # other tests may keep processes, such as a browser


def strays(numbers):
    """The processes that outlived a run: workers, what models started, and what is below them."""
    left = [int(path.name) for path in numbers.iterdir() if path.name.isdigit()]
    left = [pid for pid in left if is_running(pid)]
    ours = [p for p in psutil.Process().children(recursive=True) if p not in EARLIER]
    return left + [p.pid for p in ours if is_running(p.pid) and not is_service(p)]


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_service(process):
    """The fork server and the resource tracker, which lead no session, remain."""
    try:
        return os.getsid(process.pid) == os.getsid(0)
    except ProcessLookupError:
        return True


@pytest.mark.parametrize("name", ["leaves-thread", "waits-at-exit", "forks-and-finishes", "loader"])
def test_a_finished_record_is_kept_whatever_the_process_leaves_behind(together, name):
    started = time.monotonic()
    records = together(name, "small")
    assert {model: record.status for model, record in records.items()} == {
        name: "ok", "small": "ok",
    }  # fmt: skip
    assert time.monotonic() - started < 150


@pytest.mark.parametrize(
    "name", ["closes-descriptors", "ignores-signals", "stops", "hangs-with-children", "holds-lock"]
)
def test_a_hanging_cell_ends_at_its_limit_and_its_neighbour_is_stored(together, name):
    records = together(name, "small", timeout=20.0)
    assert records["small"].status == "ok"
    assert records[name].status == "timeout"
    assert "20 seconds (--timeout); no progress was reported" in records[name].error.message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("real-time", f"killed by signal {signal.SIGRTMIN + 1}"),
        ("forks-and-dies", "exit code 7"),
        ("closes-and-ends", "exit code 1 and no record"),
        ("babbles", "sent what cannot be read"),
        ("forges", "a record that symbench has not made"),
    ],
)
def test_a_death_is_noticed_at_once_by_its_exit_code(together, name, reason):
    started = time.monotonic()
    records = together(name, "small", timeout=None)
    assert records["small"].status == "ok"
    assert records[name].status == "crashed"
    assert reason in records[name].error.message
    assert time.monotonic() - started < 150


def test_memory_is_counted_over_all_that_a_cell_has_started(together):
    records = together("greedy-child", "small", memory=1.2)
    assert {model: record.status for model, record in records.items()} == {
        "greedy-child": "oom", "small": "ok",
    }  # fmt: skip
    assert "of 1.2 GiB (--memory)" in records["greedy-child"].error.message


@pytest.mark.parametrize("executor", ["inline", "local"])
@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("exits", "SystemExit", "no licence"),
        ("interrupts", "KeyboardInterrupt", "from the model"),
        ("unspeakable", "NoTextError", "(no message: its __str__ raises ValueError)"),
    ],
)
def test_whatever_a_model_raises_fails_its_cell_alone(together, executor, name, kind, message):
    records = together(name, "small", executor=executor)
    assert records["small"].status == "ok"
    assert records[name].status == "failed"
    assert (records[name].error.type, records[name].error.message) == (kind, message)


def test_a_killed_fork_server_is_started_again(together, caplog):
    records = together("kills-server", "small", jobs=1)
    assert {model: record.status for model, record in records.items()} == {
        "kills-server": "ok", "small": "ok",
    }  # fmt: skip
    assert records["kills-server"].provenance["attempts"] == 1


def test_a_killed_guardian_is_a_crash_and_leaves_nothing(together):
    records = together("kills-guardian", "small", timeout=30.0)
    assert {model: record.status for model, record in records.items()} == {
        "kills-guardian": "timeout", "small": "ok",
    }  # fmt: skip
    assert records["kills-guardian"].provenance["attempts"] == 2


def run_command(tmp_path, *arguments):
    command = [
        sys.executable, "-m", "symbench", "run", "-t", "norms", "--tier", "smoke",
        "--device", "cpu",
        "--plugin", TOYS, "--plugin", TROUBLE, "--store", tmp_path / "store", *arguments,
    ]  # fmt: skip
    return subprocess.Popen(
        [str(part) for part in command], stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_command_takes_all_that_its_cells_have_started_with_it(numbers, tmp_path, blow):
    started = run_command(tmp_path, "-m", "hangs-with-children")
    wait_until(lambda: len(list(numbers.iterdir())) == 4)
    below = [p.pid for p in psutil.Process(started.pid).children(recursive=True)]
    started.send_signal(blow)
    started.communicate(timeout=60)
    assert started.returncode == (130 if blow == signal.SIGINT else -signal.SIGKILL)
    wait_until(lambda: not [pid for pid in below if is_running(pid)])
    wait_until(lambda: strays(numbers) == [], seconds=5)


@pytest.mark.parametrize("name", ["stops", "holds-lock"])
def test_a_cell_that_cannot_act_any_more_ends_with_a_killed_command(numbers, tmp_path, name):
    started = run_command(tmp_path, "-m", name)
    try:
        wait_until(lambda: list(numbers.iterdir()), seconds=240)
        below = [p.pid for p in psutil.Process(started.pid).children(recursive=True)]
    finally:
        started.kill()
        started.communicate()
    wait_until(lambda: not [pid for pid in below if is_running(pid)])


def wait_until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_a_record_is_stored_before_its_worker_has_ended(numbers, tmp_path):
    started = run_command(tmp_path, "-m", "leaves-thread", "-m", "hangs-with-children")
    try:
        wait_until(lambda: list(tmp_path.glob("store/cells/*.json")))
        started.send_signal(signal.SIGKILL)
        assert [record.status for record in Store(tmp_path / "store").records()] == ["ok"]
    finally:
        started.kill()
        started.communicate()
    wait_until(lambda: strays(numbers) == [])


def test_a_cell_without_progress_is_named_once(together, monkeypatch, caplog):
    monkeypatch.setattr(process, "_SILENT_SECONDS", 4.0)
    together("hangs-with-children", "small", timeout=15.0)
    (said,) = [r.message for r in caplog.records if "no progress" in r.message]
    assert "norms hangs-with-children: no progress for 4 s; no progress was reported" in said


@pytest.mark.parametrize(
    ("timeout", "tier", "seconds"),
    [(None, "smoke", 600), (None, "quick", 3600), (None, "full", 86400), (0.0, "full", None),
     (5.0, "full", 5.0)],
)  # fmt: skip
def test_a_cell_has_a_limit_by_its_tier_unless_the_user_sets_one(timeout, tier, seconds):
    assert Options(timeout=timeout).seconds(tier) == seconds
