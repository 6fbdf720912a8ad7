"""A publication is written inside its directory only, and read without waiting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import toys

import symbench
from symbench.errors import InputError
from symbench.publish.submission import differing_files, make, write

SITE = {"index.html": b"<html>", "tasks/0123456789ab.html": b"<html>"}


@pytest.fixture(scope="module")
def submission(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBENCH_PLUGINS", "none")
        records = symbench.run(
            ["norms"], ["declining"], "smoke", tmp_path_factory.mktemp("store"),
            executor="inline", plugin_files=(Path(toys.__file__),), device="cpu",
        ).records  # fmt: skip
    return make(records, "smoke")


@pytest.mark.parametrize("name", ["README.md", "submission.json", "index.html", "tasks"])
def test_a_link_in_the_place_of_a_file_or_folder_is_refused(submission, tmp_path, name):
    publication, outside = tmp_path / "publication", tmp_path / "outside"
    write(submission, publication, SITE)
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
        write(submission, publication, SITE)
    kept = outside / "0123456789ab.html" if name == "tasks" else outside
    assert kept.read_text() == "mine"


def test_links_under_names_of_temporary_files_are_not_followed(submission, tmp_path):
    publication, outside = tmp_path / "publication", tmp_path / "outside"
    outside.write_text("mine")
    write(submission, publication)
    for name in (".README.md.tmp", "README.md.tmp"):
        (publication / name).symlink_to(outside)
    write(submission, publication)
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("name", ["README.md", "leaderboard.csv"])
def test_a_pipe_in_the_place_of_a_file_makes_nobody_wait(submission, tmp_path, name):
    write(submission, tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    assert differing_files(submission, tmp_path) == [name]
    with pytest.raises(InputError, match="is a link or no file"):
        write(submission, tmp_path)
