"""Tables in plugins, in workers and from Python."""

import pickle

import numpy as np
import pandas as pd
import pytest

import symbench
from symbench.errors import InputError
from symbench.registry import load
from symbench.runs.plan import Selection, make_plan
from symbench.runs.setup import check_code
from symbench.tables import TableSource, TableTask
from symbench.testing import Skipped, checks

_PLUGIN = """
from symbench import hookimpl
@hookimpl
def symbench_register(registry):
    registry.table("dot.csv", outputs="y", layout="2 x 3", symmetry="O(3)")
"""


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a plugin and the table that it names."""
    x = np.random.default_rng(0).normal(size=(60, 6))
    frame = pd.DataFrame(x, columns=[f"x{k}" for k in range(6)])
    frame["y"] = (x[:, :3] * x[:, 3:]).sum(1)
    frame.to_csv(tmp_path / "dot.csv", index=False)
    (tmp_path / "dot_plugin.py").write_text(_PLUGIN)
    return tmp_path


def test_a_plugin_of_five_lines_registers_a_table_beside_it(folder):
    assert len(_PLUGIN.strip().splitlines()) <= 5
    registry = load([folder / "dot_plugin.py"], discover=False)
    assert registry.tasks["dot"].details["loss"] == "mse"
    assert registry.task("dot").rows == {"train": 42, "valid": 6, "test": 12}


def test_a_table_keeps_the_promises_of_a_task(folder):
    registry = load([folder / "dot_plugin.py"], discover=False)
    kept = 0
    for check in checks("dot", registry=registry):
        try:
            check()
            kept += 1
        except Skipped:
            pass
    assert kept >= 6


def test_the_file_is_read_on_first_use_only(folder):
    (folder / "dot.csv").unlink()
    registry = load([folder / "dot_plugin.py"], discover=False)
    assert "dot" in registry.tasks
    with pytest.raises(InputError, match="No such file"):
        registry.task("dot")


def test_a_worker_makes_the_same_registry(folder):
    source = TableSource(folder / "dot.csv", {"outputs": ("y",), "layout": "2 x 3"})
    here = load(tables=[source], discover=False)
    sources = pickle.loads(pickle.dumps(here.sources))  # noqa: S301 - what was pickled here
    there = load(sources.files, sources.blocked, sources.tables, discover=False)
    assert there.task("dot").fingerprint() == here.task("dot").fingerprint()


def test_a_file_that_changes_during_a_run_is_noticed(folder):
    source = TableSource(folder / "dot.csv", {"outputs": ("y",)})
    registry = load(tables=[source])
    (cell,) = make_plan(registry, Selection(("dot",), ("linear",), "smoke"))
    model = registry.model("linear")()
    check_code(registry, cell.identity, registry.task("dot"), model)
    (folder / "dot.csv").write_text((folder / "dot.csv").read_text().rstrip())
    with pytest.raises(InputError, match="the file was changed during the run"):
        check_code(registry, cell.identity, source.task(), model)


def test_sizes_beyond_the_rows_leave_a_task_out_of_a_wider_selection(folder, caplog):
    registry = load(tables=[TableSource(folder / "dot.csv", {"outputs": ("y",)})])
    cells = make_plan(
        registry, Selection(("d[o]t", "o5-invariant"), ("linear",), "smoke", sizes=(50,))
    )
    assert [cell.task for cell in cells] == ["o5-invariant"]
    assert "--sizes 50 is more than its 42 training rows" in caplog.text


def test_a_task_of_arrays_is_run_in_this_process_only(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 3))
    task = TableTask(x, x[:, 0] * x[:, 1], name="product")
    result = symbench.run([task], ["constant"], tier="smoke", store=tmp_path)
    assert [record.status for record in result.records] == ["ok"]
    with pytest.raises(InputError, match="only executor='inline' can run"):
        symbench.run([task], ["constant"], executor="local", store=tmp_path)


def test_classes_are_trained_and_scored(tmp_path):
    x = np.random.default_rng(0).normal(size=(120, 2))
    labels = np.where(x[:, 0] > 0, "right", "left")
    task = TableTask(x, labels, classes=True, name="side")
    result = symbench.run([task], ["linear"], tier="smoke", store=tmp_path)
    (record,) = result.records
    assert record.identity.protocol["chance_error"] == 0.5
    assert record.trials[-1].scores["error"] < 0.25


def test_a_sample_with_another_number_of_rows_breaks_a_promise(folder):
    (folder / "short.py").write_text("""
import torch
from symbench import Data, Task, hookimpl

class Short(Task):
    name, version, summary, threshold = "short", "1", "120 rows", 0.1
    sizes = {"smoke": (30, 100), "quick": (30, 100), "full": (30, 100)}
    input_shape, output_shape, symmetry = (2,), (1,), None

    def sample(self, n, seed, split):
        x = torch.randn(120, 2, generator=self.generator(seed, split))[:n]
        return Data(x, x[:, :1])

@hookimpl
def symbench_register(registry):
    registry.task(Short)
""")
    registry = load([folder / "short.py"], discover=False)
    (law,) = [one for one in checks("short", registry=registry) if "as many rows" in one.title]
    with pytest.raises(AssertionError, match="asked for 200 rows and returned 120"):
        law()
