"""One cell: what a model does with its configuration does not change the cell's identity."""

from __future__ import annotations

import os
import types
from dataclasses import dataclass, field

import torch
import toys
from torch import nn

from symbench import Data, Model, Symmetry, Task, hookimpl
from symbench.groups import SO, Scalar, V
from symbench.records.store import Store
from symbench.runs.cell import run_cell
from symbench.runs.plan import Selection, make_plan
from symbench.training.setup import repeatable


@dataclass(frozen=True)
class Widths:
    """A configuration with a list."""

    widths: list[int] = field(default_factory=lambda: [8, 4])


class Sorting(Model):
    """Sorts the list of its configuration in place."""

    name, version, prior = "sorting", "1", "none"
    Config = Widths

    def build(self, problem):
        self.config.widths.sort()
        sizes = [problem.input_size, *self.config.widths, problem.output_size]
        return nn.Sequential(*map(nn.Linear, sizes[:-1], sizes[1:]))


def test_a_model_that_changes_its_configuration_does_not_change_the_key_of_its_record():
    registry = toys.toy_registry()
    plugin = types.ModuleType("sorting_plugin")

    @hookimpl
    def symbench_register(registry):
        registry.model(Sorting)

    plugin.symbench_register = symbench_register
    registry.add(plugin, "sorting_plugin", "", "here")
    (cell,) = make_plan(registry, Selection(("norms",), ("sorting",), "smoke"))
    key = cell.key
    record = run_cell(registry, cell)
    assert (record.status, record.error) == ("ok", None)
    assert record.identity.config == {"widths": [8, 4]}
    assert record.identity.key == key


class Strided(SO):
    """SO(3) whose generators are a transposed view, as decompositions return them."""

    def __init__(self):
        super().__init__(3)
        self.algebra = self.algebra.mT


class Area(Task):
    """y = |x|² for x in R³."""

    name, version, summary, threshold = "area", "1", "norm of a vector", 0.1
    sizes = {"smoke": (20,)}  # noqa: RUF012
    input_shape, output_shape = (3,), (1,)
    test_size = 60

    @property
    def symmetry(self):
        group = Strided()
        return Symmetry(group, V(group), Scalar(group))

    def sample(self, n, seed, split):
        x = torch.randn(n, 3, generator=self.generator(seed, split))
        return Data(x, self.target(x))

    def target(self, x):
        return x.square().sum(-1, keepdim=True)


class Announcing(toys.Small):
    """Announces so(3)."""

    name, prior = "announcing", "discovers"

    def generators(self, module):
        return SO(3).algebra.mT


def test_generators_of_any_memory_layout_are_stored(tmp_path):
    registry, plugin = toys.toy_registry(), types.ModuleType("strided")

    @hookimpl
    def symbench_register(registry):
        registry.task(Area)
        registry.model(Announcing)

    plugin.symbench_register = symbench_register
    registry.add(plugin, "strided", "", "strided")
    (cell,) = make_plan(registry, Selection(("area",), ("announcing",), "smoke"))
    record = run_cell(registry, cell, "cpu")
    assert record.status == "ok"
    store = Store(tmp_path)
    store.write(record)
    assert store.read_tensors(record.key)["truth"].shape == (3, 3, 3)


def test_kernels_are_repeatable_on_a_gpu_only_and_settings_return(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # and none after the test
    flags = lambda: (  # noqa: E731
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.deterministic,
    )
    with repeatable(torch.device("cpu")):
        assert flags() == (False, False)
    with repeatable(torch.device("cuda")):
        assert flags() == (True, True)
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert flags() == (False, False)
