"""Options are resolved for the machine that they are used on."""

from __future__ import annotations

import psutil
import pytest

from symbench.runs import options
from symbench.runs.options import Options


@pytest.mark.parametrize(("device", "memory"), [("cpu", 0.9), ("cuda", 4.0)])
def test_a_cell_on_a_gpu_has_memory_for_the_libraries_of_cuda(device, memory, monkeypatch):
    monkeypatch.setattr(options, "resolve_device", lambda _: device)
    whole = psutil.virtual_memory()._replace(total=16 * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: whole)
    assert Options(jobs=16).on_this_machine().memory == pytest.approx(memory)
    assert Options(jobs=16, memory=1.5).on_this_machine().memory == 1.5
