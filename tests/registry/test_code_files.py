"""Which files of a plugin count: whatever its class imports or reads, and nothing else."""

from __future__ import annotations

import sys

import pytest

from symbench import registry
from symbench.registry import code_files
from symbench.registry.source_hash import model_sha256, source_sha256

MODEL = """
{imports}
from symbench import Model, hookimpl

class Mine(Model):
    "A model."
    name, version, prior = "mine", "1", "none"
    {attributes}

    def build(self, problem):
        {build}

@hookimpl
def symbench_register(registry):
    registry.model(Mine)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a helper, a data file and a bystander, on the path of imports."""
    (tmp_path / "helper_beside.py").write_text("width = 8\n")
    (tmp_path / "bystander.py").write_text("width = 8\n")
    (tmp_path / "weights.json").write_text("[1]")
    (tmp_path / "results.json").write_text("[1]")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "deep.csv").write_text("1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    yield tmp_path
    for name in ("helper_beside", "bystander", "own_pack"):
        sys.modules.pop(name, None)


def digest(folder, imports="", attributes="", build="pass"):
    """The hash of a model in a plugin file, as a process of its own would compute it."""
    for cached in (code_files._home, code_files._files_below, code_files._plugin_modules):
        cached.cache_clear()
    for name in [n for n in sys.modules if n.startswith("symbench_plugin_file_")]:
        del sys.modules[name]
    file = folder / "mine.py"
    text = MODEL.format(imports=imports, attributes=attributes, build=build)
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
    return source_sha256(registry.load([file]).model("mine"))


@pytest.mark.parametrize(
    ("changed", "how"),
    [
        ("helper_beside.py", {"imports": "import helper_beside"}),
        ("helper_beside.py", {"build": "from helper_beside import width"}),
        ("helper_beside.py", {"build": "__import__('helper_' + 'beside')"}),
        ("weights.json", {"build": "open(__file__ + '/../weights.json')"}),
        ("weights.json", {"build": "open(name + '.json')"}),
        ("tables/deep.csv", {"build": "open(here / 'tables' / 'deep.csv')"}),
        ("tables/deep.csv", {"build": "open('tables/deep.csv')"}),
        ("tables/deep.csv", {"build": "(here / 'tables').glob('*.csv')"}),
    ],
    ids=str,
)
def test_what_a_plugin_file_imports_or_names_counts(folder, changed, how):
    before = digest(folder, **how)
    assert digest(folder, **how) == before
    file = folder / changed
    file.write_text(file.read_text().replace("8", "256").replace("1", "2"))
    assert digest(folder, **how) != before


def test_other_files_beside_a_plugin_file_do_not_count(folder):
    how = {"imports": "import helper_beside", "build": "open('weights.json')"}
    before = digest(folder, **how)
    (folder / "bystander.py").write_text("width = 9\n")
    (folder / "results.json").write_text("[2]")
    (folder / "new.py").write_text("")
    assert digest(folder, **how) == before


@pytest.fixture
def package(folder):
    """A package with a model's module, another module, and data."""
    pack = folder / "own_pack"
    (pack / "data").mkdir(parents=True)
    (pack / "__init__.py").write_text("")
    (pack / "extra.py").write_text("x = 1\n")
    (pack / "data" / "law.json").write_text("[1]")
    (pack / "data" / "README.md").write_text("notes")
    return pack


def of_package(package, source):
    import importlib

    for cached in (code_files._home, code_files._files_below):
        cached.cache_clear()
    (package / "models.py").write_text(source)
    for name in [n for n in sys.modules if n.partition(".")[0] == "own_pack"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return source_sha256(importlib.import_module("own_pack.models").M)


def test_the_data_files_of_a_package_count(package):
    before = of_package(package, "class M: pass\n")
    (package / "data" / "README.md").write_text("other notes")
    (package / "data" / ".hidden.json").write_text("[1]")
    assert of_package(package, "class M: pass\n") == before
    (package / "data" / "law.json").write_text("[2]")
    changed = of_package(package, "class M: pass\n")
    (package / "data" / "law.json").rename(package / "data" / "other.json")
    assert len({before, changed, of_package(package, "class M: pass\n")}) == 3


def test_modules_of_a_package_that_are_imported_by_name_count(package):
    named = "import importlib\nclass M:\n    load = importlib.import_module\n"
    before = of_package(package, "class M: pass\n"), of_package(package, named)
    (package / "extra.py").write_text("x = 2\n")
    after = of_package(package, "class M: pass\n"), of_package(package, named)
    assert after[0] == before[0]
    assert after[1] != before[1]


@pytest.mark.parametrize("entry", ["[symbench]\nmine = main_pack\n", "[console_scripts]\n"])
def test_every_module_of_an_installed_plugin_counts_but_not_other_packages(
    tmp_path, monkeypatch, entry
):
    site = tmp_path / "site-packages"
    info = site / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text(entry)
    (info / "RECORD").write_text("own_pack/__init__.py,,\nown_pack/models.py,,\nsecond_top.py,,\n")
    (site / "own_pack").mkdir()
    (site / "own_pack" / "__init__.py").write_text("")
    (site / "second_top.py").write_text("x = 1\n")
    (site / "foreign_top.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(site)
    source = "import second_top, foreign_top\nclass M: pass\n"
    code_files._plugin_modules.cache_clear()
    before = of_package(site / "own_pack", source)
    (site / "foreign_top.py").write_text("x = 2\n")
    assert of_package(site / "own_pack", source) == before
    (site / "second_top.py").write_text("x = 2\n")
    code_files._plugin_modules.cache_clear()
    assert (of_package(site / "own_pack", source) != before) is ("[symbench]" in entry)
    for name in ("own_pack.models", "own_pack", "second_top", "foreign_top"):
        sys.modules.pop(name, None)


def test_a_helper_that_cannot_be_parsed_counts_too(folder):
    how = {"build": "import helper_beside"}
    (folder / "helper_beside.py").write_text("def broken(:\n")
    before = digest(folder, **how)
    (folder / "helper_beside.py").write_text("def other(:\n")
    assert digest(folder, **how) != before


# Backbones


def backbone_registry(folder, width):
    part = folder / f"part{width}.py"
    text = MODEL.format(imports="", attributes=f"width = {width}", build="pass")
    part.write_text(text.replace('"mine"', '"part"'))
    whole = folder / "mine.py"
    whole.write_text(MODEL.format(imports="", attributes='backbones = ("part",)', build="pass"))
    return registry.load([part, whole])


def test_a_change_of_a_backbone_changes_the_model(folder):
    small, wide = (backbone_registry(folder, width) for width in (8, 256))
    one, other = (model_sha256(known, known.model("mine")()) for known in (small, wide))
    assert one != other
    assert source_sha256(small.model("mine")) == source_sha256(wide.model("mine"))
    assert model_sha256(small, small.model("part")()) == source_sha256(small.model("part"))


def test_a_backbone_that_is_not_registered_is_no_error(folder):
    backbone_registry(folder, 8)
    alone = registry.load([folder / "mine.py"])
    assert len(model_sha256(alone, alone.model("mine")())) == 64


def test_every_backbone_that_a_built_in_model_uses_is_declared(monkeypatch):
    monkeypatch.delenv("SYMBENCH_PLUGINS", raising=False)
    known = registry.load()
    declared = {
        name: known.model(name)().backbones
        for name in known.models
        if known.model(name)().backbones
    }
    assert declared.items() >= {
        "node-mlp": ("mlp",), "hnn-emlp": ("emlp",), "hnn-scalars": ("scalars",),
        "liegan": ("mlp",), "augerino": ("cnn", "mlp"),
    }.items()  # fmt: skip
    assert {part for parts in declared.values() for part in parts} <= set(known.models)
