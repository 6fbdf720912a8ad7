"""Tasks with a loss of their own, and tasks with nothing to learn."""

from __future__ import annotations

from pathlib import Path

import odd_losses
import pytest
import torch

import symbench
from symbench.contract import Data
from symbench.errors import InputError

PLUGIN = Path(odd_losses.__file__)


@pytest.fixture
def result(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    return symbench.run(
        ["signs", "shapes"], ["blind", "centred"], "smoke", tmp_path, executor="inline",
        plugin_files=(PLUGIN,), device="cpu", fleet="on",
    )  # fmt: skip


def rows(result):
    return {row.task: row for row in result.leaderboard.rows if row.model == "centred"}


def test_a_task_trains_by_its_own_loss_and_is_scored_by_its_own_error(result):
    row = rows(result)["signs"]
    assert row.status == "ok"
    assert row.scores["error"].value < 0.1
    assert row.scores["equivariance_error"].value < 1e-12
    assert not row.scores["equivariance_error"].greyed


def test_a_task_of_pure_expressivity_has_no_error_and_keeps_its_scores(result):
    row = rows(result)["shapes"]
    assert row.status == "ok"
    assert not {"error", "n_to_threshold", "curve_area", "paper_error"} & set(row.scores)
    assert row.scores["told_apart"].value == 6
    assert row.threshold is None
    assert row.scores["equivariance_error"].value < 1e-12
    assert not row.scores["equivariance_error"].greyed
    assert row.rank is None


def test_a_network_for_a_task_of_pure_expressivity_is_not_trained(result):
    record = next(r for r in result.records if r.identity.task == "shapes")
    assert {trial.n_train for trial in record.trials} == {0}
    assert record.identity.protocol["chance_error"] is None


def test_the_models_of_such_a_task_stand_in_the_order_of_its_headline(result):
    found = [row for row in result.leaderboard.rows if row.task == "shapes"]
    assert [row.model for row in found] == ["centred", "blind"]
    assert [row.scores["told_apart"].value for row in found] == [6, 0]


def test_half_the_error_of_a_guess_is_what_counts_as_learned(result):
    record = next(r for r in result.records if r.identity.task == "signs")
    assert record.identity.protocol["chance_error"] == odd_losses.Signs.chance


def test_a_missing_objective_is_named():
    class Silent(odd_losses.Signs):
        objective = symbench.Task.objective
        headline_error = symbench.Task.headline_error

    x = torch.zeros(2, 6)
    with pytest.raises(InputError, match="define objective"):
        Silent().objective(x, x, x)
    with pytest.raises(InputError, match="define headline_error"):
        Silent().headline_error(x, Data(x, x))
