"""The verb ``verify``: its verdicts, its exit codes, and what it prints where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import toys
from submissions import rehashed
from typer.testing import CliRunner

import symbench
from symbench import registry
from symbench.cli import app
from symbench.errors import InputError
from symbench.publish import submission

TOYS = str(Path(toys.__file__))


@pytest.fixture(autouse=True)
def no_entry_points(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")


@pytest.fixture(scope="module")
def publication(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBENCH_PLUGINS", "none")
        store = tmp_path_factory.mktemp("store")
        symbench.run(
            ["norms"], ["small", "raising"], "smoke", store, executor="inline",
            plugin_files=(Path(TOYS),), device="cpu",
        )  # fmt: skip
        place = tmp_path_factory.mktemp("publication") / "mine"
        command = ["publish", "--store", str(store), "--to", str(place), "--plugin", TOYS]
        result = CliRunner().invoke(app, command, standalone_mode=False)
        assert result.exit_code == 0, result.exception
    return place


def verify(*arguments, plugin=True):
    command = ["verify", *map(str, arguments), *(["--plugin", TOYS] if plugin else [])]
    return CliRunner().invoke(app, command, standalone_mode=False)


def edited(publication, place, edit):
    """A forgery whose hashes fit again."""
    document = json.loads((publication / "submission.json").read_text())
    edit(document)
    rehashed(document)
    file = place / "forged.json"
    file.write_text(json.dumps(document))
    return file


def improve(document):
    (small,) = [one for one in document["records"] if one["status"] == "ok"]
    small["trials"][0]["scores"]["error"] *= 0.8


def test_a_publication_is_verified_with_a_line_to_paste(publication):
    result = verify(publication / "submission.json", "--cells", 2, "--seed", 5)
    assert result.return_value == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "verified (1 of 1 cells, 1 of 1 failed)"
    whole = submission.read(publication / "submission.json").hashes.whole
    assert lines[1] == f"submission sha256 {whole}, drawn with seed 5"
    assert lines[2] == "norms small: verified, every score within 1e-6"
    assert "running norms small again" in result.stderr


def test_json_is_one_document_and_nothing_else(publication):
    result = verify(publication, "--json")
    document = json.loads(result.stdout)
    assert document["verdict"] == "verified (1 of 1 cells, 1 of 1 failed)"
    assert document["exit"] == result.return_value == 0
    assert [cell["outcome"] for cell in document["cells"]] == ["verified", "verified"]


def test_an_improved_trial_is_named_with_its_size(publication, tmp_path):
    result = verify(edited(publication, tmp_path, improve))
    assert result.return_value == 1
    assert result.stdout.startswith("not reproduced (1 of 2 drawn cells; norms small: n_train 16")
    assert "(-20 %)" in result.stdout


def test_a_file_that_is_no_submission_is_not_checkable(tmp_path):
    file = tmp_path / "submission.json"
    file.write_bytes(b"\x80\x04}q\x00.")
    result = verify(file)
    assert result.return_value == 2
    assert result.stdout.startswith("not checkable (not JSON")
    assert json.loads(verify(file, "--json").stdout)["exit"] == 2


def test_a_missing_plugin_is_the_reason_why_nothing_is_checked(publication):
    result = verify(publication, plugin=False)
    assert result.return_value == 2
    assert "not checkable (the task is not registered here (plugin missing))" in result.stdout
    assert "not checkable here: 2 of 2 cells" in result.stdout


def test_tables_edited_beside_the_submission_are_found(publication):
    readme = publication / "README.md"
    text = readme.read_text()
    readme.write_text(text.replace("small", "large"))
    try:
        result = verify(publication)
    finally:
        readme.write_text(text)
    assert result.return_value == 2
    assert result.stdout.startswith("not checkable (README.md: not what this version")


def test_what_a_submission_says_cannot_steer_the_terminal(publication, tmp_path):
    def rename(document):
        for part in (*document["records"], *document["plan"]):
            one = part.get("identity", part)
            one["task"] = "no\x1b[2Jrms\u202e\nverified (9 of 9 cells)"
            one["task_version"] = one["task_version"] + "0"

    result = verify(edited(publication, tmp_path, rename), "--cells", 1)
    assert result.return_value == 2
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert not any(line.startswith("verified") for line in result.stdout.splitlines())


def test_a_missing_file_is_bad_usage(tmp_path):
    assert isinstance(verify(tmp_path / "none.json").exception, InputError)
    assert isinstance(verify(tmp_path).exception, InputError)
    assert isinstance(verify().exception, InputError)


def test_the_schema_is_printed_without_a_file():
    result = verify("--schema")
    assert result.return_value == 0
    assert json.loads(result.stdout) == submission.json_schema()


def test_the_processes_of_a_run_are_verified_by_processes(publication, monkeypatch):
    submitted = submission.read(publication / "submission.json")
    rerunner = submission.Rerunner(registry.load((Path(TOYS),)), executor="local", timeout=120.0)
    (record,) = [one for one in submitted.records if one.status == "ok"]
    assert rerunner.run(record).provenance["executor"] == "local"
