"""`symbench leaderboard --figures`: what a discoverer has learned, drawn."""

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


def call(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["leaderboard", "--store", "results", *arguments, "--plugin", toys.__file__])
    return end.value.code


def test_a_figure_is_drawn_for_each_record_with_generators(results, capsys):
    assert call("--figures", "drawn") == 0
    (figure,) = Path("drawn").iterdir()
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert (results / "cells" / f"{figure.stem}.safetensors").is_file()
    caught = capsys.readouterr()
    assert "1 figure of learned generators in drawn" in caught.err
    assert "finding" in caught.out


def test_what_is_not_shown_is_not_drawn(results):
    assert call("-m", "small", "--figures", "drawn") == 0
    assert not list(Path("drawn").iterdir())


def test_a_directory_that_cannot_be_made_is_bad_input(results, capsys):
    Path("taken").write_text("")
    assert call("--figures", "taken") == 2
    assert "choose another --figures DIR" in capsys.readouterr().err


def test_a_damaged_file_is_named_and_the_rest_is_shown(results, capsys):
    (damaged,) = (results / "cells").glob("*.safetensors")
    damaged.write_bytes(b"none")
    assert call("--figures", "drawn") == 0
    caught = capsys.readouterr()
    assert damaged.name in caught.err
    assert "finding" in caught.out
