"""Every built-in task, model and metric passes the checks that third-party plugins must pass."""

from __future__ import annotations

import pytest

from symbench.registry import load
from symbench.testing import Skipped, checks

REGISTRY = load()
OWN = {info.name for info in REGISTRY.plugins if info.name != "symbench_example"}
NAMES = [
    name
    for cards in (REGISTRY.tasks, REGISTRY.models, REGISTRY.metrics)
    for name, card in cards.items()
    if card.plugin in OWN
]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_breaks_no_law(name):
    broken = []
    for check in checks(name, registry=REGISTRY, most=1):
        try:
            check()
        except Skipped:
            continue
        except AssertionError as error:
            broken.append(f"{check.title}: {error}")
    assert not broken
