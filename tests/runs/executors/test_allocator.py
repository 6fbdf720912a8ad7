import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from symbench.execute.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
x = torch.ones(2**18)  # one MiB, eight times what is mapped anew by default
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    y = x + 1
    z = y + x
    del y, z
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Page faults, with the threshold fixed: left alone, it rises by itself as blocks are freed."""
    fixed = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**17)}
    command = [sys.executable, "-c", FAULTS, how]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=fixed)
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator alone is tuned")
def test_freed_memory_is_used_again_without_a_page_fault():
    kept, returned = faults("keep"), faults("leave")
    assert returned >= 200 * 2 * 256, "two tensors of 256 pages in each round"
    assert kept < returned / 20, "both touched once, wherever they come to lie"
