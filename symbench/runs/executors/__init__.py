"""The built-in executors: run cells in this process, or each in a child process."""

from __future__ import annotations

from collections.abc import Mapping

from symbench.registry.card import Card

_SUMMARIES = {
    "inline": "all cells in this process, one after the other",
    "local": "each cell in a child process, with limits of time and memory",
}
BUILT_IN: Mapping[str, Card] = {
    name: Card(
        "executor", name, "1", summary, "symbench", {"remote": False},
        f"symbench.runs.executors.{name}:execute",
    )
    for name, summary in _SUMMARIES.items()
}  # fmt: skip
