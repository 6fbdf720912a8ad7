"""What models of prior ``told`` are given may differ from the true symmetry."""

from __future__ import annotations

import pytest
import toys

from symbench import Symmetry
from symbench.groups import SO, O, Scalar, V
from symbench.publish.descriptions import describe_task
from symbench.registry.problem import make_problem

REGISTRY = toys.toy_registry()


def tells(group):
    """A task whose true group is SO(3), and whose told models are given ``group``."""

    class Telling(toys.Norms):
        floor = 0.25

        @property
        def told(self):
            return None if group is None else Symmetry(group, (2 * V)(group), Scalar(group))

    return Telling()


@pytest.mark.parametrize("group", [O(3), None], ids=str)
def test_told_models_get_what_the_task_tells_and_others_nothing(group):
    given = make_problem(REGISTRY, tells(group), toys.Told).symmetry
    assert given == tells(group).told
    assert make_problem(REGISTRY, tells(group), toys.Small).symmetry is None


def test_by_default_it_is_the_true_symmetry():
    task = toys.Norms()
    assert task.told == task.symmetry
    assert make_problem(REGISTRY, task, toys.Told).symmetry == task.symmetry
    assert tells(SO(3)).fingerprint() == task.fingerprint()


def test_the_layout_for_models_that_discover_is_that_of_the_true_symmetry():
    assert tells(None).layout() == toys.Norms().layout()


def test_what_is_told_is_part_of_the_fingerprint():
    assert len({tells(group).fingerprint() for group in (SO(3), O(3), None)}) == 3


def test_a_card_names_both_groups_and_the_floor_where_they_differ():
    card = describe_task(tells(O(3)), "tests")
    assert (card["symmetry"]["group"], card["told"]["group"]) == ("SO(3)", "O(3)")
    assert card["floor"] == 0.25
    usual = describe_task(toys.Norms(), "tests")
    assert usual["told"] is None
    assert usual["floor"] is None
