"""The summary over tasks repeats what the tables of its tasks say about labels beyond n_train."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from made_records import cell

from symbench.records.record import Record
from symbench.results.leaderboard.over_tasks import summarise
from symbench.results.report import SUMMARY_FORMATS
from symbench.results.report.summaries import render


def records(reason: str | None) -> list[Record]:
    """Two models on two tasks, of which the second may allow a separate validation set."""
    allowed = {} if reason is None else {"separate_validation": reason}
    protocols = {"first": {}, "second": allowed}
    return [
        cell(model, identity={"task": task}, protocol=protocol)
        for task, protocol in protocols.items()
        for model in ("mlp", "linear")
    ]


@pytest.mark.parametrize("form", SUMMARY_FORMATS)
def test_tasks_that_allow_a_separate_validation_set_are_named(form: str) -> None:
    shown = render(summarise(records("as in the paper"), "quick"), form)
    if form == "json":
        board = json.loads(shown)["boards"][0]
        assert board["separate_validation"] == {"second": "as in the paper"}
    elif form == "csv":
        lines = list(csv.DictReader(StringIO(shown)))
        assert {line["separate_validation"] for line in lines} == {"second (as in the paper)"}
    else:
        said = "are allowed for choosing: second (as in the paper)"
        assert said in " ".join(shown.split())


@pytest.mark.parametrize("form", ["table", "md"])
def test_without_such_a_task_there_is_no_note(form: str) -> None:
    assert "allowed for choosing" not in render(summarise(records(None), "quick"), form)
