"""Runs of the toys in a store of the test."""

from __future__ import annotations

from pathlib import Path

import toys

import symbench

TOYS = Path(toys.__file__)


def run(models, store, tasks=("norms",), executor="inline", **options):
    """Run toys on the CPU in the smoke tier."""
    return symbench.run(
        list(tasks), list(models), "smoke", store, executor=executor,
        plugin_files=(TOYS,), device="cpu", **options,
    )  # fmt: skip


def statuses(result):
    """The status of each model's cell."""
    return {outcome.model: outcome.status for outcome in result.run.outcomes}
