"""The verb ``doctor``: what it reports of the machine, the plugins and the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from symbench.records.record import Failure


def test_doctor_tells_machine_versions_plugins_and_store_health(
    call: Any, stored: Any, tmp_path: Path
) -> None:
    stored(tmp_path / "a")
    stored(tmp_path / "a", "sick", status="failed", error=Failure(type="X", message="y"))
    (tmp_path / "a" / "cells" / ("0" * 16 + ".json")).write_text("half")
    document = json.loads(call("doctor", "--json", "--store", str(tmp_path / "a")).out)
    assert set(document) == {"machine", "versions", "devices", "plugins", "store", "data"}
    assert document["store"]["cells"] == {"failed": 1, "ok": 1}
    assert len(document["store"]["set_aside"]) == 1
    assert document["plugins"][0]["name"] == "mine"
    assert document["versions"]["torch"] != "not installed"
    page = call("doctor", "--store", str(tmp_path / "a")).out
    assert all(word in page for word in ("machine", "versions", "torch", "failed 1, ok 1"))


def test_doctor_finds_a_store_that_is_no_directory(call: Any, tmp_path: Path) -> None:
    (tmp_path / "cells").write_text("a file")
    document = json.loads(call("doctor", "--json", "--store", str(tmp_path)).out)
    assert document["store"]["cells"] == {}
