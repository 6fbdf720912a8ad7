"""Networks that were trained on a table are rebuilt from the store and the table."""

from __future__ import annotations

import pytest
import torch

import symbench
from symbench.metrics.inputs import PAIRS, has_invariant_inputs, limit


@pytest.fixture
def table():
    x = torch.randn(300, 6, generator=torch.Generator().manual_seed(0))
    y = x[:, :3].square().sum(1, keepdim=True)
    return symbench.TableTask(x, y, layout="2 x 3", symmetry="O(3)", name="lengths")


def test_a_network_of_a_table_needs_the_table(table, tmp_path):
    symbench.run([table], ["linear"], "smoke", tmp_path, seeds=1, keep_networks="all")
    size = table.sizes["smoke"][-1]
    stored = symbench.load(tmp_path, tasks=[table])
    network = stored.network("lengths", "linear", size, 0)
    assert network(table.sample(2, 0, "test").x).shape == (2, 1)
    with pytest.raises(symbench.InputError, match="give it to load"):
        symbench.load(tmp_path).network("lengths", "linear", size, 0)


def test_the_board_judges_the_inputs_of_few_rows_by_their_number(table, tmp_path):
    result = symbench.run([table], ["linear"], "smoke", tmp_path, seeds=1)
    rate = result.leaderboard.rows[0].scores["equivariance_error"]
    assert rate.inputs_limit == limit(table.at_most(PAIRS, "test")) > 0.2
    assert ("extrapolates" in result.leaderboard.rows[0].flags) is (rate.inputs > rate.inputs_limit)


def test_few_rows_need_more_to_tell_moved_inputs(table):
    rows = table.at_most(PAIRS, "test")
    assert rows < 100
    assert has_invariant_inputs(table, 0.1)  # hardly more than two standard deviations
    assert not has_invariant_inputs(table, 0.4)
    assert not has_invariant_inputs(symbench.task("o5-invariant"), 0.1)
