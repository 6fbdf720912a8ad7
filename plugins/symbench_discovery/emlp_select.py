"""Choice among subgroups of the told group by validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, final

import torch
from torch import nn

from symbench import Context, Data, InputError, Model, Prior, Problem, Recipe
from symbench.groups import SO, Group, Lorentz, O, Trivial
from symbench_discovery.predictor import trained
from symbench_discovery.training import TaskLoss
from symbench_discovery.vectors import NOT_IN_QUICK, TrainedConfig

_STEPS = 2  # of an optimiser per update of the budget


@final
class EMLPSelect(Model):
    """EMLPs of the told group and of subgroups, and a perceptron; the best on validation is kept.

    The subgroups of O(d) are O(d - 1) on all axes but the first or but the last. Those
    of O(1, 3) are O(3) on space, and those of SO(d) are SO(d - 1) on all axes but the first or but
    the last. The networks share twice the updates of one: with four candidates each is trained for
    half of them. All are trained on the same four fifths of the examples and compared on the last
    fifth, so that no label is used twice.
    """

    name, version = "emlp-select", "1"
    prior: ClassVar[Prior] = "told"
    summary = "EMLP of the subgroup of the told group that is best on validation"
    reference = "after Elhag et al. 2024, REMUL (arXiv:2410.17878), and Finzi et al. 2021 (EMLP)"
    backbones = ("emlp", "mlp")
    Config = TrainedConfig
    config: TrainedConfig
    tiers = NOT_IN_QUICK

    def accepts(self, problem: Problem) -> str | None:
        """Decline all but regression of vectors with a told group that has listed subgroups."""
        if problem.kind != "vectors" or problem.loss != "mse":
            return "emlp-select reads vectors with a regression target"
        if problem.symmetry is None:
            return "emlp-select needs to be told a symmetry, but the task has no symmetry"
        group = problem.symmetry.group
        if not list(_subgroups(group)):
            return f"emlp-select knows subgroups of O(d), SO(d) and O(1, 3), not of {group}"
        return self.config.reason

    def build(self, problem: Problem) -> nn.Module:
        """Return the untrained EMLP of the told group."""
        return problem.backbone("emlp")

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:  # noqa: ARG002
        """Return the network with the least validation error."""
        candidates = list(_candidates(problem))
        updates = min(context.updates, _STEPS * context.updates // len(candidates))
        for net in candidates:
            trained(net.to(context.device), problem, context, updates)
        error = TaskLoss.of(problem, context.rest.y)
        with torch.no_grad():
            errors = [float(error(net(context.valid.x), context.valid.y)) for net in candidates]
        return candidates[errors.index(min(errors))]


def _candidates(problem: Problem) -> Iterator[nn.Module]:
    """Yield the networks of the told group, of its subgroups, and of no group."""
    told = problem.symmetry
    if told is None:
        raise InputError("emlp-select needs to be told a symmetry")
    for group in (told.group, *_subgroups(told.group)):
        law = replace(
            told, group=group, input=told.input.rebind(group), output=told.output.rebind(group)
        )
        yield replace(problem, symmetry=law).backbone("emlp")
    yield problem.backbone("mlp")


def _subgroups(group: Group) -> Iterator[Group]:
    d = group.dim
    if group == Lorentz():
        yield Trivial(1) * O(3)
    elif d > 1 and group == O(d):
        yield from (Trivial(1) * O(d - 1), O(d - 1) * Trivial(1))
    elif d > 1 and group == SO(d):
        yield from (Trivial(1) * SO(d - 1), SO(d - 1) * Trivial(1))
