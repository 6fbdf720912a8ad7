"""Suites as files: those of the package can be planned, and a plugin can bring its own."""

from __future__ import annotations

import pytest

from symbench import registry
from symbench.errors import InputError, PluginError
from symbench.registry import suite as suites
from symbench.registry.registration import Registration

GOOD = 'name = "mine"\nsummary = "My question"\ntasks = ["o5-*"]\nmodels = ["mlp"]\n'


@pytest.fixture(scope="module")
def known():
    return registry.load()


@pytest.mark.parametrize("name", ["vectors", "discovery", "dynamics"])
def test_the_suites_of_the_package_name_tasks_and_models_that_exist(known, name):
    content = suites.checked(name, known.suites[name].load())
    assert known.suites[name].summary == content["summary"]
    for kind in ("task", "model"):
        for one in content[f"{kind}s"]:
            assert known.select(kind, [one]) == [one]
    for tier in ("smoke", "quick"):
        for task in content["tasks"]:
            assert known.task(task).for_tier(tier).sizes[tier], f"{task} is not in tier {tier}"


def test_a_plugin_registers_the_suite_of_a_file(tmp_path):
    (tmp_path / "mine.toml").write_text(GOOD)
    registration = Registration("plugin")
    registration.suite_file(tmp_path / "mine.toml")
    (card,) = registration.cards
    assert (card.kind, card.name, card.summary) == ("suite", "mine", "My question")
    assert card.load()["tasks"] == ["o5-*"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("tasks = [", "is not TOML"),
        ("tasks = []", "name and summary must be strings"),
        (GOOD + "colour = 1", "has no key 'colour'"),
        (GOOD + "sizes = ['a']", "sizes must be a list of int"),
        (GOOD.replace("mine", "../mine"), "does not match"),
    ],
)
def test_a_bad_file_is_an_error_of_its_plugin(tmp_path, content, message):
    if content is not None:
        (tmp_path / "mine.toml").write_text(content)
    with pytest.raises(PluginError, match=message):
        Registration("plugin").suite_file(tmp_path / "mine.toml")


def test_a_suite_of_an_unknown_key_is_refused():
    with pytest.raises(InputError, match="has no key 'taks'"):
        suites.checked("s", {"taks": []})
