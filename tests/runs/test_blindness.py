"""What a model of prior ``discovers`` can reach: data and shapes, but no group or test data."""

from __future__ import annotations

import types

import pytest
import torch
import toys

from symbench import Model, Task
from symbench.contract import Context, Data
from symbench.draws import Draws
from symbench.groups import GL, SO, Group
from symbench.registry import Registry
from symbench.registry.problem import make_problem
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
BARREN = (type, types.ModuleType, torch.Tensor, torch.Generator, str, bytes, int, float, type(None))


def parts(thing):
    """Yield the objects that ``thing`` refers to by attributes, items, closures or partials."""
    if isinstance(thing, dict):
        yield from [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    yield from vars(thing).values() if hasattr(thing, "__dict__") else ()
    for cls in type(thing).__mro__:
        for slot in getattr(cls, "__slots__", ()):
            if hasattr(thing, slot):
                yield getattr(thing, slot)
    for name in ("__closure__", "__defaults__", "__self__", "func", "args", "keywords"):
        found = getattr(thing, name, None)
        yield from found if isinstance(found, tuple) else (found,)
    if isinstance(thing, types.CellType):
        yield thing.cell_contents


def reachable(*roots):
    """Return all objects that can be reached, except those that any import can reach."""
    waiting, seen = list(roots), {}
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, BARREN):
            continue
        seen[id(thing)] = thing
        waiting.extend(parts(thing))
    return list(seen.values())


def given_to_fit(model_class, monkeypatch=None):
    """Return the arguments with which the engine calls ``fit`` of a model of that prior."""
    handed = []

    class Spy(model_class):
        def fit(self, problem, data, context):
            handed.extend([problem, data, context])
            return self.build(problem)

    def view(generator):
        return make_problem(REGISTRY, TASK, Spy, generator)

    train(TrainingSetup(Draws.of(TASK), Spy(), view, 1, torch.device("cpu")), [TrialKey(16, 0)])
    return handed


def groups_in(things):
    return [thing for thing in things if isinstance(thing, Group)]


def test_no_attribute_path_leads_a_discoverer_to_task_group_or_registry():
    handed = given_to_fit(toys.Finding)
    assert [type(one) for one in handed][1:] == [Data, Context]
    found = reachable(*handed)
    assert not [thing for thing in found if isinstance(thing, Task | Registry)]
    assert {str(group) for group in groups_in(found)} == {str(GL(3))}  # the search space


def test_a_discoverer_gets_no_test_data():
    test = Draws.of(TASK).test()
    tensors = [one for one in gather_tensors(given_to_fit(toys.Finding)) if one.dim() == 2]
    rows = torch.cat([one for one in tensors if one.shape[1] == test.x.shape[1]])
    assert len(rows) >= 16
    assert not bool((test.x[:, None] == rows).all(-1).any())


def gather_tensors(roots):
    found = []
    for thing in reachable(*roots):
        found += [part for part in parts(thing) if isinstance(part, torch.Tensor)]
    return found


def test_the_walk_would_find_what_a_told_model_gets():
    assert SO(3) in groups_in(reachable(*given_to_fit(toys.Told)))


def test_the_walk_looks_into_closures_and_partials():
    hidden = TASK

    def build(name):
        return hidden, name

    assert TASK in reachable(types.SimpleNamespace(builder=build))


@pytest.mark.parametrize("model", [toys.Small, toys.Finding])
def test_only_a_discoverer_is_told_the_search_space(model):
    view = make_problem(REGISTRY, TASK, model)
    assert view.symmetry is None
    assert (view.candidate is None) == (model is toys.Small)


def test_the_search_space_is_how_all_matrices_act():
    view = make_problem(REGISTRY, TASK, toys.Finding)
    A = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(view.candidate.input.drho(A), torch.block_diag(A, A))
    assert not view.candidate.output.drho(A).any()


def test_a_backbone_of_a_discoverer_is_built_from_its_own_view():
    class Asking(toys.Finding):
        backbones = ("small",)

        def build(self, problem):
            return problem.backbone("small")

    assert isinstance(Asking, type)
    assert issubclass(Asking, Model)
    module = Asking().build(make_problem(REGISTRY, TASK, Asking))
    assert module(torch.zeros(2, 6)).shape == (2, 1)
