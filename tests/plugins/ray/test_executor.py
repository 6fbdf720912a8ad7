"""A cluster gives the results of one process, also if it loses a machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import toys
from symbench_ray import nodes
from symbench_ray.executor import Dispatch, execute, of_same_code
from symbench_ray.nodes import Nodes

import symbench
from symbench.errors import InputError
from symbench.executor import Costs, Desk, Options, load
from symbench.records.store import Store
from symbench.runs.plan import Selection, make_plan

TOYS = Path(toys.__file__)
GOOD = ("small", "finding")

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs symbench[ray]")


@pytest.fixture(autouse=True)
def only_toys(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "symbench_ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def run(models, store, **options):
    return symbench.run(
        ["norms"], list(models), "smoke", store, plugin_files=(TOYS,), device="cpu", **options
    )


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_missing_ray_is_named_with_its_mend(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install symbench\[ray\]"):
        run(["small"], tmp_path, executor="ray")


@pytest.mark.parametrize("address", ["nowhere", "10.0.0.1", "ray://10.0.0.1:10001", "host:port"])
def test_an_address_without_host_and_port_is_refused(address):
    with pytest.raises(InputError, match="host:port"):
        nodes.check_port(address)


def test_an_address_where_nobody_listens_is_refused():
    with pytest.raises(InputError, match="no Ray cluster can be used"):
        nodes.check_port(f"127.0.0.1:{free_port()}")


def test_a_plan_of_declined_cells_needs_no_cluster(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    registry, options = toys.toy_registry(), Options(tmp_path)
    cells = make_plan(registry, Selection(("norms",), ("declining",), "smoke"))
    (record,) = execute(cells, Desk.of(registry, options, cells), options)
    assert record.status == "declined"


def test_a_cell_takes_of_a_gpu_what_it_has_been_measured_to_need():
    (cell,) = make_plan(toys.toy_registry(), Selection(("norms",), ("small",), "smoke"))
    gib = 2**30
    known = Costs({}, {(cell.task, cell.model, "smoke"): 10.0 * gib})
    for device, costs, share in (
        ("cuda", known, 1 / 6), ("cuda", Costs({}, {}), 1), ("cpu", known, 0)
    ):  # fmt: skip
        dispatch = Dispatch(None, Nodes(device, 8, 80.0 * gib), None, Options(), costs)
        assert dispatch.gpu_share(cell) == pytest.approx(share)


def test_scores_made_with_another_source_of_the_model_are_refused(tmp_path):
    (record,) = run(["small"], tmp_path).records
    (cell,) = make_plan(load([TOYS]), Selection(("norms",), ("small",), "smoke"))
    assert of_same_code(cell, record) is record
    elsewhere = record.provenance.also(plugin_source_sha256="0" * 64)
    refused = of_same_code(cell, record.model_copy(update={"provenance": elsewhere}))
    assert (refused.status, refused.trials) == ("failed", [])
    assert "different source of small" in refused.error.message


class Clusters:
    """A head and one worker on loopback, with one core each, as `ray start` would start them."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        own = {"num_cpus": 1, "include_dashboard": False}
        head = {**own, "gcs_server_port": free_port()}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.worker = self.cluster.add_node(**own)
        self.cluster.wait_for_nodes()
        self.address = self.cluster.address
        self.processes = [
            info.process.pid
            for node in (self.cluster.head_node, self.worker)
            for kind in node.all_processes.values()
            for info in kind
        ]

    def kill_worker(self):
        """Kill the second machine: its raylet and all processes that it started."""
        (raylet,) = self.worker.all_processes["raylet"]
        raylet.process.kill()


@pytest.fixture
def two_nodes(only_toys):
    pytest.importorskip("ray")
    cluster = Clusters()
    yield cluster
    cluster.cluster.shutdown()
    assert wait_until(lambda: not any(map(alive, cluster.processes)), seconds=20)


WAITING = """
import os, time
from pathlib import Path
from torch import nn
from symbench import Model, hookimpl

HERE = Path({here!r})

class Waiting(Model):
    name, version, prior, summary = "waiting", "1", "none", "waits until it may go on"

    def build(self, problem):
        (HERE / f"began-{{os.getpid()}}").touch()
        while not (HERE / "go").exists():
            time.sleep(0.05)
        return nn.Linear(problem.input_size, problem.output_size)

class Patient(Waiting):
    name = "patient"

@hookimpl
def symbench_register(registry):
    registry.model(Waiting)
    registry.model(Patient)
"""


def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_until(holds, seconds=120):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


class Accident(threading.Thread):
    """Kills the second machine once both have a waiting cell, then releases the other cells."""

    def __init__(self, here, cluster):
        super().__init__(daemon=True)
        self.here, self.cluster, self.killed = here, cluster, False

    def began(self):
        return [int(path.name.removeprefix("began-")) for path in self.here.glob("began-*")]

    def run(self):
        if wait_until(lambda: len(self.began()) == 2):
            self.cluster.kill_worker()
            self.killed = wait_until(lambda: sum(map(alive, self.began())) == 1)
        (self.here / "go").touch()


def table(result):
    return [
        (row.task, row.model, row.status, row.rank, row.scores) for row in result.leaderboard.rows
    ]


@pytest.mark.slow
@needs_ray
def test_a_cluster_that_loses_a_machine_in_mid_run_gives_the_table_of_one_process(
    tmp_path, two_nodes
):
    here, plugin = tmp_path / "signals", tmp_path / "plugin" / "waiting.py"
    here.mkdir()  # not beside the plugin, where a file that it names would count as its source
    plugin.parent.mkdir()
    plugin.write_text(WAITING.format(here=str(here)))
    models = [*GOOD, "declining", "raising", "waiting", "patient"]
    options = {"plugin_files": (TOYS, plugin), "device": "cpu"}
    (here / "go").touch()  # an earlier record says that its cells are the longest: it is cut
    symbench.run(["norms"], ["waiting"], "smoke", tmp_path / "ray", seeds=1, **options)
    for path in (here / "go", *here.glob("began-*")):
        path.unlink()
    accident = Accident(here, two_nodes)
    accident.start()
    spread = symbench.run(
        ["norms"], models, "smoke", tmp_path / "ray", executor="ray",
        ray_address=two_nodes.address, **options,
    )  # fmt: skip
    assert accident.killed
    # two parts of one cell and another cell, of which that of the lost machine was restarted
    assert len(accident.began()) == 4
    inline = symbench.run(["norms"], models, "smoke", tmp_path / "inline", **options)
    assert table(spread) == table(inline)
    scores = [
        {r.key: (r.status, [t.scores for t in r.trials]) for r in result.records}
        for result in (spread, inline)
    ]
    assert scores[0] == scores[1]
    assert len(scores[0]) == len(models)
    found = {r.identity.model: r.key for r in spread.records}["finding"]
    assert Store(tmp_path / "ray").read_tensors(found)
    assert {r.provenance["executor"] for r in spread.records if r.trials} == {"ray"}


@pytest.mark.slow
@needs_ray
def test_a_cluster_contains_what_its_cells_do_and_ctrl_c_ends_it(tmp_path):
    command = [
        sys.executable, "-m", "symbench", "run", "-t", "norms", "--tier", "smoke", "--executor",
        "ray", "--plugin", str(TOYS), "--store", str(tmp_path), "--device", "cpu", "--jobs", "2",
    ]  # fmt: skip
    process = subprocess.Popen(
        [*command, "-m", "dying", "-m", "hanging", "-m", "small"], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True, text=True, preexec_fn=_hear_interrupts,  # noqa: PLW1509 - no thread of ours is running
    )  # fmt: skip
    kept = lambda: {r.identity.model: r.status for r in Store(tmp_path).records()}  # noqa: E731
    wait_until(lambda: len(kept()) == 2)
    started = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the foreground process group
    _, heard = process.communicate(timeout=60)
    assert process.returncode == 130, heard
    assert kept() == {"dying": "crashed", "small": "ok"}
    assert started
    _, left = psutil.wait_procs(started, timeout=20)
    assert not [p for p in left if alive(p.pid)]


def _hear_interrupts():
    """Restore Ctrl-C, which a background job of a shell ignores, as do its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
