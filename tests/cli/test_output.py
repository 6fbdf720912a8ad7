"""Standard output belongs to symbench, whatever it is and whatever plugins write to it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest

from symbench.cli.output import coloured, terminal_width

LOUD = """
import atexit, os, sys
os.write(1, b"a library that is loaded\\n")
atexit.register(os.write, 1, b"a library that is unloaded\\n")
sys.__stdout__.write("past every redirection\\n")

import torch
from symbench import Model, hookimpl

class Loud(Model):
    name, version, prior, summary = "loud", "1", "none", "writes to descriptor 1"

    def build(self, problem):
        os.write(1, b"in build\\n")
        return torch.nn.Linear(problem.input_size, problem.output_size)

@hookimpl
def symbench_register(registry):
    registry.model(Loud)
"""
RUN = ("run", "-t", "o5-invariant", "-m", "loud", "--tier", "smoke", "--sizes", "16")


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    file = tmp_path / "loud.py"
    file.write_text(LOUD)
    return file


def symbench(
    *arguments: object, after: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line in a shell, with redirections after it."""
    command = " ".join([sys.executable, "-m", "symbench", *map(str, arguments), after])
    known = {**os.environ, "SYMBENCH_PLUGINS": "symbench_vectors", **environment}
    return subprocess.run(command, shell=True, capture_output=True, env=known, check=False)  # noqa: S602


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_bytes_of_a_plugin_and_its_libraries_do_not_reach_json(
    plugin: Path, tmp_path: Path, executor: str
) -> None:
    done = symbench(
        *RUN, "--json", "--store", tmp_path / "s", "--executor", executor, "--plugin", plugin
    )
    assert [cell["status"] for cell in json.loads(done.stdout)["cells"]] == ["ok"]
    for text in (b"is loaded", b"is unloaded", b"past every", b"in build"):
        assert text in done.stderr


@pytest.mark.slow
def test_bytes_of_a_plugin_do_not_reach_lists_and_csv(plugin: Path, tmp_path: Path) -> None:
    listed = symbench("list", "models", "--json", "--plugin", plugin)
    assert [card["name"] for card in json.loads(listed.stdout)["models"]] == ["loud"]
    symbench(*RUN, "--store", tmp_path / "s", "--plugin", plugin)
    table = symbench(
        "leaderboard", "--store", tmp_path / "s", "--format", "csv", "--plugin", plugin
    )
    (row,) = csv.DictReader(StringIO(table.stdout.decode()))
    assert row["model"] == "loud"


def test_a_terminal_that_is_not_utf_8_gets_question_marks(plugin: Path, tmp_path: Path) -> None:
    done = symbench(*RUN, "--store", tmp_path / "s", "--plugin", plugin, PYTHONIOENCODING="cp1252")
    assert done.returncode == 0
    assert b"loud" in done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ("> /dev/full", b"standard output cannot be written: No space left on device"),
        (">&-", b"standard output is closed"),
    ],
)
def test_output_that_cannot_be_written_is_one_line_and_exit_2(after: str, why: bytes) -> None:
    done = symbench("list", "tasks", after=after)
    assert done.returncode == 2
    assert done.stderr.startswith(b"symbench: error: " + why)
    assert done.stderr.count(b"\n") == 1


def test_a_closed_standard_error_hides_only_messages() -> None:
    done = symbench("list", "tasks", "--json", after="2>&-")
    assert done.returncode == 0
    assert json.loads(done.stdout)["tasks"]


@pytest.mark.parametrize(("term", "expected"), [("dumb", False), ("xterm", True)])
def test_a_dumb_terminal_gets_no_colours(
    monkeypatch: pytest.MonkeyPatch, term: str, expected: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert coloured() is expected


def test_the_width_is_that_of_the_columns_else_120(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    assert terminal_width() == 77
    monkeypatch.setenv("COLUMNS", "wide")
    assert terminal_width() == 120


def test_control_characters_of_a_store_reach_no_refusal_and_no_warning(tmp_path: Path) -> None:
    done = symbench("leaderboard", "--store", "'no\x1b[2Jstore\u202e'")
    assert done.returncode == 2
    assert b"\x1b" not in done.stderr
    assert "\u202e".encode() not in done.stderr
    cells = tmp_path / "cells"
    cells.mkdir()
    (cells / "0123456789abcdef.json").write_text('{"schema": 1, "status": "\x1b[2J\\u001b[2J"}')
    done = symbench("leaderboard", "--store", tmp_path)
    assert b"cannot be used" in done.stderr
    assert b"\x1b" not in done.stderr


def test_a_thread_of_a_plugin_does_not_keep_the_command_from_ending(plugin: Path) -> None:
    plugin.write_text(LOUD + "\nimport threading\nthreading.Timer(60, print).start()\n")
    before = time.monotonic()
    done = symbench("list", "models", "--json", "--plugin", plugin)
    assert time.monotonic() - before < 50
    assert done.returncode == 0
    assert [card["name"] for card in json.loads(done.stdout)["models"]] == ["loud"]
    assert b"is unloaded" in done.stderr
    assert b"a plugin has left threads: Thread-" in done.stderr
