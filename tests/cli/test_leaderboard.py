"""The verb ``leaderboard``: formats, merged stores, stale records, and drawn generators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import toys

import symbench
from symbench.cli import main
from symbench.records.store import Store


def test_the_leaderboard_merges_stores(call: Any, stored: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    stored(tmp_path / "b", "other")
    stores = ["--store", str(tmp_path / "a"), "--store", str(tmp_path / "b")]
    document = json.loads(call("leaderboard", *stores, "--json", with_plugin=False).out)
    assert [row["model"] for row in document["rows"]] == ["other", "wide"]
    chosen = call("leaderboard", *stores, "-m", "oth*", "--format", "json", with_plugin=False)
    assert [row["model"] for row in json.loads(chosen.out)["rows"]] == ["other"]


@pytest.mark.parametrize("form", ["table", "md", "html", "latex", "csv", "json"])
def test_the_leaderboard_is_printed_in_every_format(
    call: Any, stored: Any, tmp_path: Path, form: str
) -> None:
    stored(tmp_path / "a")
    done = call("leaderboard", "--store", str(tmp_path / "a"), "--format", form, with_plugin=False)
    assert done.code == 0
    assert "wide" in done.out
    assert "\x1b" not in done.out


def test_a_pattern_that_matches_no_stored_cell_is_an_error(
    call: Any, stored: Any, tmp_path: Path
) -> None:
    stored(tmp_path / "a")
    done = call("leaderboard", "--store", str(tmp_path / "a"), "-t", "x", with_plugin=False)
    assert done.code == 2
    assert "its tasks are length" in done.err


def test_a_record_of_changed_data_is_stale(call: Any, stored: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    document = json.loads(call("leaderboard", "--store", str(tmp_path / "a"), "--json").out)
    assert document["rows"][0]["status"] == "stale"
    assert document["coverage"]["stale"] == 1


@pytest.mark.parametrize(
    "options", [["--json"], ["--summary", "--json"], ["--discovery", "--json"]]
)
def test_what_a_plugin_prints_when_it_is_asked_for_staleness_goes_to_stderr(
    call: Any, stored: Any, plugin: str, tmp_path: Path, options: list[str]
) -> None:
    stored(tmp_path / "a")
    source = Path(plugin).read_text()
    loud = 'def __init__(self):\n        print("looking for data")\n\n    def sample('
    Path(plugin).write_text(source.replace("def sample(", loud))
    done = call("leaderboard", "--store", str(tmp_path / "a"), *options)
    assert done.code == 0
    assert json.loads(done.out)["tier"] == "quick"
    assert "looking for data" in done.err


def test_a_truncated_record_is_named_and_the_rest_shown(
    call: Any, stored: Any, tmp_path: Path
) -> None:
    stored(tmp_path / "a")
    (tmp_path / "a" / "cells" / ("0" * 16 + ".json")).write_text('{"schema": 1')
    done = call("leaderboard", "--store", str(tmp_path / "a"), "--json", with_plugin=False)
    assert done.code == 0
    assert len(json.loads(done.out)["rows"]) == 1
    assert len(Store(tmp_path / "a").set_aside()) == 1


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    monkeypatch.chdir(tmp_path)
    plugin = (Path(toys.__file__),)
    symbench.run(["norms"], ["small", "finding"], "smoke", "results", plugin_files=plugin)
    return tmp_path / "results"


def draw(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["leaderboard", "--store", "results", *arguments, "--plugin", toys.__file__])
    return end.value.code


def test_a_figure_is_drawn_for_each_record_with_generators(results, capsys):
    assert draw("--figures", "drawn") == 0
    (figure,) = Path("drawn").iterdir()
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert (results / "cells" / f"{figure.stem}.safetensors").is_file()
    caught = capsys.readouterr()
    assert "1 figure of learned generators in drawn" in caught.err
    assert "finding" in caught.out


def test_what_is_not_shown_is_not_drawn(results):
    assert draw("-m", "small", "--figures", "drawn") == 0
    assert not list(Path("drawn").iterdir())


def test_a_directory_that_cannot_be_made_is_bad_input(results, capsys):
    Path("taken").write_text("")
    assert draw("--figures", "taken") == 2
    assert "choose another --figures DIR" in capsys.readouterr().err


def test_a_damaged_file_is_named_and_the_rest_is_shown(results, capsys):
    (damaged,) = (results / "cells").glob("*.safetensors")
    damaged.write_bytes(b"none")
    assert draw("--figures", "drawn") == 0
    caught = capsys.readouterr()
    assert damaged.name in caught.err
    assert "finding" in caught.out


def test_two_tables_at_once_are_refused(call: Any, stored: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    done = call("leaderboard", "--store", str(tmp_path / "a"), "--summary", "--discovery")
    assert done.code == 2
    assert "give one of them" in done.err
