"""What happens where the peer's environment cannot be made, or its process ends."""

from __future__ import annotations

import subprocess
import sys

import pytest
from benchmarks.peers import environment


def test_a_missing_python_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda _: None)
    with pytest.raises(environment.PeerMissingError, match=environment.PYTHON):
        environment.interpreter(tmp_path)


def test_an_installation_that_fails_says_why_and_does_not_count(tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, stderr="warning\nno such version\n")
    monkeypatch.setattr(environment.subprocess, "run", lambda *_, **__: failed)
    monkeypatch.setattr(environment.shutil, "which", lambda _: "python")
    for _ in range(2):
        with pytest.raises(environment.PeerMissingError, match="no such version"):
            environment.interpreter(tmp_path)


def test_a_process_that_has_ended_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "interpreter", lambda _: "true")
    with (
        environment.Peer(tmp_path, tmp_path / "none.npz") as ended,
        pytest.raises(environment.PeerMissingError, match="mlp"),
    ):
        ended("mlp 384 500")


def test_a_process_that_meets_its_limit_says_so_and_is_started_again(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal\n"
        "for line in iter(input, ''):\n"
        "    if line == 'long':\n"
        "        os.kill(os.getpid(), signal.SIGPROF)\n"
        "    print('{\"dimension\": 3}', flush=True)\n"
    )
    monkeypatch.setattr(environment, "interpreter", lambda _: sys.executable)
    monkeypatch.setattr(environment, "SCRIPT", script)
    with environment.Peer(tmp_path, tmp_path / "none.npz") as peer:
        assert peer("long") == {"error": environment.OUT_OF_TIME}
        assert peer("short") == {"dimension": 3}
