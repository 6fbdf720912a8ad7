"""A plugin leaves the settings of the process as they were, or is named."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from symbench.registry import load
from symbench.registry.settings import Snapshot, guarded


def _mask():
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


CHANGES = {
    "default dtype": (
        lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype,
    ),
    "number of threads": (
        lambda: torch.set_num_threads(torch.get_num_threads() + 1), torch.get_num_threads,
    ),
    "default device": (
        lambda: torch.set_default_device("meta"), lambda: str(torch.get_default_device()),
    ),
    "deterministic flags": (
        lambda: torch.use_deterministic_algorithms(True, warn_only=True),
        torch.are_deterministic_algorithms_enabled,
    ),
    "precision of torch's matrix products": (
        lambda: torch.set_float32_matmul_precision("medium"), torch.get_float32_matmul_precision,
    ),
    "gradient mode": (lambda: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "print options": (
        lambda: torch.set_printoptions(precision=9), lambda: str(torch.tensor(1 / 3)),
    ),
    "numpy's print options": (
        lambda: np.set_printoptions(precision=2), lambda: np.get_printoptions()["precision"],
    ),
    "numpy's error handling": (lambda: np.seterr(all="raise"), np.geterr),
    "working directory": (lambda: os.chdir("/"), os.getcwd),
    "umask": (lambda: os.umask(0o77), _mask),
    "environment": (
        lambda: os.environ.update(PATH="nowhere", A_NEW_ONE="1"), lambda: dict(os.environ),
    ),
    "signal handlers": (
        lambda: signal.signal(signal.SIGTERM, lambda *_: None),
        lambda: signal.getsignal(signal.SIGTERM),
    ),
    "warnings filters": (
        lambda: warnings.simplefilter("ignore"), lambda: list(warnings.filters),
    ),
    "recursion limit": (lambda: sys.setrecursionlimit(12_345), sys.getrecursionlimit),
}  # fmt: skip
DRAWS = {
    "torch": (lambda: torch.manual_seed(3), lambda: torch.rand(1).item()),
    "numpy": (lambda: np.random.seed(3), np.random.rand),  # noqa: NPY002
    "Python": (lambda: random.seed(3), random.random),
}


@pytest.mark.parametrize("setting", CHANGES)
def test_a_changed_setting_is_restored_and_its_plugin_is_named_once(setting, caplog):
    change, read = CHANGES[setting]
    before = read()
    for _ in range(2):
        with guarded(f"one that changes the {setting}"):
            change()
            assert read() != before
        assert read() == before
    (entry,) = caplog.records
    assert f"one that changes the {setting} changed" in entry.message
    assert setting in entry.message.partition(" changed ")[2]


@pytest.mark.parametrize("library", DRAWS)
def test_the_global_generators_are_restored(library, caplog):
    seed, draw = DRAWS[library]
    seed()
    first = draw()
    seed()
    with guarded("drawing"):
        draw()
        draw()
    assert draw() == first
    assert not caplog.records


def test_settings_are_restored_when_the_call_raises():
    before = torch.get_default_dtype()

    def leave():
        with guarded("leaving"):
            torch.set_default_dtype(torch.float64)
            raise SystemExit

    with pytest.raises(SystemExit):
        leave()
    assert torch.get_default_dtype() == before


def test_filters_that_a_library_adds_for_its_own_warnings_stay(caplog):
    class Own(UserWarning):
        pass

    with warnings.catch_warnings():
        with guarded("importing"):
            warnings.simplefilter("ignore", Own)
            warnings.filterwarnings("ignore", message="mine")
        assert {one[0] for one in warnings.filters[:2]} == {"ignore"}
        assert any(one[2] is Own for one in warnings.filters)
    assert not caplog.records


def test_a_plugin_that_imports_torch_first_cannot_set_its_defaults(tmp_path):
    plugin = tmp_path / "doubling.py"
    plugin.write_text(
        "import os, torch\nfrom symbench import hookimpl\n"
        "torch.set_default_dtype(torch.float64)\ntorch.set_default_device('meta')\nos.chdir('/')\n"
        "@hookimpl\ndef symbench_register(registry): pass\n"
    )
    other = tmp_path / "other.py"
    other.write_text(
        "from symbench import hookimpl\n@hookimpl\ndef symbench_register(registry): pass\n"
    )
    program = (
        "import sys\nfrom symbench.registry import load\nassert 'torch' not in sys.modules\n"
        "registry = load(['doubling.py', 'other.py'], discover=False)\nimport torch, os\n"
        "assert [info.status for info in registry.plugins] == ['ok', 'ok'], registry.plugins\n"
        "assert all(file.is_absolute() for file in registry.sources.files)\n"
        "assert torch.get_default_dtype() == torch.float32\n"
        "assert torch.ones(1).device.type == 'cpu'\nassert os.path.isfile('other.py')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("plugin doubling changed") == 3


def test_loading_the_built_in_plugins_changes_no_setting(caplog):
    with caplog.at_level(logging.WARNING):
        registry = load()
        registry.drop_broken("model", registry.models)
    assert not [entry for entry in caplog.records if "it was restored" in entry.message]


def test_an_earlier_snapshot_serves_many_calls():
    before = torch.get_default_dtype()
    settings = Snapshot()
    for _ in range(2):
        with guarded("changing", settings=settings):
            torch.set_default_dtype(torch.float64)
        assert torch.get_default_dtype() == before
