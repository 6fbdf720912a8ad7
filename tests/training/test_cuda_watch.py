"""Which operations a CUDA graph cannot hold; they are seen on any device."""

from __future__ import annotations

import pytest
import torch

from symbench.training.cuda_graph import _Watch

X, AT, MASK = torch.ones(4, 4), torch.tensor([1, 2]), torch.tensor([True, False, True, False])
SYNCHRONISING = {
    "a mask as an index": lambda: X[MASK],
    "a mask as an index of an assignment": lambda: torch.ones(4).index_put_((MASK,), X[0, :2]),
    "nonzero": X.nonzero,
    "repeat_interleave": lambda: X.repeat_interleave(AT.repeat(2), 0),
    "the status of eigenvalues": lambda: torch.linalg.eigvalsh(X),
    "the status of an inverse": lambda: torch.linalg.inv(X + torch.eye(4)),
    "a number": lambda: float(X.sum()),
}
ASYNCHRONOUS = {
    "positions as an index": lambda: X[:, AT],
    "repeat_interleave to a known size": lambda: X.repeat_interleave(
        AT.repeat(2), 0, output_size=6
    ),
    "an inverse without its status": lambda: torch.linalg.inv_ex(X + torch.eye(4)),
}


@pytest.mark.parametrize("what", SYNCHRONISING)
def test_what_waits_for_the_host_is_not_captured(what):
    with _Watch(torch.device("cpu")) as watch:
        SYNCHRONISING[what]()
    assert watch.obstacle


@pytest.mark.parametrize("what", ASYNCHRONOUS)
def test_what_does_not_wait_is_captured(what):
    with _Watch(torch.device("cpu")) as watch:
        ASYNCHRONOUS[what]()
    assert watch.obstacle == ""


def test_a_copy_between_devices_is_not_captured():
    there = torch.empty(4, 4, device="meta")  # stands for a GPU: nothing else is on both
    with _Watch(torch.device("meta")) as watch:
        there * torch.tensor(2.0)  # a number goes along with the launch
    assert watch.obstacle == ""
    with _Watch(torch.device("meta")) as watch:
        there.copy_(X)
    assert watch.obstacle == "aten::copy_ copies between devices"
    with _Watch(torch.device("meta")) as watch:
        torch.tensor(2.0).to("meta")
    assert watch.obstacle == "aten::_to_copy copies between devices"
