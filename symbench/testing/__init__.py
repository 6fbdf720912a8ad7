"""The conformance checks: what every task, model and metric promises, tested on yours.

``symbench check NAME`` runs them from the command line; with pytest they are one test:

    @pytest.mark.symbench("my-model")
    def test_it_keeps_its_promises(promise):
        promise()
"""

from symbench.testing.conformance import Check, Skipped, Subject, checks

__all__ = ["Check", "Skipped", "Subject", "checks"]
