"""The conformance checks: what symbench requires of every task, model and metric, tested on yours.

``symbench check NAME`` runs them from the command line; with pytest they are one test:

    @pytest.mark.symbench("my-model")
    def test_it_keeps_its_promises(promise):
        promise()
"""

from typing import TYPE_CHECKING, Any

from symbench.testing.conformance import Skipped, Subject

if TYPE_CHECKING:
    from symbench.testing.catalogue import Check, checks

__all__ = ["Check", "Skipped", "Subject", "checks"]


def __getattr__(name: str) -> Any:
    """Load the checks, and torch with them, on first use: pytest imports this package at start."""
    if name in ("Check", "checks"):
        from symbench.testing import catalogue

        return getattr(catalogue, name)
    raise AttributeError(f"module 'symbench.testing' has no attribute {name!r}")
