"""Cards are made from classes: by reading their source, or by importing them."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from symbench import disk_cache, hookimpl
from symbench.errors import PluginError
from symbench.registry import Registry, class_reader, load
from symbench.registry.card import DETAILS, described
from symbench.registry.class_reader import Package, Unreadable, UnreadableError
from symbench.registry.registration import Registration

REGISTRY = load()
CARDS = [
    card
    for cards in (REGISTRY.tasks, REGISTRY.models, REGISTRY.metrics)
    for card in cards.values()
    if isinstance(card.target, str)
]
MODELS = '''
"""A module of models; importing it raises."""
import typing as t
from symbench import Model
from symbench.contract import Model as Other
from . import bases
from .bases import Base, VERSION

PRIOR, _TWO = "told", 2
raise RuntimeError("imported")

class Plain(Model):
    """A perceptron.

    More of it.
    """

    name, version, prior = "plain", "1", "none"
    rest = [1, 2]

@t.final
class Mixed(Base, bases.Mixin, Other):
    name: t.ClassVar[str] = "mixed"
    version = VERSION
    prior = PRIOR

class Late(Plain):
    name = "late"

Late.name = "changed-later"

if _TWO:
    class Nested(Plain):
        name = "nested"

class Computed(Plain):
    name = "comp" + "uted"

def decorate(cls):
    cls.name = "decorated"
    return cls

@decorate
class Decorated(Plain):
    name = "plain"

class Keyword(Plain, abc=1):
    name = "keyword"

class Property(Plain):
    @property
    def summary(self):
        return "later"

Made = type("Made", (Plain,), {"name": "made"})

class Conditional(Plain):
    if _TWO:
        name = "one"
    else:
        name = "two"

class Local(Plain):
    label = "local"
    name = label
'''
BASES = '''
"""Bases."""
from symbench import Model
VERSION = "2"

class Mixin:
    summary = "from the mixin"
    parts: int

class Base(Model):
    """The base."""
    prior = "none"
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cardpkg"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "models.py").write_text(MODELS)
    (folder / "bases.py").write_text(BASES)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "cardpkg"]:
        del sys.modules[name]


def registered(*targets, **keywords):
    """The cards of models that a plugin registers by import strings."""
    registration = Registration("cardpkg")
    for target in targets:
        registration.model(target, **keywords)
    return registration.cards


def outline_of(target):
    module, _, name = target.partition(":")
    package = module.partition(".")[0]
    return Package(package, Path(find_spec(package).origin).parents[1]).outline(module, name)


def test_every_built_in_thing_is_registered_by_its_import_string():
    assert len(CARDS) > 120


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card.kind} {card.name}")
def test_a_card_says_what_the_class_says(card):
    loaded = card.load()
    cls = loaded if inspect.isclass(loaded) else type(loaded)
    details = {key: getattr(cls, key) for key in DETAILS[card.kind]}
    details |= {key: value for key, value in card.details.items() if key == "equivariant"}
    assert card.details == details
    assert (card.name, card.version) == (cls.name, cls.version)
    assert card.summary == (cls.summary or inspect.getdoc(cls)).split("\n")[0]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card.kind} {card.name}")
def test_the_source_of_a_built_in_class_is_read_without_importing_it(card):
    outline = outline_of(card.target)
    loaded = card.load()
    cls = loaded if inspect.isclass(loaded) else type(loaded)
    assert described(card.kind, outline) == described(card.kind, cls)
    assert inspect.getdoc(outline) == inspect.getdoc(cls)


def test_a_cold_cache_needs_no_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("SYMBENCH_PLUGINS", "symbench_vectors,symbench_baselines,symbench_images")
    code = (
        "import sys\nfrom symbench.registry import load\nregistry = load()\n"
        "assert len(registry.models) == 12\n"
        "assert 'torch' not in sys.modules\n"
        "assert 'symbench_baselines.models' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert len(list((tmp_path / "cards").iterdir())) == 3
    subprocess.run([sys.executable, "-c", code], check=True)


def test_attributes_and_docstrings_are_read_along_the_bases(package):
    plain, mixed, local = registered(
        "cardpkg.models:Plain", "cardpkg.models:Mixed", "cardpkg.models:Local"
    )
    assert (plain.name, plain.version, plain.summary) == ("plain", "1", "A perceptron.")
    assert plain.details == {"prior": "none"}
    assert (mixed.name, mixed.version, mixed.summary) == ("mixed", "2", "from the mixin")
    assert mixed.details == {"prior": "told"}
    assert local.name == "local"
    assert "cardpkg.models" not in sys.modules


@pytest.mark.parametrize(
    "name",
    ["Late", "Nested", "Computed", "Decorated", "Keyword", "Property", "Made", "Conditional"],
)
def test_what_is_no_plain_literal_is_not_guessed(package, name):
    with pytest.raises(UnreadableError):
        Package("cardpkg", package.parent).card("model", f"cardpkg.models:{name}")
    with pytest.raises(PluginError, match="RuntimeError: imported"):
        registered(f"cardpkg.models:{name}")


def test_a_class_that_cannot_be_read_is_imported(package):
    source = MODELS.replace("raise RuntimeError", "print").replace(", abc=1", "")
    (package / "models.py").write_text(source)
    cards = registered("cardpkg.models:Late", "cardpkg.models:Made", "cardpkg.models:Computed")
    assert [card.name for card in cards] == ["changed-later", "made", "computed"]


@pytest.mark.parametrize(
    "target", ["no_such_package:X", "cardpkg.nothing:X", "cardpkg.models:Nothing", "cardpkg"]
)
def test_an_import_string_that_leads_nowhere_breaks_the_plugin_with_a_reason(package, target):
    with pytest.raises(PluginError, match="cannot be imported"):
        registered(target)


def test_a_written_card_is_taken_as_it_is_and_nothing_is_read(package):
    (card,) = registered("no_such_package:X", name="x", version="3", prior="told", summary="s")
    assert (card.name, card.version, card.summary) == ("x", "3", "s")
    assert card.details == {"prior": "told"}


def test_keywords_override_the_class(package):
    (card,) = registered("cardpkg.models:Plain", summary="another", equivariant=True)
    assert (card.name, card.summary) == ("plain", "another")
    assert card.details == {"prior": "none", "equivariant": True}


def test_a_second_reading_comes_from_the_cache(package, monkeypatch):
    before = registered("cardpkg.models:Plain", "cardpkg.models:Mixed")
    monkeypatch.setattr(class_reader.Package, "card", None)
    assert registered("cardpkg.models:Plain", "cardpkg.models:Mixed") == before


@pytest.mark.parametrize("file", ["models.py", "bases.py"])
def test_a_changed_file_is_read_again(package, file):
    registered("cardpkg.models:Mixed", "cardpkg.models:Plain")
    text = (package / file).read_text()
    changed = text.replace('"mixed"', '"other"').replace('VERSION = "2"', 'VERSION = "3"')
    (package / file).write_text(changed)
    (card,) = registered("cardpkg.models:Mixed")
    assert (card.name, card.version) == (("other", "2") if file == "models.py" else ("mixed", "3"))


def test_a_card_added_to_the_cache_still_depends_on_the_files_of_the_others(package):
    registered("cardpkg.models:Mixed")
    registered("cardpkg.models:Plain")
    (package / "bases.py").write_text(BASES.replace('"2"', '"4"'))
    (card,) = registered("cardpkg.models:Mixed")
    assert card.version == "4"


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"files": {"/nowhere": "0"}, "cards": {}}'])
def test_a_damaged_cache_is_made_again(package, tmp_path, content):
    before = registered("cardpkg.models:Plain")
    (file,) = (tmp_path / "cache" / "cards").iterdir()
    file.write_text(content)
    assert registered("cardpkg.models:Plain") == before
    assert json.loads(file.read_text().partition("\n")[2])["cards"]


@pytest.mark.parametrize(
    "change",
    [
        lambda cached: [1],
        lambda cached: {"cards": {}},
        lambda cached: {**cached, "cards": dict.fromkeys(cached["cards"], 7)},
        lambda cached: {**cached, "cards": {key: {} for key in cached["cards"]}},
        lambda cached: {
            **cached, "cards": {k: {**c, "version": [1]} for k, c in cached["cards"].items()}
        },
        lambda cached: {**cached, "cards": "abc"},
        lambda cached: {**cached, "files": {"/dev/zero": "0"}},
        lambda cached: {**cached, "files": {**cached["files"], "../../x.py": "0"}},
        lambda cached: {**cached, "files": 3},
    ],
)  # fmt: skip
def test_a_cached_file_of_another_structure_is_made_again(package, tmp_path, change):
    before = registered("cardpkg.models:Plain")
    (file,) = (tmp_path / "cache" / "cards").iterdir()
    whole = file.read_bytes()
    disk_cache.save(file, json.dumps(change(json.loads(whole.partition(b"\n")[2]))).encode())
    assert file.read_bytes() != whole
    assert registered("cardpkg.models:Plain") == before
    assert file.read_bytes() == whole


def test_an_outline_marks_what_is_no_literal(package):
    outline = outline_of("cardpkg.models:Computed")
    assert outline.name is Unreadable
    assert outline.version == "1"


def test_a_plugin_file_may_register_an_import_string(package):
    class Plugin:
        @staticmethod
        @hookimpl
        def symbench_register(registry):
            registry.model("cardpkg.models:Plain")

    registry = Registry()
    registry.add(Plugin, "file", "", "here")
    assert registry.models["plain"].summary == "A perceptron."
