"""The verb ``show``: the cards of tasks, models, metrics, suites, executors and plugins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_show_prints_the_whole_card_of_a_task(call: Any) -> None:
    done = call("show", "length")
    assert done.code == 0
    for text in (
        "task length 1", "invariant under rotations", "A second paragraph", "SO(3)", "vectors",
        "mse", "0.05", "8, 16", "Euclid, Elements I.47", "Euclid, table 1", "wide",
        "picky: only accepts images", "Wide (wide) 8: 0.5", "scaling of v and y alike",
    ):  # fmt: skip
        assert text in done.out


def test_show_prints_the_whole_card_of_a_model(call: Any) -> None:
    (card,) = json.loads(call("show", "wide", "--json").out)["cards"]
    assert (card["kind"], card["prior"], card["tasks"]) == ("model", "none", ["length"])
    assert card["recipe"][0]["learning_rate"] == 0.003
    (card,) = json.loads(call("show", "picky", "--json").out)["cards"]
    assert card["declines"] == {"length": "only accepts images"}


def test_show_knows_the_built_in_executors_and_those_of_plugins(call: Any) -> None:
    cards = {
        name: json.loads(call("show", name, "--json").out)["cards"][0]
        for name in ("local", "elsewhere")
    }
    assert {card["kind"] for card in cards.values()} == {"executor"}
    assert (cards["local"]["plugin"], cards["local"]["remote"]) == ("symbench", False)
    assert (cards["elsewhere"]["plugin"], cards["elsewhere"]["remote"]) == ("mine", True)


def test_show_knows_metrics_suites_and_plugins(call: Any) -> None:
    kinds = {
        name: json.loads(call("show", name, "--json").out)["cards"][0]["kind"]
        for name in ("lie_derivative", "tiny", "mine")
    }
    assert kinds == {"lie_derivative": "metric", "tiny": "suite", "mine": "plugin"}


def test_show_tells_how_symmetric_the_inputs_of_a_task_are(call: Any, plugin: Any) -> None:
    (card,) = json.loads(call("show", "length", "--json").out)["cards"]
    assert card["inputs"].startswith("as symmetric as the task (a classifier tells x from gx in ")
    source = Path(plugin).read_text()
    turned = source.replace("x = torch.randn(n, 3,", "x = 1 + torch.rand(n, 3,")
    Path(plugin).write_text(turned.replace('"length", "1"', '"length", "2"'))
    (card,) = json.loads(call("show", "length", "--json").out)["cards"]
    assert card["inputs"].startswith("not symmetric (")
