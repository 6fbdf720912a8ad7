"""An executor of a stranger's plugin runs cells, with nothing but ``symbench.executor``."""

from __future__ import annotations

from pathlib import Path

import pytest
import toys

import symbench
import symbench.executor
from symbench.errors import InputError, PluginError
from symbench.registry import load
from symbench.runs.options import Options
from symbench.runs.plan import Selection
from symbench.runs.run import execute

STRANGER = '''
"""Runs the cells backwards, one after another, and counts the trainings that it hears of."""
from symbench import hookimpl
from symbench.executor import Provenance, run_cell

HEARD = []

def backwards(cells, desk, options):
    by = Provenance(executor="backwards", concurrent=1)
    for cell in reversed(cells):
        if not desk.claim(cell):
            continue

        def progressed(progress, cell=cell):
            HEARD.append((cell.model, options.device))
            desk.progressed(cell, progress)

        yield run_cell(
            desk.registry, cell, options.device, options.fleet, by, progress=progressed
        )

@hookimpl
def symbench_register(registry):
    registry.executor(backwards, name="backwards", summary="last cell first")
'''


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    plugin = tmp_path / "stranger.py"
    plugin.write_text(STRANGER)
    return (Path(toys.__file__), plugin)


def registering(executor, name="careless", *, remote=False):
    class Plugin:
        @symbench.hookimpl
        def symbench_register(self, registry):
            registry.executor(executor, name=name, summary="a test", remote=remote)

    return Plugin()


def table(result):
    return [(row.task, row.model, row.status, row.scores) for row in result.leaderboard.rows]


def test_a_strangers_executor_runs_cells(stranger, tmp_path):
    models = ["small", "declining", "raising"]
    theirs = symbench.run(
        ["norms"], models, "smoke", tmp_path / "a", executor="backwards", plugin_files=stranger,
        device="auto",
    )  # fmt: skip
    ours = symbench.run(["norms"], models, "smoke", tmp_path / "b", plugin_files=stranger)
    assert table(theirs) == table(ours)
    assert [record.identity.model for record in theirs.records] == ["declining", "small", "raising"]
    ran = [record for record in theirs.records if record.status != "declined"]
    assert {record.provenance.executor for record in ran} == {"backwards"}
    heard = load(stranger).card("executor", "backwards").load().__globals__["HEARD"]
    assert ("small", "cpu") in heard  # the device is resolved for it


def test_a_strangers_executor_reuses_what_is_stored(stranger, tmp_path):
    for _ in range(2):
        result = symbench.run(
            ["norms"], ["small"], "smoke", tmp_path, executor="backwards", plugin_files=stranger
        )
    assert [outcome.reused for outcome in result.run.outcomes] == [True]


def test_a_remote_executor_gets_the_options_as_they_were_given(tmp_path):
    asked = []

    def remote(cells, desk, options):
        asked.append(options)
        for cell in cells:
            desk.claim(cell)
            yield symbench.executor.Record(identity=cell.identity, status="crashed")

    registry = toys.toy_registry()

    registry.add(registering(remote, "far", remote=True), "far", "1", "here")
    options = Options(tmp_path, device="cuda", executor="far")
    run = execute(registry, Selection(("norms",), ("small",), "smoke"), options)
    assert asked == [options]
    assert run.exit_code == 1


def test_an_unknown_executor_is_named_with_those_there_are(tmp_path):
    selection = Selection(("norms",), ("small",), "smoke")
    with pytest.raises(InputError, match="choose one of inline, local"):
        execute(toys.toy_registry(), selection, Options(tmp_path, executor="inlin"))


def test_a_device_that_is_not_here_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(InputError, match="unknown device"):
        execute(
            toys.toy_registry(),
            Selection(("norms",), ("small",), "smoke"),
            Options(tmp_path, executor="inline", device="tpu"),
        )
    assert not list(tmp_path.iterdir())


def test_an_executor_must_yield_one_record_for_each_cell_that_it_claims(tmp_path):
    def twice(cells, desk, options):
        for cell in cells:
            desk.claim(cell)
            record = symbench.executor.Record(identity=cell.identity, status="crashed")
            yield record
            yield record

    def nothing(cells, desk, options):
        return iter(())

    def forgetful(cells, desk, options):
        for cell in cells:
            desk.claim(cell)
        return iter(())

    def text(cells, desk, options):
        yield from ("done" for cell in cells if desk.claim(cell))

    for number, (executor, message) in enumerate((
        (twice, "one record for each cell"), (nothing, "ended without records of 1 cells"),
        (forgetful, "ended without records of 1 cells"), (text, "returned 'done'"),
    )):  # fmt: skip
        registry = toys.toy_registry()
        registry.add(registering(executor), "careless", "1", "here")
        selection = Selection(("norms",), ("small",), "smoke")
        options = Options(tmp_path / str(number), executor="careless")
        with pytest.raises(PluginError, match=message):
            execute(registry, selection, options)


@pytest.mark.parametrize(
    "options", [{"jobs": 0}, {"jobs": -1}, {"timeout": -1.0}, {"memory": 0.0}, {"fleet": "maybe"}]
)
def test_an_option_out_of_range_is_refused(options):
    with pytest.raises(InputError, match=f"--{next(iter(options))}"):
        Options(**options)
