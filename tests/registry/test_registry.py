"""Plugins are found, checked and classified one at a time."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path

import pytest
import toys

from symbench import Metric, Model, hookimpl
from symbench.errors import InputError, PluginError, UnknownNameError
from symbench.metrics import CORE
from symbench.registry import Registry, load
from symbench.registry.registration import CORE_SCORES
from symbench.registry.registry import Sources

EXAMPLE = Path(__file__).parents[1] / "example_plugin" / "symbench_example.py"


def plugin(register):
    """A plugin object with the given registration."""

    class Plugin:
        symbench_register = staticmethod(hookimpl(register))

    return Plugin


def test_a_plugin_file_registers_its_model():
    registry = load([EXAMPLE], discover=False)
    assert list(registry.models) == ["wide-mlp"]
    assert registry.models["wide-mlp"].details["prior"] == "none"
    assert registry.model("wide-mlp").version == "1"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("x = 1", "no hook"),
        (
            "from symbench import hookimpl\n@hookimpl\ndef symbench_regster(registry): pass",
            "symbench_regster",
        ),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason_and_the_others_go_on(tmp_path, source, reason):
    bad = tmp_path / "bad.py"
    bad.write_text(source)
    registry = load([bad, EXAMPLE], discover=False)
    states = {info.name: info.status for info in registry.plugins}
    assert states == {"bad": "broken", "symbench_example": "ok"}
    assert reason in registry.plugins[0].reason
    assert "wide-mlp" in registry.models


def test_two_plugins_of_one_name_are_refused_and_the_first_one_stays():
    registry = toys.toy_registry()
    with pytest.raises(PluginError, match=r"'small' is taken by plugin toys"):
        registry.add(plugin(lambda registry: registry.model(toys.Small)), "second", "1", "here")
    assert registry.models["small"].plugin == "toys"


def test_a_plugin_is_taken_whole_or_not_at_all():
    def register(registry):
        class New(toys.Small):
            name = "new"

        registry.model(New)
        registry.model(New)

    registry = Registry()
    with pytest.raises(PluginError, match="taken"):
        registry.add(plugin(register), "half", "1", "here")
    assert not registry.models


@pytest.mark.parametrize("name", ["", "UPPER", "../escape", "a" * 65, "a b", None, "<b>"])
def test_names_outside_the_contract_are_refused(name):
    class Bad(toys.Small):
        pass

    Bad.name = name
    with pytest.raises(PluginError, match="does not match"):
        Registry().add(plugin(lambda registry: registry.model(Bad)), "bad", "1", "here")


def test_a_model_without_a_prior_is_refused():
    class Bad(toys.Small):
        prior = "psychic"

    with pytest.raises(PluginError, match="psychic"):
        Registry().add(plugin(lambda registry: registry.model(Bad)), "bad", "1", "here")


def test_a_card_that_disagrees_with_its_class_is_a_broken_plugin():
    def register(registry):
        registry.model("toys:Small", name="other", version="1", prior="none", summary="s")

    registry = Registry()
    registry.add(plugin(register), "liar", "1", "here")
    assert registry.drop_broken("model", ["other"]) == []
    assert registry.plugins[0].status == "broken"
    assert "the class small" in registry.plugins[0].reason


def test_a_lazy_target_that_cannot_be_imported_is_reported_and_left_out():
    def register(registry):
        registry.model("no_such_module:X", name="x", version="1", prior="none", summary="s")

    registry = Registry()
    registry.add(plugin(register), "lazy", "1", "here")
    assert registry.drop_broken("model", ["x"]) == []
    assert "no_such_module" in registry.plugins[0].reason


def test_unknown_names_suggest_near_ones():
    registry = toys.toy_registry()
    with pytest.raises(UnknownNameError, match="did you mean small"):
        registry.model("smal")
    with pytest.raises(UnknownNameError, match="`symbench list` shows all"):
        registry.task("zzzzzzzz")


def test_globs_select_and_a_glob_without_match_is_an_error():
    registry = toys.toy_registry()
    assert registry.select("task", ["n*"]) == ["norms"]
    assert registry.select("task", []) == ["labels", "norms"]
    with pytest.raises(UnknownNameError):
        registry.select("task", ["norms", "q*"])


def test_blocking_and_the_allow_list_leave_plugins_out(monkeypatch):
    registry = load([EXAMPLE], ["symbench_example"], discover=False)
    assert registry.plugins[0].status == "blocked"
    assert not registry.models
    monkeypatch.setenv("SYMBENCH_PLUGINS", "symbench_vectors")
    assert {info.name for info in load().plugins} == {"symbench_vectors"}


def test_a_missing_plugin_file_is_reported():
    registry = load(["nowhere.py"], discover=False)
    assert "does not exist" in registry.plugins[0].reason


def test_an_event_hook_that_raises_is_logged_and_the_others_are_called(caplog):
    heard = []

    class Loud:
        @hookimpl
        def symbench_run_started(self, run):
            raise RuntimeError("reporter is down")

    class Quiet:
        @hookimpl
        def symbench_run_started(self, run):
            heard.append(run)

    def register(registry):
        registry.reporter(Loud())
        registry.reporter(Quiet())

    registry = Registry()
    registry.add(plugin(register), "reporters", "1", "here")
    registry.emit("symbench_run_started", run="r")
    assert heard == ["r"]
    assert "reporter is down" in caplog.text


def test_something_that_is_not_a_model_is_refused_when_it_is_loaded():
    def register(registry):
        registry.metric("toys:Small", name="m", version="1", summary="s")

    registry = Registry()
    registry.add(plugin(register), "odd", "1", "here")
    with pytest.raises(PluginError, match="not a Metric"):
        registry.card("metric", "m").load()
    assert issubclass(toys.Small, Model)
    assert not issubclass(toys.Small, Metric)
    assert issubclass(UnknownNameError, InputError)


COUNTING = """
import builtins
from symbench import Model, hookimpl
builtins.executed_plugin_files = getattr(builtins, "executed_plugin_files", 0) + 1

class Counted(Model):
    name, version, prior = "counted", "1", "none"

    def build(self, problem):
        return None

@hookimpl
def symbench_register(registry):
    registry.model(Counted)
"""


@pytest.fixture
def executed(monkeypatch):
    """How often plugin files that count themselves were executed."""
    monkeypatch.setattr(builtins, "executed_plugin_files", 0, raising=False)
    yield lambda: builtins.executed_plugin_files
    for name in [name for name in sys.modules if name.startswith("symbench_plugin_file_")]:
        del sys.modules[name]


def test_a_plugin_file_is_executed_once_per_process_and_content(tmp_path, executed):
    file = tmp_path / "counted.py"
    file.write_text(COUNTING)
    first, second = load([file], discover=False), load([file], discover=False)
    assert first.model("counted") is second.model("counted")
    assert executed() == 1
    file.write_text(COUNTING.replace('"1"', '"2"'))
    assert load([file], discover=False).model("counted").version == "2"
    assert executed() == 2


def test_a_copy_of_a_plugin_file_elsewhere_is_another_module(tmp_path, executed):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "counted.py").write_text(COUNTING)
    first = load([tmp_path / "a" / "counted.py"], discover=False).model("counted")
    second = load([tmp_path / "b" / "counted.py"], discover=False).model("counted")
    assert first is not second
    assert executed() == 2


def test_a_plugin_file_that_failed_is_executed_again(tmp_path, executed):
    file = tmp_path / "counted.py"
    file.write_text(COUNTING + "if builtins.executed_plugin_files == 1: raise OSError('later')")
    assert "later" in load([file], discover=False).plugins[0].reason
    assert not [name for name in sys.modules if name.startswith("symbench_plugin_file_")]
    assert load([file], discover=False).plugins[0].status == "ok"


def test_a_plugin_file_named_twice_is_refused_the_second_time():
    registry = load([EXAMPLE, EXAMPLE], discover=False)
    assert [info.status for info in registry.plugins] == ["ok", "broken"]
    assert "already loaded" in registry.plugins[1].reason
    assert "wide-mlp" in registry.models


def test_a_registry_knows_the_sources_that_make_it_again():
    registry = load([str(EXAMPLE)], ["symbench_noether"])
    assert registry.sources == Sources((EXAMPLE,), ("symbench_noether",))
    again = load(registry.sources.files, registry.sources.blocked)
    assert list(again.tasks) == list(registry.tasks)
    assert again.plugins == registry.plugins


def test_a_plugin_whose_reporter_is_invalid_leaves_nothing_behind():
    class Reporter:
        @hookimpl
        def symbench_run_started(self, no_such_argument):
            raise AssertionError

    def register(registry):
        registry.model(toys.Small)
        registry.reporter(Reporter())

    registry = Registry()
    with pytest.raises(Exception, match="no_such_argument"):
        registry.add(plugin(register), "reporters", "1", "here")
    assert not registry.models
    registry.emit("symbench_run_started", run="r")


def test_a_reporter_can_be_added_and_hears_only_its_events():
    heard = []

    class Reporter:
        @hookimpl
        def symbench_run_finished(self, run):
            heard.append(run)

    registry = Registry()
    registry.add_reporter(Reporter())
    registry.emit("symbench_run_started", run="started")
    registry.emit("symbench_run_finished", run="finished")
    assert heard == ["finished"]


def test_an_executor_may_be_remote():
    def register(registry):
        registry.executor(print, name="here")
        registry.executor(print, name="there", summary="elsewhere", remote=True)

    registry = Registry()
    registry.add(plugin(register), "executors", "1", "here")
    assert registry.executors["there"].details["remote"]
    assert not registry.executors["here"].details["remote"]
    assert registry.executors["here"].load() is print


def test_a_metric_cannot_bear_the_name_of_a_core_score():
    assert {metric.name for metric in CORE} == CORE_SCORES

    class Impostor(Metric):
        name, version, summary = "error", "1", "a smaller error"

        def score(self, trained, task, generator):
            return 0.0

    registry = Registry()
    with pytest.raises(PluginError, match="error has the name of a core score"):
        registry.add(plugin(lambda registry: registry.metric(Impostor)), "x", "", "x")
    with pytest.raises(PluginError, match=r"error\.mine has the name of a core score"):
        registry.add(
            plugin(lambda registry: registry.metric(Impostor, name="error.mine")), "x", "", "x"
        )
    assert not registry.metrics
