"""Worker processes keep the memory that they free, and the environment of the run is unchanged."""

from __future__ import annotations

import multiprocessing
import os
import platform
import subprocess
import sys

import pytest

from symbench.runs.executors.allocator import VARIABLES, freed_memory_kept

FAULTS = """
import resource, torch
x = torch.ones(2**18)  # one MiB, eight times what is mapped anew by default
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    y = x + 1
    z = y + x
    del y, z
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
FORKED = f"""
import multiprocessing
from symbench.runs.executors.allocator import freed_memory_kept
def count():
    exec({FAULTS!r})
if __name__ == "__main__":
    process = multiprocessing.get_context("forkserver").Process(target=count)
    with freed_memory_kept():
        process.start()
    process.join()
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the variables")


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def faults(program: str = FAULTS) -> int:
    """Return the number of page faults of a program in a new process."""
    command = [sys.executable, "-c", program]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@glibc
def test_freed_memory_is_used_again_without_a_page_fault(monkeypatch):
    with freed_memory_kept():
        kept = faults()
    # the default threshold, set so that it stays: glibc raises it as large blocks are freed
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(2**17))
    returned = faults()
    assert returned >= 200 * 2 * 256, "two tensors of 256 pages in each round"
    assert kept < returned / 20, "both are touched for the first time only once"


@glibc
@pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="needs a fork server"
)
def test_a_fork_server_hands_the_setting_on_to_its_children(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(FORKED)
    ran = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, env=os.environ
    )
    assert int(ran.stdout) < 200 * 2 * 256 / 20


def test_the_variables_are_set_only_within_the_context():
    before = dict(os.environ)
    with freed_memory_kept():
        assert {name: os.environ[name] for name in VARIABLES} == VARIABLES
    assert dict(os.environ) == before
    with pytest.raises(KeyboardInterrupt), freed_memory_kept():
        raise KeyboardInterrupt
    assert dict(os.environ) == before


def test_a_value_that_the_user_has_set_is_respected(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    with freed_memory_kept():
        assert os.environ["MALLOC_TRIM_THRESHOLD_"] == "65536"
        assert os.environ["MALLOC_MMAP_THRESHOLD_"] == VARIABLES["MALLOC_MMAP_THRESHOLD_"]
    assert os.environ["MALLOC_TRIM_THRESHOLD_"] == "65536"
    assert "MALLOC_MMAP_THRESHOLD_" not in os.environ
