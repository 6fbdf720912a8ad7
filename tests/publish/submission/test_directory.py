"""A publication is written inside its directory only, and compared without waiting."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re

import pytest

from symbench.errors import InputError
from symbench.publish.submission import Submission, differing_files, parse, write
from symbench.publish.submission.readme import earlier_readme

PAGE = b'<meta name="generator" content="symbench">'
SITE = {"index.html": PAGE, "tasks/0123456789ab.html": PAGE}


def test_a_publication_replaces_its_own_files_alone(honest, tmp_path):
    place = tmp_path / "publication"
    names = {path.name for path in write(honest, place)}
    assert names == {
        "README.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.json", "scores.csv",
        "submission.json",
    }  # fmt: skip
    (place / "notes.txt").write_text("kept")
    (place / "README.md").write_text("old")
    write(honest, place)
    assert (place / "notes.txt").read_text() == "kept"
    assert "norms" in (place / "README.md").read_text()
    assert {path.name for path in place.iterdir()} == names | {"notes.txt"}
    assert isinstance(parse((place / "submission.json").read_bytes()), Submission)


def test_a_directory_of_something_else_is_refused(honest, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(InputError, match="holds no submission"):
        write(honest, tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


EDITS = [  # of a published directory that change no result
    ("leaderboard.json", lambda text: json.dumps(json.loads(text), indent=1)),
    ("leaderboard.tex", lambda text: text.replace("% prior:", "% what was known:")),
    ("README.md", lambda text: text.replace("×: error of", "×: the error of")),
]


@pytest.mark.parametrize(("name", "edit"), EDITS, ids=lambda one: str(one)[:20])
def test_files_of_an_earlier_version_are_accepted_if_their_results_are_equal(
    honest, tmp_path, name, edit
):
    write(honest, tmp_path)
    file = tmp_path / name
    text = file.read_text()
    file.write_text(edit(text))
    assert file.read_text() != text
    assert differing_files(honest, tmp_path) == []


def test_the_compact_form_replaces_the_tables_and_the_pages_and_the_tables_replace_it(
    honest, tmp_path
):
    write(honest, tmp_path, SITE)
    (tmp_path / "notes.txt").write_text("kept")
    write(honest, tmp_path, compact={})
    names = {"README.md", "submission.json.gz", "notes.txt"}
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == names
    assert not list((tmp_path / "tasks").iterdir())
    content = gzip.decompress((tmp_path / "submission.json.gz").read_bytes())
    assert content.decode() == honest.to_json()
    assert differing_files(honest, tmp_path) == []
    (tmp_path / "leaderboard.csv").write_text("of something else")
    assert differing_files(honest, tmp_path) == ["leaderboard.csv"]
    write(honest, tmp_path)
    assert not (tmp_path / "submission.json.gz").exists()


def test_the_readme_is_short_and_the_one_of_earlier_versions_is_accepted(honest, tmp_path):
    write(honest, tmp_path, compact={})
    readme = tmp_path / "README.md"
    assert len(readme.read_text().splitlines()) < 35
    assert honest.hashes.whole in readme.read_text()
    readme.write_text(earlier := earlier_readme(honest))
    assert differing_files(honest, tmp_path) == []
    readme.write_text(re.sub(r"\bsmall\b", "large", earlier, count=1))
    assert differing_files(honest, tmp_path) == ["README.md"]
    readme.unlink()
    assert differing_files(honest, tmp_path) == ["README.md"]


@pytest.mark.parametrize(
    "name", ["README.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.json"]
)
def test_a_file_with_another_result_is_named(honest, tmp_path, name):
    write(honest, tmp_path)
    file = tmp_path / name
    said = honest.hashes.whole if name == "README.md" else "small"
    file.write_text(file.read_text().replace(said, "large", 1))
    assert differing_files(honest, tmp_path) == [name]
    file.unlink()
    assert differing_files(honest, tmp_path) == [name]


def test_every_score_of_every_trial_has_a_line_and_declined_cells_have_none(honest, tmp_path):
    write(honest, tmp_path)
    with (tmp_path / "scores.csv").open() as file:
        lines = list(csv.DictReader(file))
    expected = {
        (r.identity.task, r.identity.model, t.n_train, t.seed, score): value
        for r in honest.records for t in r.trials for score, value in t.scores.items()
    }  # fmt: skip
    found = {
        (one["task"], one["model"], int(one["n_train"]), int(one["seed"]), one["score"]):
            float(one["value"])
        for one in lines if one["score"]
    }  # fmt: skip
    assert found == expected
    untrained = {r.identity.model for r in honest.records if not r.trials}
    assert not {one["model"] for one in lines} & untrained


def test_scores_that_differ_are_named_and_those_that_are_not_there_are_of_earlier_versions(
    honest, tmp_path
):
    write(honest, tmp_path)
    file = tmp_path / "scores.csv"
    file.write_text(file.read_text() + "more\n")
    assert differing_files(honest, tmp_path) == ["scores.csv"]
    file.unlink()
    assert differing_files(honest, tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"a": 1, "a": 1}'])
def test_a_hostile_table_is_named_without_harm(honest, tmp_path, content):
    write(honest, tmp_path)
    (tmp_path / "leaderboard.json").write_bytes(content)
    assert differing_files(honest, tmp_path) == ["leaderboard.json"]


@pytest.mark.parametrize("name", ["README.md", "submission.json", "index.html", "tasks"])
def test_a_link_in_the_place_of_a_file_or_folder_is_refused(honest, tmp_path, name):
    publication, outside = tmp_path / "publication", tmp_path / "outside"
    write(honest, publication, SITE)
    if name == "tasks":
        outside.mkdir()
        (outside / "0123456789ab.html").write_text("mine")
        (publication / "tasks" / "0123456789ab.html").unlink()
        (publication / "tasks").rmdir()
    else:
        outside.write_text("mine")
        (publication / name).unlink()
    (publication / name).symlink_to(outside)
    with pytest.raises(InputError, match="is a link or no"):
        write(honest, publication, SITE)
    kept = outside / "0123456789ab.html" if name == "tasks" else outside
    assert kept.read_text() == "mine"


def test_links_under_names_of_temporary_files_are_not_followed(honest, tmp_path):
    publication, outside = tmp_path / "publication", tmp_path / "outside"
    outside.write_text("mine")
    write(honest, publication)
    for name in (".README.md.tmp", "README.md.tmp"):
        (publication / name).symlink_to(outside)
    write(honest, publication)
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("name", ["README.md", "leaderboard.csv"])
def test_a_pipe_in_the_place_of_a_file_makes_nobody_wait(honest, tmp_path, name):
    write(honest, tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    assert differing_files(honest, tmp_path) == [name]
    with pytest.raises(InputError, match="is a link or no file"):
        write(honest, tmp_path)
