"""Only cells that would be computed in the same way are run again."""

from __future__ import annotations

import pytest

from symbench.publish.submission import rerun
from symbench.records.record import Identity
from symbench.runs.plan import make_plan


def obstacle(rerunner, identity):
    return rerunner.obstacles([identity])[identity.key]


@pytest.mark.parametrize(
    ("part", "value", "why"),
    [
        ("task_fingerprint", "0", "draws other data"),
        ("model_version", "0", "another version of the model"),
        ("model_source_sha256", "0", "source is another"),
        ("config", {"width": 999, "learning_rate": 0.01}, "settings are others"),
        ("protocol", {"version": "1", "updates": 10**9}, "protocol is another"),
        ("sizes", [16, 10**9], "more than 64 examples"),
        ("model", "unheard-of", "model is not registered"),
        ("sponsor", "x", "fields unknown"),
    ],
)
def test_a_cell_that_differs_from_what_is_here_is_not_run(honest, rerunner, part, value, why):
    own = honest.records[-1].identity.model_dump()
    assert obstacle(rerunner, Identity(**own)) is None
    assert why in obstacle(rerunner, Identity(**{**own, part: value}))


def test_data_that_are_not_here_are_not_fetched(honest, rerunner, monkeypatch):
    norms = type(rerunner.registry.task("norms"))
    monkeypatch.setattr(norms, "is_local", lambda self: False)
    assert obstacle(rerunner, honest.records[-1].identity) == "the task's data are not here"


def test_the_cells_of_a_task_are_planned_together(honest, rerunner, monkeypatch):
    plans = []

    def counted(registry, selection):
        plans.append(selection.models)
        return make_plan(registry, selection)

    monkeypatch.setattr(rerun, "make_plan", counted)
    identities = [one for one in honest.plan if one.model in ("small", "told")]
    assert set(rerunner.obstacles(identities).values()) == {None}
    assert plans == [("small", "told")]


def test_a_cell_that_cannot_be_planned_is_no_obstacle_to_the_others(honest, rerunner, monkeypatch):
    def failing(registry, selection):
        if "told" in selection.models:
            raise RuntimeError("no plan today")
        return make_plan(registry, selection)

    monkeypatch.setattr(rerun, "make_plan", failing)
    identities = {one.model: one for one in honest.plan if one.model in ("small", "told")}
    found = rerunner.obstacles(list(identities.values()))
    assert found[identities["small"].key] is None
    assert "RuntimeError: no plan today" in found[identities["told"].key]
