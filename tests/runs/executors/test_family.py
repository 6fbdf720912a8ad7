"""A guardian ends as its child has ended, and leaves nothing that the child has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from mmap import PROT_READ, mmap
from pathlib import Path

import psutil
import pytest
import torch

from symbench.runs.executors.family import kill_family, used_bytes

GUARDIAN = """
import os, signal, sys, time
from symbench.runs.executors.family import adopt, guard, lead

def sleep(alone):
    if os.fork() == 0:
        if alone:
            os.setsid()
        time.sleep(600)
        os._exit(0)

lead()
if child := os.fork():
    guard(child)
adopt()
sleep(alone=False)
sleep(alone=True)
exec(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("os._exit(0)", 0),
        ("os._exit(7)", 7),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN); os.abort()", -signal.SIGABRT),
    ],
)
def test_a_guardian_ends_as_its_child_does_and_leaves_nothing(end, code):
    mark = f"FAMILY_TEST_{os.getpid()}"
    command = [sys.executable, "-c", GUARDIAN, end]
    done = subprocess.run(command, env={**os.environ, mark: "1"}, check=False, timeout=240)
    assert done.returncode == code
    assert left_of(mark) == []


def left_of(mark):
    """The processes with a mark that do not end: what was killed may take a moment."""
    marked = [process for process in psutil.process_iter() if is_marked(process, mark)]
    return psutil.wait_procs(marked, timeout=60)[1]


def is_marked(process, mark):
    try:
        return process.status() != psutil.STATUS_ZOMBIE and mark in process.environ()
    except psutil.Error:
        return False


def test_the_family_of_a_guardian_that_was_killed_is_killed_without_it():
    mark = f"FAMILY_TEST_{os.getpid()}"
    command = [sys.executable, "-c", GUARDIAN, "time.sleep(600)"]
    guardian = subprocess.Popen(command, env={**os.environ, mark: "1"})
    while len(psutil.Process(guardian.pid).children(recursive=True)) < 3:
        assert guardian.poll() is None
    guardian.kill()
    guardian.wait()
    kill_family(guardian.pid)
    assert left_of(mark) == []


@pytest.mark.parametrize("pid", [-1, 0, 1])
def test_the_system_and_the_own_group_are_no_family(pid):
    with pytest.raises(ValueError, match="is no worker"):
        kill_family(pid)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells pages")
def test_memory_is_what_a_process_has_written_and_not_the_libraries_that_it_reads():
    size = 2**26
    files = Path(torch.__file__).parent.rglob("*.so")
    library = max(files, key=lambda file: file.stat().st_size)
    with library.open("rb") as file, mmap(file.fileno(), size, prot=PROT_READ) as pages:
        before = used_bytes({os.getpid()}, 0)
        assert sum(pages[:: 2**12]) > 0  # reads every page
        read = used_bytes({os.getpid()}, 0)
        written = bytearray(b"1" * size)
        assert read - before < size / 2
        assert used_bytes({os.getpid()}, 0) - read > size / 2
    assert used_bytes({os.getpid()}, 1e15) > len(written)
