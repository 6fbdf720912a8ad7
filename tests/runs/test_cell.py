"""One cell: what a model does with its configuration does not change the cell's identity."""

from __future__ import annotations

import types
from dataclasses import dataclass, field

import toys
from torch import nn

from symbench import Model, hookimpl
from symbench.runs.cell import run_cell
from symbench.runs.plan import Selection, make_plan


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
