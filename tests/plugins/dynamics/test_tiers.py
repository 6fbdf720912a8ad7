"""The quick tier scores fewer states over shorter rollouts; the full tier is as published."""

from __future__ import annotations

import pytest
from symbench_dynamics.bodies import ThreeBody, TwoBody
from symbench_dynamics.charged import NBodySoftened
from symbench_dynamics.pendula import DoublePendulum, Pendulum, SpringPendulum, TalkPendulum
from symbench_dynamics.springs import DampedForced, MassSpring

TASKS = [
    MassSpring, DampedForced, Pendulum, DoublePendulum, SpringPendulum, TalkPendulum, TwoBody,
    ThreeBody, NBodySoftened,
]  # fmt: skip
each = pytest.mark.parametrize("cls", TASKS, ids=lambda task: task.name)


@each
def test_the_quick_tier_is_a_part_of_the_full_one(cls):
    full, quick = cls().for_tier("full"), cls().for_tier("quick")
    assert quick.test_size <= full.test_size
    assert len(quick.rollout) <= len(full.rollout)
    assert quick.rollout[-1] <= full.rollout[-1]
    assert quick.rollout[-1] >= full.times[-1] if full.times else quick.rollout[-1] > 0
    first, last = (task.sample(4, 0, "test") for task in (full, quick))
    assert first.x.equal(last.x)
    assert first.y.equal(last.y)


@each
def test_a_tier_leaves_the_task_itself_alone(cls):
    task = cls()
    before = (task.test_size, task.rollout, task.energy_times)
    assert task.for_tier("quick") is not task
    assert (task.test_size, task.rollout, task.energy_times) == before
    full = task.for_tier("full")
    assert (full.test_size, full.rollout, full.energy_times) == before


@each
def test_quick_steps_are_no_longer_than_those_of_the_full_rollout(cls):
    """The energy drift of the integrator must not dominate that of the model."""
    full, quick = cls(), cls().for_tier("quick")
    assert quick.rollout[1] <= full.rollout[1] + 1e-12
    if full.energy_times:
        assert quick.energy_times[1] <= 2 * full.energy_times[1] + 1e-12


@each
def test_enough_states_for_the_quadratic_quantities_of_at_most_twelve_coordinates(cls):
    d = cls.input_shape[0]
    assert d > 12 or cls().for_tier("quick").test_size > d + d * (d + 1) / 2
