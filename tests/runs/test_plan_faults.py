"""Whatever a task or a model does while it is planned, only its own cells fail."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_runs
import toys

from symbench import Model, hookimpl
from symbench.runs.options import Options
from symbench.runs.plan import Selection, make_plan
from symbench.runs.run import execute


class Stop(BaseException):
    pass


def registry_with(*subjects):
    class Plugin:
        @hookimpl
        def symbench_register(self, registry):
            for subject in subjects:
                (registry.model if issubclass(subject, Model) else registry.task)(subject)

    registry = toys.toy_registry()
    registry.add(Plugin(), "faulty", "1", "tests")
    return registry


def planned(*subjects, **selection):
    tasks = ["norms", *(s.name for s in subjects if not issubclass(s, Model))]
    models = ["small", *(s.name for s in subjects if issubclass(s, Model))]
    chosen = Selection(tuple(tasks), tuple(models), "smoke", **selection)
    return make_plan(registry_with(*subjects), chosen)


def failed(cells):
    """Return the one cell that failed; the others are sound."""
    (cell,) = [cell for cell in cells if cell.error is not None]
    assert all(other.reason is None for other in cells if other is not cell)
    json.dumps(cell.identity.model_dump(), allow_nan=False)
    assert len(cell.key) == 16
    return cell


def raising(base, attribute, error):
    def method(*_, **__):
        raise error

    made = property(method) if attribute in ("symmetry", "sizes", "updates") else method
    if attribute == "for_tier" and issubclass(base, Model):
        made = classmethod(method)
    return type("Faulty", (base,), {"name": "faulty", "__doc__": "Raises.", attribute: made})


ERRORS = [FileNotFoundError("points.npy"), SystemExit(0), Stop("no licence"), GeneratorExit()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "method", ["sample", "available", "fingerprint", "for_tier", "sizes", "updates"]
)
def test_a_task_that_raises_in_planning_fails_its_own_cells(method, error):
    cell = failed(planned(raising(toys.Norms, method, error)))
    assert (cell.task, cell.error.type) == ("faulty", type(error).__name__)
    assert cell.error.message == str(error)
    assert "Traceback" in cell.error.traceback


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["accepts", "recipe", "config_dict", "for_tier", "__init__"])
def test_a_model_that_raises_in_planning_fails_its_own_cells(method, error):
    cell = failed(planned(raising(toys.Small, method, error)))
    assert (cell.model, cell.error.type) == ("faulty", type(error).__name__)


def test_a_symmetry_that_raises_fails_the_cells_of_its_task():
    assert failed(planned(raising(toys.Norms, "symmetry", ValueError("no group")))).task == "faulty"


def test_ctrl_c_in_planning_ends_it():
    with pytest.raises(KeyboardInterrupt):
        planned(raising(toys.Norms, "sample", KeyboardInterrupt()))


def test_a_message_that_cannot_be_made_is_replaced():
    class Mute(Exception):  # noqa: N818
        def __str__(self):
            raise RuntimeError

    cell = failed(planned(raising(toys.Small, "accepts", Mute())))
    assert cell.error.type == "Mute"
    assert "its __str__ raises RuntimeError" in cell.error.message


def test_a_task_without_sizes_for_the_tier_fails_unless_sizes_are_given():
    class Sizeless(toys.Norms):
        """Full tier only."""

        name, sizes = "sizeless", {"full": (16,)}

    assert "sizes['smoke'] is ()" in failed(planned(Sizeless)).error.message
    assert {cell.error for cell in planned(Sizeless, sizes=(16,))} == {None}


@pytest.mark.parametrize(
    ("subject", "method"), [(toys.Small, "accepts"), (toys.Norms, "available")]
)
@pytest.mark.parametrize("answer", [True, 3, b"no", ["no"]])
def test_an_answer_that_is_no_reason_is_a_failure_that_names_the_method(subject, method, answer):
    faulty = type("Faulty", (subject,), {"name": "faulty", method: lambda *_: answer})
    assert f"faulty: {method} returned" in failed(planned(faulty)).error.message


NO_JSON = [
    Path("w.pt"), math.inf, math.nan, {1, 2}, b"bytes", 1j, np.float32(1), torch.ones(1),
    {3: "three"}, [1, {"deep": math.nan}], object(), "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: type(value).__name__)
def test_a_configuration_that_json_cannot_hold_is_refused_with_its_field(value):
    @dataclass(frozen=True)
    class Config:
        weights: object = dataclasses.field(default_factory=lambda: value)

    faulty = type("Faulty", (toys.Small,), {"name": "faulty", "Config": Config, "recipe": recipe})
    cell = failed(planned(faulty))
    assert cell.error.message.startswith("faulty: Config.weights")
    assert cell.identity.config == {}


def recipe(self, problem):
    return toys.Recipe()


def test_a_recipe_that_json_cannot_hold_is_refused_with_its_field():
    class Endless(toys.Small):
        """An infinite rate."""

        name = "endless"

        def recipe(self, problem):
            return toys.Recipe(learning_rate=math.inf)

    assert "endless: recipe.learning_rate is inf" in failed(planned(Endless)).error.message


@pytest.mark.parametrize("returned", [None, {"learning_rate": 1.0}])
def test_a_recipe_that_is_none_is_refused(returned):
    faulty = type("Faulty", (toys.Small,), {"name": "faulty", "recipe": lambda *_: returned})
    assert "faulty: recipe returned" in failed(planned(faulty)).error.message


@pytest.mark.parametrize("config", [dataclass(type("Lost", (), {})), type("Plain", (), {})])
@pytest.mark.parametrize("tiers", [{"smoke": {"misspelt": 1}}])
def test_a_tier_with_an_unknown_option_is_a_failed_cell(config, tiers):
    faulty = type("Faulty", (toys.Small,), {"name": "faulty", "Config": config, "tiers": tiers})
    assert failed(planned(faulty)).model == "faulty"


@pytest.mark.parametrize("value", [math.nan, torch.ones(1), "often", 2.5])
def test_a_number_of_updates_that_is_none_fails_the_task(value):
    faulty = type("Faulty", (toys.Norms,), {"name": "faulty", "updates": {"smoke": value}})
    assert "updates['smoke']" in failed(planned(faulty)).error.message


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_cell_that_failed_in_planning_has_a_record_and_the_others_run(executor, tmp_path):
    registry = registry_with(raising(toys.Small, "accepts", SystemExit(0)))
    selection = Selection(("norms",), ("faulty", "declining"), "smoke")
    options = Options(store=tmp_path, executor=executor, device="cpu")
    for _ in range(2):
        run = execute(registry, selection, options)
        by_model = {record.identity.model: record for record in run.records}
        assert by_model["faulty"].status == "failed"
        assert by_model["faulty"].error.type == "SystemExit"
        assert "Traceback" in by_model["faulty"].error.traceback
        assert by_model["declining"].status == "declined"
        assert run.exit_code == 1
        assert {o.model: o.reused for o in run.outcomes}["faulty"] is False


def test_settings_that_planning_and_training_change_are_restored(tmp_path, caplog):
    class Doubling(toys.Small):
        """Sets the default dtype."""

        name = "doubling"

        def accepts(self, problem):
            torch.set_default_dtype(torch.float64)

        def build(self, problem):
            torch.set_grad_enabled(False)
            raise RuntimeError("after a change")

    selection = Selection(("norms",), ("doubling", "small"), "smoke", (16,))
    options = Options(store=tmp_path, executor="inline", device="cpu")
    run = execute(registry_with(Doubling), selection, options)
    assert [r.status for r in run.records] == ["failed", "ok"], run.records[1].error
    assert "plugin faulty changed torch's default dtype" in caplog.text
    assert "plugin faulty changed torch's gradient mode" in caplog.text


def test_a_record_of_a_newer_schema_fails_its_cell_and_stays(tmp_path):
    first = toy_runs.run(["small"], tmp_path, sizes=(16,))
    path = tmp_path / "cells" / f"{first.records[0].key}.json"
    newer = path.read_text().replace('"schema": 1', '"schema": 2')
    path.write_text(newer)
    for options in ({}, {"fresh": True}, {"retry_failed": True}):
        again = toy_runs.run(["small", "declining"], tmp_path, sizes=(16,), **options)
        by_model = {record.identity.model: record for record in again.records}
        assert by_model["declining"].status == "declined"
        assert by_model["small"].status == "failed"
        assert "its schema is 2" in by_model["small"].error.message
        assert again.exit_code == 1
        assert path.read_text() == newer


PACKAGE = """
import os
import torch
import toys

torch.set_default_dtype(torch.float64)
os.environ["CHANGED"] = "1"


class Doubled(toys.Small):
    name = "doubled"
"""
REGISTERING = """
from symbench import hookimpl

@hookimpl
def symbench_register(registry):
    registry.model("doubling_package:Doubled")
"""


@pytest.mark.slow
def test_what_a_package_sets_on_import_does_not_reach_the_workers_of_other_models(tmp_path):
    (tmp_path / "doubling_package.py").write_text(PACKAGE)
    (tmp_path / "registering.py").write_text(REGISTERING)
    paths = os.pathsep.join([str(tmp_path), str(toy_runs.TOYS.parent), *sys.path])
    command = [
        sys.executable, "-m", "symbench", "run", "-t", "norms", "-m", "doubled", "-m", "small",
        "--tier", "smoke", "--sizes", "16", "--jobs", "1", "--plugin", str(toy_runs.TOYS),
        "--plugin", "registering.py", "--store", "s", "--json", "--device", "cpu",
    ]  # fmt: skip
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, "SYMBENCH_PLUGINS": ""},
    )  # fmt: skip
    statuses = {cell["model"]: cell["status"] for cell in json.loads(done.stdout)["cells"]}
    assert statuses == {"doubled": "ok", "small": "ok"}, done.stderr
    assert done.stderr.count("plugin registering changed torch's default dtype") == 1
