import subprocess
import sys

import pytest
import torch
from known_tasks import Angle, Function, perceptron, score, trained
from torch import nn

from symbench.metrics import CORE, Flops


def test_the_cards_of_the_scores_need_no_torch():
    code = "import sys, symbench.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_score_has_a_card_of_its_own():
    names = [metric.name for metric in CORE]
    assert len(set(names)) == len(names)
    for metric in CORE:
        assert metric.summary
        assert metric.version
        assert metric.direction in ("lower", "higher")


def test_the_scores_are_deterministic_and_leave_the_global_stream_alone():
    task, results = Angle(), []
    before = torch.random.get_rng_state()
    for _ in range(2):
        trial = trained(task, perceptron(10, 1, 0))
        found = [m().score(trial, task, torch.Generator().manual_seed(1)) for m in CORE[:-2]]
        results.append(found)
    assert results[0] == results[1]
    assert torch.equal(before, torch.random.get_rng_state())


def test_scoring_leaves_the_module_as_it_was():
    task, net = Angle(), perceptron(10, 1, 0)
    trial = trained(task, net)
    for metric in CORE[:-2]:
        metric().score(trial, task, torch.Generator())
    assert all(p.dtype == torch.float32 and p.requires_grad for p in net.parameters())


@pytest.mark.parametrize(("width", "expected"), [(3, 2 * 10 * 3 + 2 * 3), (64, 2 * 64 * 11)])
def test_flops_are_two_a_weight_of_a_perceptron(width, expected):
    net = nn.Sequential(nn.Linear(10, width), nn.SiLU(), nn.Linear(width, 1))
    assert score(Flops, Angle(), net)["flops"] == expected
    assert score(Flops, Angle(), Function(lambda x: x[:, :1]))["flops"] == 0
