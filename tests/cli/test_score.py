"""The verb ``score``, and what ``run --keep-networks`` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RUN = ("run", "-t", "length", "-m", "wide", "--tier", "smoke", "--executor", "inline")


def test_networks_are_kept_and_scored_again(call: Any) -> None:
    done = call(*RUN, "--store", "s", "--keep-networks", "--device", "cpu")
    assert done.code == 0
    assert "networks: 4 kept in s, 0.0 MB" in done.err
    scored = call("score", "--store", "s", "--metric", "equivariance_error")
    assert scored.code == 0
    assert scored.out == "length wide equivariance_error: 2 trials scored\n"
    document = json.loads(call("score", "--store", "s", "--metric", "error", "--json").out)
    assert document["cells"][0]["trials"] == 4


def test_a_finished_cell_without_networks_is_named_and_not_trained(call: Any) -> None:
    call(*RUN, "--store", "s")
    again = call(*RUN, "--store", "s", "--keep-networks", "largest")
    assert again.code == 0
    assert "1 cells were finished before without them (length wide)" in again.err
    assert "--fresh trains these again" in again.err
    scored = call("score", "--store", "s", "--metric", "error")
    assert scored.code == 1
    assert "no networks are kept" in scored.out


def test_the_value_of_the_option_may_be_left_out(call: Any) -> None:
    for option in (("--keep-networks",), ("--keep-networks=all",), ("--keep-networks", "largest")):
        assert call(*option, "run", "--all", "--dry-run").code == 2  # an option of run alone
        assert call("run", *option, "--all", "--tier", "smoke", "--dry-run").code == 0
    refused = call("run", "--keep-networks=some", "--all", "--tier", "smoke", "--dry-run")
    assert refused.code == 2
    assert "choose all or largest" in refused.err


FILE = """
import torch

class Mine(torch.nn.Module):
    def forward(self, x):
        return x.square().sum(1, keepdim=True)

def make():
    return Mine()

def skewed(task):
    return torch.nn.Linear(*task.input_shape, *task.output_shape)

def nothing():
    return None

def broken():
    raise RuntimeError("no weights")
"""


def test_a_network_of_a_file_is_scored_on_a_task(call: Any, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FILE)
    exact = call("score", "net.py:make", "--task", "length")
    assert exact.code == 0
    assert exact.out.startswith("Mine on length: SO(3), V -> Scalar\nIt keeps SO(3)")
    skewed = call("score", "net.py:skewed", "--task", "length", "--json")
    document = json.loads(skewed.out)
    assert document["defects"]["whole"] > 0.1
    assert document["scores"]["equivariance_error"] > 0.01


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("net.py:nothing", "return a torch module"),
        ("net.py:broken", "RuntimeError: no weights"),
        ("net.py:absent", "no function 'absent'"),
        ("none.py:make", "with an existing file"),
        ("make", "with an existing file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    call: Any, tmp_path: Path, place: str, message: str
) -> None:
    (tmp_path / "net.py").write_text(FILE)
    done = call("score", place, "--task", "length")
    assert done.code == 2
    assert message in done.err


def test_nothing_to_score_is_refused(call: Any) -> None:
    assert "give --metric NAME" in call("score").err
    assert "--task TASK" in call("score", "net.py:make").err
