"""A LaTeX row may begin with a mark that LaTeX would take for an argument of the line break."""

from __future__ import annotations

import pytest

from symbench.results.report.documents import _latex_row


@pytest.mark.parametrize(
    ("first", "row"),
    [("*", r"{}* & b \\"), ("[0, 1]", r"{}[0, 1] & b \\"), ("a", r"a & b \\"), ("", r" & b \\")],
)
def test_a_mark_at_the_start_of_a_row_stays_text(first, row):
    assert _latex_row([first, "b"]) == row
