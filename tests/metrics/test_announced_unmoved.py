"""Announcements from moved data: those that were learned move, and built-in ones do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from known_tasks import Angle, Discovering, perceptron, trained
from torch import nn

from symbench.contract import Data
from symbench.draws import Draws
from symbench.groups import SO
from symbench.metrics.announced_unmoved import AnnouncedUnmoved
from symbench.metrics.candidate import candidate
from symbench.metrics.moved import MovedDraws, move_of

TASK = Angle()


class Holding(Discovering):
    """Announces what its module holds."""

    def __init__(self):
        super().__init__(None)

    def generators(self, module):
        return module.L


def holding(L) -> nn.Module:
    module = perceptron(*TASK.input_shape, 1, 0)
    module.register_buffer("L", L)
    return module


def sought():
    return candidate(TASK, TASK.sample(TASK.test_size, 0, "test").x)


def unmoved(L, again):
    """The score, and why it is absent, of L announced first and ``again`` from moved data."""
    trial = replace(trained(TASK, holding(L), Holding()), moved=holding(again))
    (values,) = AnnouncedUnmoved().score_together([trial], TASK, [torch.Generator()])
    return values.get("announced_unmoved"), trial.notes.get("announced_unmoved", "")


def test_the_same_announcement_from_moved_data_scores_one() -> None:
    mixed = torch.einsum("kl,lij->kij", torch.randn(10, 10).double(), SO(5).algebra)
    assert unmoved(SO(5).algebra, mixed)[0] == pytest.approx(1, abs=1e-9)


def test_an_announcement_that_moves_with_the_data_scores_less() -> None:
    g = move_of(TASK, sought())
    assert g is not None
    value, _ = unmoved(SO(5).algebra, g @ SO(5).algebra @ g.inverse())
    assert value is not None
    assert value < 0.9


def test_announcing_nothing_from_moved_data_scores_zero() -> None:
    assert unmoved(SO(5).algebra, SO(5).algebra[:0])[0] == 0


def test_what_no_move_changes_has_no_score() -> None:
    """All of gl(V), and its centre."""
    everything = torch.eye(25, dtype=torch.float64).view(25, 5, 5)
    for L in (everything, torch.eye(5, dtype=torch.float64)[None]):
        value, why = unmoved(L, L)
        assert value is None
        assert "moves the announced generators by" in why


def test_a_trial_that_was_trained_once_has_no_score() -> None:
    trial = trained(TASK, holding(SO(5).algebra), Holding())
    assert AnnouncedUnmoved().score_together([trial], TASK, [torch.Generator()]) == [{}]


def test_moved_data_have_the_moved_symmetry() -> None:
    """Where f keeps so(5), the targets of g x are those of a function that keeps g so(5) g⁻¹."""
    within, draws = sought(), Draws.of(TASK)
    g = move_of(TASK, within)
    assert within is not None
    assert g is not None
    moving = MovedDraws(TASK, draws.fingerprint, within, g)
    plain, moved = draws.train(20, 1), moving.train(20, 1)
    back = Data(within.symmetry.input.act(g.inverse(), moved.x.double()), moved.y)
    assert torch.allclose(back.x.float(), plain.x, atol=1e-4)
    assert torch.equal(moved.y, plain.y)
    assert float((moved.x - plain.x).norm()) > 0.3 * float(plain.x.norm())
    assert torch.equal(moving.test().x, draws.test().x)
    assert torch.equal(g, move_of(TASK, within))


def test_angles_cannot_be_moved(monkeypatch) -> None:
    within = sought()
    monkeypatch.setattr(Angle, "periods", (6.28, 0.0), raising=False)
    assert move_of(TASK, within) is None
