"""The conformance checks of tasks, models and metrics.

A *law* is a function that states what symbench requires of every task, model or metric. A *check*
is a law applied to a subject, such as your model. ``symbench check NAME`` runs the checks of a
name. With pytest they are one test, which gets each check as the fixture ``promise``:

    @pytest.mark.symbench("my-model")
    def test_my_model(promise):
        promise()
"""

from typing import TYPE_CHECKING, Any

from symbench.testing.conformance import Skipped, Subject

if TYPE_CHECKING:
    from symbench.testing.catalogue import Check, checks

__all__ = ["Check", "Skipped", "Subject", "checks"]


def __getattr__(name: str) -> Any:
    """Import the checks on first use: pytest imports this package at start, and they need torch."""
    if name in ("Check", "checks"):
        from symbench.testing import catalogue

        return getattr(catalogue, name)
    raise AttributeError(f"module 'symbench.testing' has no attribute {name!r}")
