"""Workers start from a fork server in which nothing that a plugin does lasts."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from multiprocessing import forkserver

import pytest

from symbench.errors import SymbenchError
from symbench.registry import load
from symbench.runs.executors import server
from symbench.runs.executors.server import Server, libraries

REGISTER = """
from symbench import hookimpl

@hookimpl
def symbench_register(registry):
    registry.model("at_import.models:AtImport", name="at-import", version="1", prior="none")
"""
MODELS = """
import multiprocessing, os, torch
from torch import nn
from symbench import Model

{doing}

class AtImport(Model):
    \"\"\"Does something when it is imported.\"\"\"

    name, version, prior = "at-import", "1", "none"

    def build(self, problem):
        (torch.randn(700, 700) @ torch.randn(700, 700)).exp().sum()
        return nn.Sequential(nn.Flatten(), nn.Linear(problem.input_size, problem.output_size))
"""
TABLES = "TABLE = (torch.randn(900, 900) @ torch.randn(900, 900)).exp().sum()"

pytestmark = pytest.mark.slow


def run_with(tmp_path, doing, environment, *options):
    """Run the model of an installed plugin that does something when it is imported."""
    package = tmp_path / "site" / "at_import"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(REGISTER)
    (package / "models.py").write_text(MODELS.format(doing=doing))
    info = tmp_path / "site" / "at_import-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: at-import\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[symbench]\nat_import = at_import\n")
    paths = [str(tmp_path / "site"), *sys.path]
    command = [
        sys.executable, "-m", "symbench", "run", "-t", "o5-invariant", "-m", "at-import",
        "--tier", "smoke", "--jobs", "1", "--timeout", "60", "--json", "--device", "cpu",
        "--store", str(tmp_path / "store"), *options,
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=200,
        env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )  # fmt: skip
    return [cell["status"] for cell in json.loads(done.stdout)["cells"]], done.stderr


def test_a_plugin_that_computed_with_threads_when_imported_does_not_hang_its_cells(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    statuses, _ = run_with(tmp_path, TABLES, environment | {"MKL_NUM_THREADS": "4"})
    assert statuses == ["ok"]


def test_a_plugin_that_ends_the_server_is_not_loaded_there(tmp_path):
    doing = "import sys\nif 'forkserver' in ' '.join(sys.orig_argv): os._exit(1)"
    statuses, said = run_with(tmp_path, doing, dict(os.environ))
    assert statuses in (["ok"], ["crashed"])
    assert "fork server has ended" in said


def test_a_server_that_ends_every_time_is_an_error_and_no_interruption(monkeypatch):
    monkeypatch.setattr(server, "_PAUSE_SECONDS", 0.0)

    class Process:
        def start(self):
            raise EOFError("unexpected EOF")

    with pytest.raises(SymbenchError, match=r"fork server ended 4 times \(EOFError: unexpected"):
        Server(load()).start(Process())


def test_a_server_that_hangs_is_killed_and_started_without_plugins(monkeypatch, caplog):
    monkeypatch.setattr(server, "_LOADING_SECONDS", 0.2)
    monkeypatch.setattr(server, "_PAUSE_SECONDS", 0.0)
    hanging = subprocess.Popen(["sleep", "600"])
    monkeypatch.setattr(forkserver._forkserver, "_forkserver_pid", hanging.pid)
    starts = []

    class Process:
        def start(self):
            starts.append(list(forkserver._forkserver._preload_modules))
            if len(starts) == 1:
                hanging.wait(60)
                raise EOFError("unexpected EOF")

    monkeypatch.setattr(server, "plugin_modules", lambda registry: ["of_a_plugin.models"])
    try:
        Server(load()).start(Process())
    finally:
        hanging.kill()
        hanging.wait()
        monkeypatch.undo()
    assert [("of_a_plugin.models" in modules) for modules in starts] == [True, False]
    assert "has not loaded of_a_plugin there within 0.2 s" in caplog.text


def test_a_server_that_refuses_connections_and_does_not_end_is_replaced(monkeypatch, tmp_path):
    address = str(tmp_path / "closed")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
    lingering = subprocess.Popen(["sleep", "600"])
    reading, writing = os.pipe()
    own = forkserver._forkserver
    monkeypatch.setattr(own, "_forkserver_pid", lingering.pid)
    monkeypatch.setattr(own, "_forkserver_address", address)
    monkeypatch.setattr(own, "_forkserver_alive_fd", writing)
    try:
        started = Server(load(discover=False))
        process = started.process(print, "started")
        started.start(process)
        process.join(120)
        assert process.exitcode == 0
        assert lingering.poll() is not None
    finally:
        own._stop()
        os.close(reading)
        lingering.kill()
        lingering.wait()


def test_a_plugin_whose_import_hangs_in_the_server_is_imported_by_its_worker(tmp_path):
    doing = (
        "import multiprocessing, sys, time\n"
        "if 'forkserver' in ' '.join(sys.orig_argv) and not multiprocessing.parent_process():\n"
        "    time.sleep(600)"
    )
    environment = dict(os.environ) | {"PYTHONPATH": ""}
    limited = tmp_path / "limited.py"
    limited.write_text(
        "from symbench.runs.executors import server\nserver._LOADING_SECONDS = 15.0\n"
    )
    statuses, said = run_with(tmp_path, doing, environment, "--plugin", str(limited))
    assert statuses == ["ok"]
    assert re.search(r"has not loaded at_import\b.* there within 15 s", said)


def test_the_environment_is_as_before_when_a_process_has_started(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    seen = []

    class Process:
        def start(self):
            seen.append(server.thread_variables())

    Server(load()).start(Process())
    assert set(seen[0].values()) == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ


def test_only_libraries_that_symbench_requires_are_imported_for_all_workers(tmp_path):
    assert {"e3nn.o3", "torch.nn"} <= set(libraries(load(), ["e3nn"]))
    plugin = tmp_path / "other.py"
    plugin.write_text(
        "import hypothesis\n"
        "import scipy.linalg\n"
        "from symbench import Model, hookimpl\n"
        "class Other(Model):\n"
        '    name, version, summary, prior = "other", "1", "another library", "none"\n'
        "    def build(self, problem):\n"
        "        import pytest\n"
        "@hookimpl\n"
        "def symbench_register(registry):\n"
        "    registry.model(Other)\n"
    )
    assert libraries(load([plugin]), ["other"]) == ["scipy.linalg"]
