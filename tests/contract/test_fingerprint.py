"""The fingerprint of a task changes with its data, in any unit, and with its symmetry."""

from __future__ import annotations

import pytest
import torch
import toys

from symbench import Data, Symmetry
from symbench.groups import SO, O, Scalar, V


def task(scale=1.0, power=1, group=None, bodies=1, shift=0.0):
    class Changed(toys.Norms):
        @property
        def symmetry(self):
            if group is None:
                return None
            return Symmetry(group, (2 * V)(group), Scalar(group), bodies)

        def sample(self, n, seed, split):
            x = torch.randn(n, 6, generator=self.generator(seed, split)) + shift
            return Data(scale * x, scale * (x**power).sum(1, keepdim=True))

    return Changed()


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e-7, 1.0, 1e12, 1e30])
def test_a_change_of_the_target_is_seen_in_any_unit(scale):
    assert task(scale).fingerprint() == task(scale).fingerprint()
    assert task(scale).fingerprint() != task(scale, power=3).fingerprint()


def test_a_change_of_the_unit_is_seen():
    assert len({task(scale).fingerprint() for scale in (1e-9, 1e-7, 1.0, 2.0, 1e12)}) == 5


def test_a_change_of_the_symmetry_is_seen():
    groups = [None, O(3), SO(3)]
    prints = [task(group=group).fingerprint() for group in groups]
    prints.append(task(group=O(3), bodies=2).fingerprint())
    assert len(set(prints)) == len(prints)


def test_rounding_of_the_processor_is_not_seen():
    assert task().fingerprint() == task(shift=1e-12).fingerprint()


def test_data_of_zeros_and_of_labels_have_a_fingerprint():
    assert task(scale=0.0).fingerprint() != task().fingerprint()
    assert len(toys.Labels().fingerprint()) == 16
