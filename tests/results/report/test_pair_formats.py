"""The comparison of two models in every format, and the sentences that say what it means."""

from __future__ import annotations

import csv
import io
import json

import pytest
from made_records import cell

from symbench.errors import InputError
from symbench.records.record import Record
from symbench.results.leaderboard.pair import Paired, compare_pair
from symbench.results.report.pair import FORMATS, render, sentences


def records(ratio: float, tasks: int = 3, seeds: int = 5, second: str = "b") -> list[Record]:
    errors = {"a": 0.01, second: 0.01 * ratio}
    return [
        cell(model, (1.0, 1.0, error), seeds, identity={"task": f"t{i:02d}"})
        for i in range(tasks) for model, error in errors.items()
    ]  # fmt: skip


def paired(*, ratio: float = 3.0, tasks: int = 3, seeds: int = 5, second: str = "b") -> Paired:
    return compare_pair(records(ratio, tasks, seeds, second), "quick", ("a", second))


def test_the_first_sentence_names_the_better_model() -> None:
    assert next(sentences(paired(ratio=3.0))).startswith("a has smaller errors than b: p = 6.1e-5")
    assert next(sentences(paired(ratio=0.3))).startswith("b has smaller errors than a")
    assert "not distinguished: p = 1" in next(sentences(paired(ratio=1.0)))


def test_seeds_that_can_show_nothing_are_said_to() -> None:
    text = "; ".join(sentences(paired(tasks=1, seeds=2)))
    assert "a and b are not distinguished" in text
    assert "no difference can show: 2 paired runs allow no p below 0.50; run more seeds" in text


def test_the_smallest_difference_that_could_show_is_said() -> None:
    made = records(3.0)
    for place, record in enumerate(made):  # other seeds of b are better and worse than those of a
        if record.identity.model == "b":
            turned = [t.model_copy(update={"seed": 4 - t.seed}) for t in record.trials]
            made[place] = record.model_copy(update={"trials": turned})
    one = compare_pair(made, "quick", ("a", "b"))
    assert one.detectable_ratio is not None
    assert 1.0 < one.detectable_ratio < 2.0
    shown = f"15 paired runs show, with power 80 %, an error ratio of {one.detectable_ratio:.2f}"
    assert shown in "; ".join(sentences(one))


def test_json_and_csv_hold_every_task_in_full_precision() -> None:
    one = paired(tasks=25)
    document = json.loads(render(one, "json"))
    assert [entry["task"] for entry in document["tasks"]] == [task.task for task in one.tasks]
    assert document["tasks"][0]["ratio"]["value"] == one.tasks[0].ratio.value
    assert document["p"] == one.p
    rows = list(csv.DictReader(io.StringIO(render(one, "csv"))))
    assert len(rows) == 25
    assert float(rows[0]["ratio.value"]) == one.tasks[0].ratio.value
    assert rows[0]["second"] == "b"


def test_the_terminal_shows_twenty_tasks_and_how_many_more_there_are() -> None:
    text = render(paired(tasks=25), "table", 80)
    assert "and 5 tasks on which they differ less" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_foreign_name_is_escaped_in_every_format() -> None:
    one = paired(second="=b|<script>\x1b[31m")
    for form in FORMATS:
        text = render(one, form, 200)
        assert "\x1b" not in text
        if form == "csv":
            assert "'=b|" in text
        if form == "md":
            assert "<script>" not in text


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InputError, match="choose one of table, md, csv, json"):
        render(paired(), "html")
