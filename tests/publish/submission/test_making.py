"""A submission holds every planned cell once, and no outdated record."""

from __future__ import annotations

from pathlib import Path

import pytest
import toys

from symbench.errors import InputError
from symbench.publish.submission import make
from symbench.publish.submission.contradictions import find


def test_the_plan_keeps_failed_and_declined_cells_and_no_traceback(honest):
    statuses = {record.identity.model: record.status for record in honest.records}
    assert statuses == {
        "small": "ok", "told": "ok", "raising": "failed", "declining": "declined",
    }  # fmt: skip
    assert len(honest.plan) == 4
    assert "no network today" in honest.to_json()
    assert "Traceback" not in honest.to_json()
    assert str(Path(toys.__file__).parent) not in honest.to_json()


def test_outdated_records_are_absent_and_named(honest):
    def stale(record):
        return record.identity.model == "told"

    made = make(honest.records, "smoke", stale)
    assert [(one.model, one.reason) for one in made.absent] == [("told", "outdated")]
    assert find(made) == []
    with pytest.raises(InputError, match="no current smoke record"):
        make(honest.records, "smoke", lambda _: True)
