"""Every built-in model learns a task alike in units of 2⁻⁴⁰, 1 and 2⁴⁰, or says what it reads."""

from __future__ import annotations

import pytest

from symbench.registry import load
from symbench.testing.conformance import Subject
from symbench.testing.units import FAR, changes_of_units, largest_change

REGISTRY = load()
FAST = ("mlp", "mlp-augmented", "mlp-penalty", "linear", "constant", "scalars", "gin", "liegan")
READS_UNITS = {
    "cnn", "cnn-maxpool", "lconv-gcn", "lconv-recursive",  # networks on raw numbers, as published
    "egnn", "e3nn-nbody", "scalars-2021",
    "port-hnn-mlp", "port-hnn-jr",  # the force is a raw network of the time
}  # fmt: skip
MODELS = [
    pytest.param(name, marks=() if name in FAST else pytest.mark.slow)
    for name, card in REGISTRY.models.items()
    if card.plugin != "symbench_example"
]


@pytest.mark.parametrize("name", MODELS)
def test_a_task_in_other_units_is_learned_alike(name):
    subject = Subject(REGISTRY, REGISTRY.models[name], most=4)
    tasks = [task for task in subject.accepted if changes_of_units(task, FAR)]
    for task in tasks[:1]:
        change = largest_change(subject, task, FAR)
        assert (change > 1e-2) if name in READS_UNITS else (change <= 1e-6)
