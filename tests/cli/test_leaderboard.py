"""The verb ``leaderboard``: formats, merged stores, stale records, and drawn generators."""

from __future__ import annotations

import csv
import json
from io import StringIO
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
    assert figure.name == "norms.finding.png"
    caught = capsys.readouterr()
    assert "1 figure of learned generators in drawn" in caught.err
    assert f"{figure}  norms · finding · n = " in caught.err
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


def test_a_board_shows_its_question_and_ranks_what_the_store_has(
    call: Any, stored: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path / "a", protocol={"chance_error": 1.0})
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("symbench.cli.sources.Records.staleness", lambda *_: lambda _: False)
    done = call("leaderboard", "--store", str(tmp_path / "a"), "--board", "closest")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "Which is closest? closest · quick · 1 tasks"
    assert lines[2].split() == ["#", "model", "prior", "own", "all", "without"]
    assert lines[4].split()[:4] == ["*", "wide", "none", "0.067"]  # two seeds are too few
    assert max(map(len, lines)) <= 80


def test_a_board_that_is_not_registered_is_an_error_with_a_suggestion(
    call: Any, stored: Any, tmp_path: Path
) -> None:
    stored(tmp_path / "a")
    done = call("leaderboard", "--store", str(tmp_path / "a"), "--board", "closes")
    assert (done.code, "did you mean closest?" in done.err) == (2, True)
    done = call("leaderboard", "--store", str(tmp_path / "a"), "--board", "closest", "-t", "length")
    assert (done.code, "--board has its own tasks" in done.err) == (2, True)


def test_two_tables_at_once_are_refused(call: Any, stored: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    done = call("leaderboard", "--store", str(tmp_path / "a"), "--summary", "--discovery")
    assert done.code == 2
    assert "give one of them" in done.err


@pytest.fixture
def published(call: Any, stored: Any, tmp_path: Path) -> Path:
    """A publication of two models, made from a store."""
    for model in ("wide", "other"):
        stored(tmp_path / "a", model)
    place = tmp_path / "lab"
    store = str(tmp_path / "a")
    done = call("publish", "--store", store, "--to", str(place), "--no-site", with_plugin=False)
    assert done.code == 0, done.err
    return place


def test_a_publication_is_a_store_to_read_from(call: Any, published: Path) -> None:
    done = call("leaderboard", "--store", str(published), "--json")
    document = json.loads(done.out)
    assert [row["status"] for row in document["rows"]] == ["ok", "ok"]  # not stale: as published
    assert "is shown as published" in done.err


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (".", "is neither a store nor a publication, but its folders are: give a"),
        ("empty", "is neither a store (no folder cells/) nor a publication"),
        ("begun", "has no usable record: fill it with `symbench run"),
        ("a/cells", "is a folder inside a store: give a"),
        ("nowhere", "no store at 'nowhere'"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--summary"], ["--discovery"]])
def test_a_place_without_records_is_an_error_with_a_way_out(
    call: Any, stored: Any, tmp_path: Path, path: str, words: str, more: list[str]
) -> None:
    stored(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    (tmp_path / "begun" / "cells").mkdir(parents=True)
    done = call("leaderboard", "--store", path, *more, with_plugin=False)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_tier_without_records_is_an_error_that_names_those_with_records(
    call: Any, stored: Any, tmp_path: Path
) -> None:
    stored(tmp_path / "a")
    done = call("leaderboard", "--store", "a", "--tier", "full", with_plugin=False)
    assert done.code == 2
    assert "no full record in 'a': give --tier quick (1)" in done.err


def test_columns_are_chosen_by_score_or_heading(call: Any, stored: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    options = ["leaderboard", "--store", "a", "--format", "md", "--columns"]
    done = call(*options, "n to solve,error", with_plugin=False)
    assert "| model   |   n to solve |" in done.out
    wrong = call(*options, "n_to_treshold", with_plugin=False)
    assert wrong.code == 2
    assert "did you mean n_to_threshold" in wrong.err
    board = call(*options, "error", "--summary", with_plugin=False)
    assert board.code == 2


def test_the_summary_is_printed_as_csv(call: Any, stored: Any, tmp_path: Path) -> None:
    record = stored(tmp_path / "x")
    protocol = {**record.identity.protocol, "chance_error": 1.0}
    for model in ("wide", "other"):
        identity = record.identity.model_copy(update={"protocol": protocol, "model": model})
        Store(tmp_path / "a").write(record.model_copy(update={"identity": identity}))
    options = ["--store", "a", "--summary", "--format", "csv"]
    done = call("leaderboard", *options, with_plugin=False)
    assert done.code == 0
    lines = list(csv.DictReader(StringIO(done.out)))
    assert [one["model"] for one in lines] == ["other", "wide"]
    assert float(lines[0]["iqm.value"]) > 0
    assert (lines[0]["rank_low"], lines[0]["tasks"], lines[0]["seeds"]) == ("", "1", "2")
