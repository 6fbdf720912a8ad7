"""The verb ``new``: a generated plugin package works before it is edited."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from symbench.cli import main
from symbench.cli.new import write
from symbench.errors import InputError
from symbench.testing import Skipped, checks

NAMES = {"model": "tiny-net", "task": "two-vectors", "metric": "worst-error"}


@pytest.mark.parametrize("kind", NAMES)
def test_what_is_written_meets_its_contract(kind, tmp_path):
    name = NAMES[kind]
    directory = write(kind, name, tmp_path)
    module = directory / f"symbench_{name.replace('-', '_')}.py"
    assert len(module.read_text().splitlines()) <= 45
    for check in checks(name, plugin_files=[module], most=2):
        try:
            check()
        except Skipped:
            continue


@pytest.mark.parametrize("kind", NAMES)
def test_the_package_names_its_entry_point(kind, tmp_path):
    name = NAMES[kind]
    project = tomllib.loads((write(kind, name, tmp_path) / "pyproject.toml").read_text())
    module = f"symbench_{name.replace('-', '_')}"
    assert project["project"]["entry-points"]["symbench"] == {module: module}
    assert project["project"]["name"] == f"symbench-{name}"


def test_the_written_test_finds_the_checks(tmp_path):
    directory = write("metric", "worst-error", tmp_path)
    (directory / "conftest.py").write_text(
        "from pathlib import Path\n"
        "import symbench.testing.catalogue as c\n"
        "load = c.load\n"
        "c.load = lambda files=(): load([Path(__file__).parent / 'symbench_worst_error.py'])\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert "4 passed" in result.stdout, result.stdout


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("modle", "a", "unknown kind 'modle'"),
        ("model", "../up", "begin with a letter"),
        ("model", "Upper", "begin with a letter"),
        ("model", "1st", "begin with a letter"),
    ],
)
def test_what_cannot_be_registered_is_not_written(kind, name, message, tmp_path):
    with pytest.raises(InputError, match=message):
        write(kind, name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_existing_directory_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work").write_text("precious")
    with pytest.raises(SystemExit) as end:
        main(["new", "model", "mine", "--to", str(tmp_path)])
    assert end.value.code == 2
    assert "exists" in capsys.readouterr().err
    assert (tmp_path / "mine" / "work").read_text() == "precious"
