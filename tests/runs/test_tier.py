"""A tier has one of four names; other names have the same error everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from symbench.contract import Tier
from symbench.contract.values import check_tier, of_tier
from symbench.errors import InputError
from symbench.registry import load
from symbench.runs.plan import Selection, make_plan
from symbench.runs.protocol import TIERS

STRANGER = """
import torch
from symbench import Data, Task, hookimpl


class Stranger(Task):
    name, version, summary = "stranger", "1", "names three tiers"
    sizes = {"smoke": (10,), "quick": (20,), "full": (30,)}
    updates = {"quick": 7}
    tiers = {"quick": {"test_size": 50}}
    input_shape, output_shape = (3,), (1,)
    symmetry = None

    def sample(self, n, seed, split):
        x = torch.randn(n, 3, generator=self.generator(seed, split))
        return Data(x, x[:, :1])


@hookimpl
def symbench_register(registry):
    registry.task(Stranger)
"""
REFUSED = "unknown tier 'huge': choose one of smoke, quick, standard, full"


def test_every_tier_has_a_budget():
    assert tuple(TIERS) == get_args(Tier)
    for tier in TIERS:
        check_tier(tier)


def test_standard_is_quick_where_it_is_not_named():
    assert of_tier({"quick": 1, "full": 2}, "standard") == 1
    assert of_tier({"quick": 1, "standard": 3}, "standard") == 3
    assert of_tier({"full": 2}, "standard") is None
    assert of_tier({"full": 2}, "quick") is None


def test_a_task_that_does_not_name_standard_has_the_sizes_of_quick_and_more_updates(tmp_path):
    plugin = tmp_path / "stranger.py"
    plugin.write_text(STRANGER)
    plan = make_plan(load((plugin,)), Selection(("stranger",), ("linear",), "standard"))
    (cell,) = plan
    assert cell.reason is None
    assert cell.identity.sizes == [20]
    assert cell.identity.protocol["test_size"] == 50
    assert cell.identity.protocol["updates"] == TIERS["standard"].updates


def test_an_unknown_tier_is_refused_alike_by_runs_and_searches():
    search = pytest.importorskip("symbench.tuning.search")
    for refused in (
        lambda: check_tier("huge"),
        lambda: Selection(tier="huge"),
        lambda: search.Search(Path("store"), tier="huge"),
    ):
        with pytest.raises(InputError, match=REFUSED):
            refused()
