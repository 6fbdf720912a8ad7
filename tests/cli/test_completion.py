"""Shell completion: names come without importing tasks, models or torch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from symbench.cli import completion

CHECK = """
import sys
from symbench.cli import completion
assert completion.tasks("o5-inv") == ["o5-invariant"], completion.tasks("o5-inv")
assert "torch" not in sys.modules
"""


def run(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, **environment},
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("run -t o5-inv", "o5-invariant"),
        ("run --suite vec", "vectors"),
        ("leaderboard -m scalars-20", "scalars-2021"),
        ("show o5-inv", "o5-invariant"),
        ("leaderb", "leaderboard"),
    ],
)
def test_bash_gets_the_names_that_begin_so(typed, completed):
    given = {"_SYMBENCH_COMPLETE": "complete_bash", "COMP_WORDS": f"symbench {typed}"}
    out = run("-m", "symbench", **given, COMP_CWORD=str(len(typed.split())))
    assert out.split() == [completed]


def test_completion_does_not_import_torch():
    run("-c", CHECK, SYMBENCH_PLUGINS="symbench_vectors")  # somebody else's plugin may import it


def test_the_script_for_a_shell_is_shown():
    out = run("-m", "symbench", "--show-completion", "bash",
              _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")  # fmt: skip
    assert "_SYMBENCH_COMPLETE=complete_bash" in out


def test_nothing_is_completed_where_nothing_begins_so():
    assert completion.names("no-such-name") == []
