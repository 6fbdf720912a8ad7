"""A selection becomes ordered cells, named by content and declined with a reason."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest
import toys

from symbench import Metric, hookimpl
from symbench.errors import InputError, UnknownNameError
from symbench.registry.problem import make_problem
from symbench.runs import plan
from symbench.runs.plan import Selection, make_plan
from symbench.runs.protocol import TIERS
from symbench.runs.staleness import is_stale

REGISTRY = toys.toy_registry()


def test_cells_are_ordered_by_task_and_model():
    cells = make_plan(REGISTRY, Selection(models=("small", "told"), tier="smoke"))
    assert [(cell.task, cell.model) for cell in cells] == [
        ("labels", "small"), ("labels", "told"), ("norms", "small"), ("norms", "told"),
    ]  # fmt: skip
    assert cells[0].identity.sizes == [16, 64]
    assert cells[0].identity.seeds == list(range(TIERS["smoke"].seeds))


def test_an_incompatible_pair_is_declined_with_its_reason():
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("declining",)))
    assert cell.reason == "it never does"


def test_a_task_may_ask_for_its_published_number_of_updates(monkeypatch):
    monkeypatch.setattr(toys.Norms, "updates", {"full": 31_250})
    cells = {
        tier: make_plan(REGISTRY, Selection(("norms",), ("small",), tier=tier))[0]
        for tier in ("quick", "full")
    }
    assert cells["quick"].identity.protocol["updates"] == TIERS["quick"].updates
    assert cells["full"].identity.protocol["updates"] == 31_250


def test_only_a_told_model_sees_the_symmetry():
    task = REGISTRY.task("norms")
    assert make_problem(REGISTRY, task, toys.Small).symmetry is None
    assert make_problem(REGISTRY, task, toys.Told).symmetry is not None


def test_a_task_shows_its_symmetry_once_to_all_told_models(monkeypatch):
    asked = []
    told = toys.Norms.told
    monkeypatch.setattr(
        toys.Norms, "told", property(lambda task: asked.append(task) or told.fget(task))
    )
    make_plan(REGISTRY, Selection(("norms",)))  # the fingerprint is kept from now on
    asked.clear()
    cells = make_plan(REGISTRY, Selection(("norms",)))
    assert sum(cell.identity.protocol["prior"] == "told" for cell in cells) > 1
    assert len(asked) == 1


PLAN = """
import sys
from symbench import registry
from symbench.runs import plan
from symbench.runs.plan import Selection, make_plan

tasks = "o3-inertia", "nbody-charged", "geometry-chains", "csl", "max-cut"
models = "e3nn", "e3nn-nbody", "geo-tensor-1", "gcn", "gat", "pyg-gcn"
cells = make_plan(registry.load(), Selection(tasks, models, "standard"))
print(sum(cell.reason is None for cell in cells), {"e3nn", "torch_geometric"} & set(sys.modules))
"""


def test_planning_imports_no_library_that_only_networks_need():
    done = subprocess.run(
        [sys.executable, "-c", PLAN], capture_output=True, text=True, check=True, timeout=120
    )
    accepted, imported = done.stdout.split(" ", 1)
    assert int(accepted) > 4
    assert imported.strip() == "set()"


class OutOfQuick(toys.Norms):
    """Is in the tiers smoke and full only."""

    name, sizes = "outside", {"smoke": (16,), "quick": (), "full": (16,)}


def planned_tasks(**selection):
    class Plugin:
        @hookimpl
        def symbench_register(self, registry):
            registry.task(OutOfQuick)

    registry = toys.toy_registry()
    registry.add(Plugin(), "more", "1", "tests")
    cells = make_plan(registry, Selection(models=("small",), **selection))
    return [cell.task for cell in cells]


def test_a_task_that_states_no_sizes_for_a_tier_is_not_planned_and_is_named(caplog):
    assert planned_tasks(tier="quick") == ["labels", "norms"]
    (record,) = caplog.records
    assert "no sizes in tier quick" in record.message
    assert record.message.endswith(": outside")
    assert planned_tasks(tier="full") == ["labels", "norms", "outside"]
    assert planned_tasks(tier="quick", sizes=(8,)) == ["labels", "norms", "outside"]
    assert len(caplog.records) == 1


def test_of_many_such_tasks_the_warning_names_some_and_counts_the_others(caplog):
    plan._without([f"out-{n}" for n in range(9)], "too few rows", ["norms"], Selection())
    (record,) = caplog.records
    assert record.message == "not planned, too few rows: out-0, out-1, out-2 and 6 more tasks"


@pytest.mark.parametrize("tasks", [("outside",), ("norms", "outside"), ("out*",)])
def test_such_a_task_is_refused_if_it_is_named_or_nothing_is_left(tasks):
    with pytest.raises(InputError, match="outside: no sizes in tier quick"):
        planned_tasks(tasks=tasks, tier="quick")


def test_a_model_builds_another_by_name():
    class Head(toys.Small):
        backbones = ("small",)

    view = make_problem(REGISTRY, REGISTRY.task("norms"), Head)
    assert view.backbone("small")(REGISTRY.task("norms").sample(3, 0, "test").x).shape == (3, 1)
    with pytest.raises(UnknownNameError, match="did you mean small"):
        view.backbone("smal")


@pytest.mark.parametrize(
    "change", [{"tier": "smoke"}, {"sizes": (16,)}, {"seeds": 3}, {"models": ("told",)}]
)
def test_what_changes_the_experiment_changes_the_key(change):
    base = {"tasks": ("norms",), "models": ("small",), "tier": "quick"}
    (first,) = make_plan(REGISTRY, Selection(**base))
    (again,) = make_plan(REGISTRY, Selection(**base))
    (other,) = make_plan(REGISTRY, Selection(**{**base, **change}))
    assert first.key == again.key != other.key


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"tier": "huge"}, "smoke, quick, standard, full"),
        ({"seeds": 0}, "at least one"),
        ({"sizes": (1,)}, "2"),
    ],
)
def test_a_bad_selection_is_refused(bad, message):
    with pytest.raises(InputError, match=message):
        Selection(**bad)


def test_an_unknown_name_is_refused_with_a_near_one():
    with pytest.raises(UnknownNameError, match="did you mean norms"):
        make_plan(REGISTRY, Selection(tasks=("norm",)))


def test_a_selection_that_leaves_nothing_is_refused():
    from symbench.registry import Registry

    with pytest.raises(InputError, match="nothing to run"):
        make_plan(Registry(), Selection())


def test_a_new_version_makes_a_record_stale():
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",)))
    assert not is_stale(REGISTRY, cell.identity)
    for change in (
        {"task_version": "0"},
        {"task_fingerprint": "0" * 16},
        {"model_version": "0"},
        {"model_source_sha256": "0"},
        {"protocol": {**cell.identity.protocol, "version": "0"}},
    ):
        assert is_stale(REGISTRY, cell.identity.model_copy(update=change))
    unknown = {"model": "somebody-elses", "model_version": "9"}
    assert not is_stale(REGISTRY, cell.identity.model_copy(update=unknown))


def test_a_task_whose_data_are_not_here_is_not_asked_for_them(monkeypatch):
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",)))

    def fetch(self):
        raise AssertionError("it would download")

    monkeypatch.setattr(toys.Norms, "is_local", lambda self: False)
    monkeypatch.setattr(toys.Norms, "fingerprint", fetch)
    assert not is_stale(REGISTRY, cell.identity)


def test_a_cell_declined_for_want_of_data_is_planned_when_they_are_here(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(toys.Norms, "available", lambda self: "no data: connect")
        (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",)))
    assert (cell.reason, cell.identity.task_fingerprint) == ("no data: connect", "")
    assert not is_stale(REGISTRY, cell.identity)  # whether they are here is not asked for tables
    (now,) = make_plan(REGISTRY, Selection(("norms",), ("small",)))
    assert now.reason is None
    assert now.key != cell.key


@pytest.mark.parametrize(
    ("option", "value"), [("updates", 7), ("sampler", "near"), ("symmetry_at", "largest")]
)
def test_an_experiment_is_part_of_the_identity(option, value):
    (usual,) = make_plan(REGISTRY, Selection(("norms",), ("small",)))
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",), **{option: value}))
    protocol = cell.identity.protocol
    assert protocol[option] == value
    assert protocol["experiment"] == {option: value}
    assert cell.key != usual.key
    assert "experiment" not in usual.identity.protocol


@pytest.mark.parametrize("option", ["updates", "symmetry_at"])
def test_what_the_tier_does_anyway_is_no_experiment(option):
    (usual,) = make_plan(REGISTRY, Selection(("norms",), ("small",)))
    same = {option: usual.identity.protocol[option]}
    assert make_plan(REGISTRY, Selection(("norms",), ("small",), **same)) == [usual]


def test_a_law_that_the_group_lacks_declines_the_cell():
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",), sampler="far"))
    assert cell.reason == "sampler far: SO(3) is compact: its own law reaches all of it"


@pytest.mark.parametrize(
    "options", [{"updates": 0}, {"sampler": "odd"}, {"symmetry_at": "some"}], ids=str
)
def test_a_wrong_option_of_an_experiment_is_refused(options):
    with pytest.raises(InputError, match=str(next(iter(options.values())))):
        Selection(("norms",), ("small",), **options)


def test_a_separate_validation_set_is_part_of_the_identity(monkeypatch):
    monkeypatch.setattr(toys.Norms, "separate_validation", "as in a paper", raising=False)
    cells = make_plan(toys.toy_registry(), Selection(("norms",), ("small",)))
    assert cells[0].identity.protocol["separate_validation"] == "as in a paper"


class Parity(Metric):
    name, version, summary, direction = "parity", "1", "of nothing", "lower"

    def score(self, trained, task, generator):
        return 0.0


def test_metrics_that_are_asked_for_are_part_of_the_identity():
    registry, stranger = toys.toy_registry(), types.ModuleType("stranger")

    @hookimpl
    def symbench_register(registry):
        registry.metric(Parity)

    stranger.symbench_register = symbench_register
    registry.add(stranger, "stranger", "", "stranger")
    (plain,) = make_plan(registry, Selection(("norms",), ("small",), "smoke"))
    (cell,) = make_plan(registry, Selection(("norms",), ("small",), "smoke", metrics=("par*",)))
    assert "metrics" not in plain.identity.protocol
    assert cell.identity.protocol["metrics"] == ["parity"]
    assert cell.key != plain.key
    with pytest.raises(UnknownNameError, match="nope"):
        make_plan(registry, Selection(("norms",), ("small",), "smoke", metrics=("nope",)))
