"""What a change of source code makes stale."""

from __future__ import annotations

import importlib
import sys

import pytest

from symbench.registry.source_hash import source_sha256

FILES = {
    "__init__.py": "",
    "models.py": "import torch\nfrom . import layers\nclass M(layers.Base):\n    pass\n",
    "layers.py": "def f():\n    from pkg.deep.algebra import x\n\nclass Base:\n    pass\n",
    "deep/__init__.py": "",
    "deep/algebra.py": "from ..constants import x\nimport pkg.models\n",
    "constants.py": "x = 1\n",
    "others.py": "from pkg import models\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        file = tmp_path / "pkg" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path / "pkg"
    forget()


def forget():
    for name in [n for n in sys.modules if n.partition(".")[0] == "pkg"]:
        del sys.modules[name]


def model():
    """Import the model as a new process would."""
    forget()
    return importlib.import_module("pkg.models").M


@pytest.mark.parametrize("file", ["models.py", "layers.py", "deep/algebra.py", "constants.py"])
def test_a_change_of_what_a_model_imports_changes_its_hash(package, file):
    before = source_sha256(model())
    with (package / file).open("a") as source:
        source.write("y = 2\n")
    assert source_sha256(model()) != before


def test_a_comment_a_docstring_or_a_blank_line_leaves_the_hash_alone(package):
    before = source_sha256(model())
    for file in ("models.py", "layers.py", "constants.py"):
        text = (package / file).read_text()
        (package / file).write_text(f'"""Docstring."""\n\n# comment\n{text}')
    assert source_sha256(model()) == before


def test_a_change_of_a_neighbour_leaves_the_hash_alone(package):
    before = source_sha256(model())
    (package / "others.py").write_text("y = 2\n")
    (package / "__init__.py").write_text("cards = ()\n")
    assert source_sha256(model()) == before


def test_an_instance_has_the_hash_of_its_class(package):
    loaded = model()
    assert source_sha256(loaded()) == source_sha256(loaded)


def test_a_class_without_a_file_is_known_by_its_name():
    typed_in = type("Typed", (), {"__module__": "builtins"})
    assert source_sha256(typed_in) == source_sha256(typed_in) != source_sha256(int)
