"""The conformance checks: what every task, model and metric promises, tested on yours.

``symbench check NAME`` runs them from the command line; in a test-suite they are one line:

    from symbench.testing import checks

    @pytest.mark.parametrize("check", checks("my-model", plugin_files=["my_model.py"]), ids=str)
    def test_it_conforms(check):
        check()
"""

from symbench.testing.checks import Check, Skipped, Subject, checks

__all__ = ["Check", "Skipped", "Subject", "checks"]
