"""The verb ``plot``: charts of stored records as files, and their index."""

from __future__ import annotations

from pathlib import Path

import pytest
import toys

import symbench
from symbench.cli import main


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    monkeypatch.chdir(tmp_path)
    plugin = (Path(toys.__file__),)
    symbench.run(["norms"], ["small", "finding"], "smoke", "results", plugin_files=plugin)
    return tmp_path / "results"


def plot(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["plot", "--store", "results", *arguments, "--plugin", toys.__file__])
    return end.value.code


def test_each_task_has_a_chart_in_each_format_and_a_line_in_the_index(results, capsys):
    assert plot("-t", "norms", "--to", "charts/new", "--format", "svg,png") == 0
    files = sorted(Path("charts/new").iterdir())
    assert [file.name for file in files] == ["norms.png", "norms.svg"]
    assert files[0].read_bytes().startswith(b"\x89PNG")
    assert ">finding" in files[1].read_text()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [str(files[1]), str(files[0])]
    assert all("norms, smoke tier" in line for line in lines)


def test_models_and_scores_are_chosen(results, capsys):
    assert plot("-m", "small", "--score", "equivariance_error", "--to", "charts") == 0
    text = Path("charts/norms.svg").read_text()
    assert ">small" in text
    assert ">finding" not in text
    assert "equivariance_error" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "c", "--format", "pdf"], "--format 'pdf': choose svg, png or svg,png"),
        (["--to", "c", "-t", "norm"], "no task with results matches -t: choose one of norms"),
        (["--to", "c", "-m", "smal"], "no model with results on these tasks matches -m"),
        (["--to", "c", "--score", "eror"], "nothing to draw: no smoke record of these tasks has"),
        (["--to", "taken"], "cannot draw into 'taken'"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(results, capsys, arguments, message):
    Path("taken").write_text("")
    assert plot(*arguments) == 2
    caught = capsys.readouterr().err
    assert message in caught
    assert not Path("c").exists()
