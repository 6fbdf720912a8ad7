"""A result is used again only while everything that made it is the same."""

from __future__ import annotations

import json
import sys

import pytest

from symbench import registry
from symbench.draws import fingerprint
from symbench.records.record import Identity, Record
from symbench.registry import code_files
from symbench.runs.cell import run_cell
from symbench.runs.options import Options
from symbench.runs.plan import Selection, make_plan
from symbench.runs.run import execute
from symbench.runs.staleness import has_changed_metrics, is_outdated, is_stale

PLUGIN = """
import torch
import used_helper
from symbench import Data, Metric, Model, Symmetry, Task, hookimpl
from symbench.groups import O, SO, Scalar, V

class Own(Task):
    name, version, summary = "own", "1", "a task"
    sizes = {"smoke": (16,), "quick": (16,)}
    input_shape, output_shape, test_size, valid_size = (3,), (1,), 32, 16
    tiers = {"quick": {"test_size": 40}}

    @property
    def symmetry(self):
        group = O(3)
        return Symmetry(group, V(group), Scalar(group))

    def sample(self, n, seed, split):
        x = 1e-7 * torch.randn(n, 3, generator=self.generator(seed, split))
        return Data(x, (x**2).sum(1, keepdim=True))

class Part(Model):
    name, version, prior = "part", "1", "none"

    def build(self, problem):
        return torch.nn.Linear(3, 1)

class Head(Part):
    name, backbones = "head", ("part",)

    def build(self, problem):
        return problem.backbone("part")

class Rude(Part):
    name = "rude"

    def build(self, problem):
        return problem.backbone("part")

class Extra(Metric):
    name, version = "extra", "1"

    def score(self, trained, task, generator):
        return 1.0

@hookimpl
def symbench_register(registry):
    registry.task(Own)
    for model in (Part, Head, Rude):
        registry.model(model)
    registry.metric(Extra)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plugin file with a helper beside it."""
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "used_helper.py").write_text("x = 1\n")
    file = tmp_path / "own_plugin.py"
    file.write_text(PLUGIN)
    yield file
    sys.modules.pop("used_helper", None)


def loaded(plugin):
    """The registry of a process that starts now."""
    sys.modules.pop("used_helper", None)
    code_files._home.cache_clear()
    for name in [n for n in sys.modules if n.startswith("symbench_plugin_file_")]:
        del sys.modules[name]
    return registry.load([plugin])


def ran(plugin, store, model="part"):
    """The outcome and record of a run of one cell."""
    options = Options(store=store, executor="inline", device="cpu")
    result = execute(loaded(plugin), Selection(("own",), (model,), "smoke"), options)
    ((outcome,), (record,)) = result.outcomes, result.records
    return outcome, record


def edit(plugin, old, new):
    text = plugin.read_text()
    assert old in text
    plugin.write_text(text.replace(old, new))


CHANGES = {
    "the target": ("own_plugin.py", "(x**2).sum(1, keepdim=True)", "x.prod(1, keepdim=True)"),
    "the group": ("own_plugin.py", "group = O(3)", "group = SO(3)"),
    "a helper": ("used_helper.py", "x = 1", "x = 2"),
    "the test size": ("own_plugin.py", "32, 16", "33, 16"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_cell_is_computed_again_after_a_change_of(plugin, tmp_path, what):
    first, record = ran(plugin, tmp_path / "store")
    again, _ = ran(plugin, tmp_path / "store")
    assert (first.reused, again.reused) == (False, True)
    assert not is_outdated(loaded(plugin), record)
    file, old, new = CHANGES[what]
    edit(plugin.parent / file, old, new)
    assert is_stale(loaded(plugin), record.identity)
    changed, other = ran(plugin, tmp_path / "store")
    assert not changed.reused
    assert other.key != record.key


@pytest.mark.parametrize(
    ("old", "new"), [('"extra", "1"', '"extra", "2"'), ("return 1.0", "return 2.0")]
)
def test_a_changed_metric_makes_its_records_stale(tmp_path, monkeypatch, plugin, old, new):
    metric = tmp_path / "own_metric.py"
    start = plugin.read_text().index("class Extra"), plugin.read_text().index("@hookimpl")
    metric.write_text(
        "from symbench import Metric, hookimpl\n"
        + plugin.read_text()[start[0] : start[1]]
        + "@hookimpl\ndef symbench_register(registry):\n    registry.metric(Extra)\n"
    )
    edit(plugin, "    registry.metric(Extra)\n", "")

    def run():
        for name in [n for n in sys.modules if n.startswith("symbench_plugin_file_")]:
            del sys.modules[name]
        known = registry.load([plugin, metric])
        options = Options(store=tmp_path / "store", executor="inline", device="cpu")
        result = execute(known, Selection(("own",), ("part",), "smoke"), options)
        return known, result.outcomes[0], result.records[0]

    _, _, record = run()
    assert record.provenance.metrics["extra"].startswith("1 ")
    assert "error" in record.provenance.metrics
    assert run()[1].reused
    edit(metric, old, new)
    known, outcome, other = run()
    assert has_changed_metrics(known, record)
    assert not outcome.reused
    assert other.provenance.metrics["extra"] != record.provenance.metrics["extra"]
    assert not is_outdated(known, other)
    assert not has_changed_metrics(registry.load([plugin]), other)  # the metric is not here


def test_a_record_of_an_earlier_release_is_read_and_stale(plugin, tmp_path):
    _, record = ran(plugin, tmp_path / "store")
    document = json.loads(record.to_json())
    del document["identity"]["task_source_sha256"]
    old = Record.from_json(json.dumps(document))
    assert json.loads(old.to_json()) == document
    assert old.key != record.key
    assert Identity(**document["identity"]).key == old.key
    assert is_stale(loaded(plugin), old.identity)
    del document["provenance"]["metrics"]
    document["identity"] = json.loads(record.to_json())["identity"]
    assert has_changed_metrics(loaded(plugin), Record.from_json(json.dumps(document)))


def test_the_fingerprint_is_that_of_the_tier(plugin):
    known = loaded(plugin)
    task = known.task("own")
    (cell,) = make_plan(known, Selection(("own",), ("part",), "quick"))
    assert cell.identity.task_fingerprint == fingerprint(task.for_tier("quick"))
    assert not is_stale(known, cell.identity)


@pytest.mark.parametrize("file", ["own_plugin.py", "used_helper.py"])
def test_code_that_is_edited_between_plan_and_cell_is_refused(plugin, file):
    (cell,) = make_plan(loaded(plugin), Selection(("own",), ("part",), "smoke"))
    assert run_cell(loaded(plugin), cell).status == "ok"
    with (plugin.parent / file).open("a") as source:
        source.write("y = 2\n")
    record = run_cell(loaded(plugin), cell)
    assert (record.status, record.error.type) == ("failed", "InputError")
    assert "start the run again" in record.error.message


def test_a_backbone_must_be_declared(plugin, tmp_path):
    assert ran(plugin, tmp_path / "store", "head")[0].status == "ok"
    outcome, record = ran(plugin, tmp_path / "store", "rude")
    assert outcome.status == "failed"
    assert "rude asks for the backbone 'part'" in record.error.message
    assert "backbones" in record.error.message


def test_a_record_names_every_loaded_plugin(plugin, tmp_path):
    bystander = tmp_path / "bystander_plugin.py"
    bystander.write_text(
        "from symbench import hookimpl\n@hookimpl\ndef symbench_register(registry):\n    pass\n"
    )
    known = registry.load([plugin, bystander])
    (cell,) = make_plan(known, Selection(("own",), ("part",), "smoke"))
    named = run_cell(known, cell).provenance.plugins
    assert set(named) == {"own_plugin", "bystander_plugin"}
    assert all(len(version) == 12 for version in named.values())
