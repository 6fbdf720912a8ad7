"""The verb ``list``: its sections, and plugins that are broken or blocked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_list_shows_every_section(call: Any) -> None:
    done = call("list")
    assert done.code == 0
    for text in (
        "tasks (1)",
        "models (3)",
        "suites (2)",
        "boards (1)",
        "executors (3)",
        "plugins (1)",
        "length of a vector",
    ):
        assert text in done.out
    assert "a plugin may print" not in done.out


def test_list_json_is_one_document(call: Any) -> None:
    document = json.loads(call("list", "--json").out)
    assert set(document) == {
        "tasks", "models", "metrics", "suites", "boards", "executors", "plugins",
    }  # fmt: skip
    assert [board["name"] for board in document["boards"]] == ["closest"]
    (task,) = document["tasks"]
    assert (task["name"], task["version"], task["kind"]) == ("length", "1", "vectors")
    assert {model["prior"] for model in document["models"]} == {"none"}
    assert "error" in {metric["name"] for metric in document["metrics"]}
    assert [executor["name"] for executor in document["executors"]] == [
        "elsewhere", "inline", "local",
    ]  # fmt: skip
    assert set(json.loads(call("list", "models", "--json").out)) == {"models"}


def test_a_broken_plugin_is_named_on_stderr_and_the_others_go_on(call: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise ValueError('out of order')")
    done = call("list", "--plugin", str(tmp_path / "bad.py"), "--json")
    assert done.code == 0
    assert "plugin bad: ValueError: out of order" in done.err
    assert [task["name"] for task in json.loads(done.out)["tasks"]] == ["length"]


def test_a_blocked_plugin_registers_nothing(call: Any) -> None:
    document = json.loads(call("list", "--json", "--no-plugin", "mine").out)
    assert document["tasks"] == []
    assert document["plugins"][0]["status"] == "blocked"
