"""The verb ``compare``: two models of a store side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_two_models_of_a_store_are_compared(call: Any, stored: Any, tmp_path: Path) -> None:
    chance = {"version": "2", "prior": "none", "threshold": 0.05, "chance_error": 1.0}
    for model in ("wide", "other"):
        record = stored(tmp_path / "x", model)
        identity = record.identity.model_copy(update={"protocol": chance})
        stored(tmp_path / "a", model, identity=identity)
    options = ["--store", str(tmp_path / "a")]
    done = call("compare", "wide", "other", *options, with_plugin=False)
    assert done.code == 0
    assert "wide and other are not distinguished: p = 1" in done.out
    document = json.loads(call("compare", "wide", "other", *options, "--json").out)
    assert document["tasks"] == [] or document["tasks"][0]["task"] == "length"


def test_an_unknown_model_is_refused_with_a_suggestion(
    call: Any, stored: Any, tmp_path: Path
) -> None:
    stored(tmp_path / "a")
    stored(tmp_path / "a", "other")
    done = call("compare", "wid", "other", "--store", str(tmp_path / "a"), with_plugin=False)
    assert done.code == 2
    assert "did you mean wide" in done.err
