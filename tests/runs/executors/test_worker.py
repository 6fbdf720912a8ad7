"""A worker says nothing when the command that started it has ended."""

from __future__ import annotations

import subprocess
import sys

from symbench.runs.executors.server import worker_variables

ORPHAN = """
import multiprocessing, types
from symbench.runs.executors.worker import work

ours, theirs = multiprocessing.Pipe(duplex=False)
ours.close()
work(theirs, types.SimpleNamespace(environment={}, start_method="fork", threads=1, place=None))
"""


def test_a_worker_whose_record_nobody_reads_ends_in_silence():
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_worker_gets_the_gpus_of_the_process_that_starts_it(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert worker_variables()["CUDA_VISIBLE_DEVICES"] == "1"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert worker_variables()["CUDA_VISIBLE_DEVICES"] is None
