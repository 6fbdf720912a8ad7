"""The pytest plugin claims nothing of the tests of others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STRANGER = """
import pytest

@pytest.fixture
def promise():
    return 1

def test_with_a_fixture_of_its_own(promise):
    assert promise == 2

@pytest.mark.parametrize("promise", [2])
def test_with_a_parameter_of_its_own(promise):
    assert promise == 2
"""
MARKED = """
import pytest

@pytest.mark.symbench("o5-invariant")
def test_the_task_keeps_every_promise(promise):
    promise()
"""


def pytest_on(tmp_path: Path, source: str) -> str:
    (tmp_path / "test_it.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", tmp_path],
        check=False, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


def test_a_fixture_that_is_called_promise_stays_its_owners(tmp_path: Path) -> None:
    assert pytest_on(tmp_path, STRANGER).startswith("1 failed, 1 passed")


def test_a_marked_test_runs_once_for_every_check(tmp_path: Path) -> None:
    last = pytest_on(tmp_path, MARKED)
    assert "failed" not in last
    assert "passed" in last
