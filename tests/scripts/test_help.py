"""Every program in scripts/ describes itself and its arguments."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "scripts").glob("*.py"))
SCRIPTS = [file for file in FILES if "__main__" in file.read_text()]  # the others are imported
pytestmark = pytest.mark.skipif(not SCRIPTS, reason="needs the source tree")


def run(script, monkeypatch, *arguments):
    """Run the program in this process; return its exit status."""
    monkeypatch.syspath_prepend(script.parent)
    monkeypatch.setattr(sys, "argv", [str(script), *arguments])
    monkeypatch.syspath_prepend(script.parent)  # as Python does
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    return ended.value.code


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_help_describes_the_program_and_its_arguments(script, monkeypatch, capsys):
    assert run(script, monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    summary = ast.get_docstring(ast.parse(script.read_text())).splitlines()[0]
    assert summary in shown
    undescribed = [
        line
        for line, following in zip(shown.splitlines(), [*shown.splitlines()[1:], ""], strict=True)
        if line.startswith("  -") and "  " not in line.strip() and not following.startswith("   ")
    ]
    assert not undescribed


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"machine_info": 3}'])
def test_performance_refuses_a_file_that_no_benchmark_wrote(tmp_path, monkeypatch, capsys, text):
    (script,) = (script for script in SCRIPTS if script.stem == "performance")
    (tmp_path / "odd.json").write_text(text)
    assert run(script, monkeypatch, str(tmp_path / "odd.json")) == 2
    assert "odd.json is not what --benchmark-json writes" in capsys.readouterr().err
    assert run(script, monkeypatch, str(tmp_path / "none.json")) == 2
    assert "none.json: No such file" in capsys.readouterr().err
