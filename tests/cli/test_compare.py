"""The verb ``compare``: two models of a store side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from symbench.records.store import Store


def test_two_models_of_a_store_are_compared(call: Any, stored: Any, tmp_path: Path) -> None:
    for model in ("wide", "other"):
        record = stored(tmp_path / "x", model)
        protocol = {**record.identity.protocol, "chance_error": 1.0}
        identity = record.identity.model_copy(update={"protocol": protocol})
        Store(tmp_path / "a").write(record.model_copy(update={"identity": identity}))
    options = ["--store", str(tmp_path / "a")]
    done = call("compare", "wide", "other", *options, with_plugin=False)
    assert done.code == 0
    assert "wide and other are not distinguished: p = 1" in done.out
    printed = call("compare", "wide", "other", *options, "--json", with_plugin=False)
    document = json.loads(printed.out)
    assert [task["task"] for task in document["tasks"]] == ["length"]
    assert document["p"] == 1


def test_tasks_without_a_chance_error_are_not_compared(
    call: Any, stored: Any, tmp_path: Path
) -> None:
    for model in ("wide", "other"):
        stored(tmp_path / "a", model)
    done = call("compare", "wide", "other", "--store", str(tmp_path / "a"), with_plugin=False)
    assert done.code == 2
    assert "length: no error that can be divided by that of chance" in done.err


def test_an_unknown_model_is_refused_with_a_suggestion(
    call: Any, stored: Any, tmp_path: Path
) -> None:
    stored(tmp_path / "a")
    stored(tmp_path / "a", "other")
    done = call("compare", "wid", "other", "--store", str(tmp_path / "a"), with_plugin=False)
    assert done.code == 2
    assert "did you mean wide" in done.err
    done = call("compare", "zzzz", "other", "--store", str(tmp_path / "a"), with_plugin=False)
    assert "'zzzz': `symbench leaderboard` shows all" in done.err
    none = call("compare", "wide", "other", "-t", "zz", "--store", "a", with_plugin=False)
    assert none.code == 2
    assert "no quick record is of a task that -t selects" in none.err
