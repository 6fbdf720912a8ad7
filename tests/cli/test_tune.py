"""The verb ``tune``: its table, its JSON, its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import toys
from typer.testing import CliRunner

from symbench.cli import app
from symbench.errors import InputError

pytest.importorskip("optuna")
PLUGIN = str(Path(toys.__file__))


@pytest.fixture(autouse=True)
def no_entry_points(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")


def tune(store, *arguments):
    fixed = ["--store", str(store), "--plugin", PLUGIN, "--tier", "smoke", "--seeds", "1"]
    return CliRunner().invoke(app, ["tune", *arguments, *fixed], standalone_mode=False)


def test_every_pair_gets_the_same_budget(tmp_path):
    result = tune(tmp_path, "small", "told", "-t", "norms", "--attempts", "2", "--json")
    document = json.loads(result.stdout)
    assert [(s["model"], s["trials"]) for s in document["searches"]] == [("small", 2), ("told", 2)]
    assert all(s["loss"] <= s["untuned_loss"] for s in document["searches"])
    assert document["exit"] == 0
    assert result.return_value == 0
    assert "small on norms: attempt 2 of 2" in result.stderr


def test_the_table_says_what_changed(tmp_path):
    result = tune(tmp_path, "small", "-t", "norms", "--trials", "3")
    heading, line, *_ = result.stdout.splitlines()
    assert heading.split()[:3] == ["task", "model", "attempts"]
    assert line.split()[:3] == ["norms", "small", "3"]


def test_the_earlier_name_of_the_option_still_works(tmp_path):
    result = tune(tmp_path, "small", "-t", "norms", "--trials", "1", "--json")
    assert json.loads(result.stdout)["trials"] == 1


def test_a_model_that_always_fails_is_shown_and_exits_with_1(tmp_path):
    result = tune(tmp_path, "wrong-shape", "-t", "norms", "--attempts", "1")
    assert "failed" in result.stdout
    assert "ShapeError" in result.stderr
    assert result.return_value == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["small"], "tune what on"),
        (["small", "-t", "nothing"], "nothing"),
        (["nobody", "-t", "norms"], "nobody"),
        (["small", "-t", "norms", "--attempts", "0"], "--attempts 0"),
        (["small", "-t", "norms", "--device", "tpu"], "unknown device"),
    ],
)
def test_bad_input_is_refused_and_named(tmp_path, arguments, message):
    result = tune(tmp_path, *arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
