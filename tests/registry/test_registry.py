"""Plugins are found, checked and classified one at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
import toys

from symbench import Metric, Model, hookimpl
from symbench.errors import InputError, PluginError, UnknownNameError
from symbench.registry import Registry, load

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
