"""Whether a torch module keeps a symmetry, and where it breaks it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from symbench.contract import Data, Model, Prior, Problem, Symmetry, Task, Trained, seeded
from symbench.contract.modules import copied
from symbench.draws import Draws
from symbench.errors import InputError, ShapeError
from symbench.groups import Group, Representation
from symbench.inspection.arrays import Arrays, require_divides, symmetry_of, tensor_of
from symbench.inspection.blocks import EXACT, Change, Defects, defects
from symbench.metrics import CORE
from symbench.metrics.inputs import inputs_told_apart, told_apart
from symbench.metrics.network import double_network
from symbench.registry.card import one_line
from symbench.runs.score import predict, seeded_evaluation

_WITHOUT_TARGETS = {"equivariance_error", "equivariance_error_float32"}
_SAME = 1e-3  # of the largest output: what two calls may differ by
_ROUGHLY = 0.1  # defect below which a symmetry is called approximate


@dataclass(frozen=True)
class Inspection:
    """What a module does with a symmetry.

    Attributes:
        network: the class of the module.
        task: the name of the task, ``arrays`` for arrays of the caller.
        symmetry: the group and its action on inputs and outputs.
        scores: the symmetry scores by name, as in a record (docs/metrics.md).
        absent: why a score could not be measured, by its name.
        defects: by how much moved inputs fail to move the outputs, block by block.
        finding: whether and where the symmetry breaks, in a sentence.
        unit: whose variance the scores are in units of, ``targets`` or ``outputs``.
    """

    network: str
    task: str
    symmetry: Symmetry
    scores: dict[str, float]
    absent: dict[str, str]
    defects: Defects
    finding: str
    unit: str = "targets"

    def __str__(self) -> str:
        s = self.symmetry
        lines = [f"{self.network} on {self.task}: {s.group}, {s.input} -> {s.output}", self.finding]
        lines += ["", f"{'all blocks moved as declared':60} {self.defects.whole:.2g}"]
        lines += [f"input {change!s:54} {change.defect:.2g}" for change in self.defects.inputs]
        lines += [f"output {block!s:53} {defect:.2g}" for block, defect in self.defects.outputs]
        lines += ["", f"scores, in units of the variance of the {self.unit}"]
        lines += [f"{name:60} {value:.2g}" for name, value in self.scores.items()]
        lines += [f"{name:60} absent: {why}" for name, why in self.absent.items()]
        return "\n".join(lines)

    def document(self) -> dict[str, Any]:
        """Return the inspection as JSON values."""
        s = self.symmetry
        return {
            "network": self.network, "task": self.task, "group": str(s.group),
            "input": str(s.input), "output": str(s.output), "finding": self.finding,
            "scores": self.scores, "absent": self.absent, "unit": self.unit,
            "defects": _finite(asdict(self.defects)),
        }  # fmt: skip


def _finite(value: Any) -> Any:
    """Return a value of JSON with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def inspect(  # noqa: PLR0913 - public arguments
    module: nn.Module | Callable[[Tensor], Tensor],
    task: str | Task | None = None,
    *,
    x: Any = None,
    y: Any = None,
    group: str | Group | None = None,
    input: str | Representation | None = None,  # noqa: A002 - as in Symmetry
    output: str | Representation | None = None,
    tier: str = "quick",
) -> Inspection:
    """Score how well a module keeps a symmetry: that of a task, or a named one on arrays.

    Args:
        module: maps [n, *input_shape] to [n, *output_shape]; it is evaluated in evaluation mode on
            the CPU, and left as it is.
        task: a task or the name of a registered one, whose test data are used.
        x: inputs [n, ...] of the caller's own, instead of a task.
        y: their targets [n, ...]; without them, the outputs of the module are the unit.
        group: such as ``SO(3)`` or ``O(3) x SO(2)``.
        input: how the group acts on an example of x, such as ``2V + 3S``: two vectors, then three
            scalars.
        output: the same of the module's outputs.
        tier: that of the task.

    Raises:
        InputError: neither a task nor arrays, what cannot be read, or shapes that do not agree.
        ShapeError: the outputs of the module have another shape than the task's.
    """
    name = type(module).__name__ if isinstance(module, nn.Module) else "function"
    network = copied(module if isinstance(module, nn.Module) else _Called(module)).cpu().eval()
    subject = _subject(network, task, tier, (x, y), (group, input, output))
    return _inspected(network, name, subject)


class _Called(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class _Elsewhere(Model):
    """Stands for the model of a network that was trained elsewhere."""

    name, version = "elsewhere", "1"
    prior: ClassVar[Prior] = "none"

    def build(self, problem: Problem) -> nn.Module:  # noqa: ARG002 - the network exists
        raise InputError("the network was trained elsewhere and cannot be built")


@dataclass(frozen=True)
class _Subject:
    """What a network is inspected on: a task with test data, and how its inputs are told apart."""

    task: Task
    symmetry: Symmetry
    test: Data
    inputs: float | None
    has_targets: bool


def _subject(
    network: nn.Module,
    task: str | Task | None,
    tier: str,
    arrays: tuple[Any, Any],
    named: tuple[Any, Any, Any],
) -> _Subject:
    given = [one is not None for one in (arrays[0], *named)]
    if (task is not None) == any(given) or any(given) != all(given):
        raise InputError("give either a task, or x, group, input and output together")
    return _of_arrays(network, arrays, named) if task is None else _of_task(task, tier)


def _of_task(task: str | Task, tier: str) -> _Subject:
    from symbench import api

    found = (api.task(task) if isinstance(task, str) else task).for_tier(tier)
    if (symmetry := found.symmetry) is None:
        raise InputError(f"task {found.name} has no symmetry: choose another one")
    if missing := found.available():
        raise InputError(f"task {found.name}: {missing}")
    draws = Draws.of(found)
    inputs = draws.kept("inputs", inputs_told_apart)
    return _Subject(found, symmetry, draws.test(), inputs, has_targets=True)


def _of_arrays(
    network: nn.Module, arrays: tuple[Any, Any], named: tuple[Any, Any, Any]
) -> _Subject:
    symmetry, x = symmetry_of(*named), tensor_of("x", arrays[0])
    require_divides("input", symmetry.input, x)
    outputs = _outputs(network, x)
    if len(outputs) != len(x):
        raise InputError(f"the network returned {len(outputs)} rows for {len(x)} inputs")
    require_divides("output", symmetry.output, outputs)
    y = outputs if arrays[1] is None else tensor_of("y", arrays[1])
    if y.shape != outputs.shape:
        raise InputError(
            f"y has the shape {tuple(y.shape)}, the outputs {tuple(outputs.shape)}: make them agree"
        )
    told = told_apart(x, symmetry, seeded("inspect", "inputs"))
    data = Data(x, y.float())
    return _Subject(Arrays(data, symmetry), symmetry, data, told, arrays[1] is not None)


def _outputs(network: nn.Module, x: Tensor) -> Tensor:
    """Return the outputs of a network, in the type that it computes in.

    Raises:
        InputError: it cannot be evaluated.
    """
    tensors = [*network.parameters(), *network.buffers()]
    kinds = {t.dtype for t in tensors if t.is_floating_point()}
    own = x.double() if kinds == {torch.float64} else x
    try:
        outputs = predict(network, Data(own, own))
    except Exception as error:  # the module may raise anything
        raise InputError(
            f"the network cannot be called on inputs {tuple(x.shape)}: {one_line(error)}; wrap it "
            "in a module that takes them"
        ) from error
    if not isinstance(outputs, Tensor) or not outputs.is_floating_point():
        raise InputError("the network returns no tensor of real numbers: wrap it in one that does")
    if not bool(outputs.isfinite().all()):
        raise InputError("the network returns NaN or infinite numbers")
    return outputs


def _require_function(network: nn.Module, x: Tensor, outputs: Tensor) -> None:
    """Require that the outputs are those of a function that varies.

    Raises:
        InputError: they are the same for all inputs, or others when the network is called again.
    """
    if len(outputs) and bool((outputs == outputs[0]).all()):
        raise InputError(
            "the network returns the same for every input, which every symmetry keeps: give one "
            "that was trained"
        )
    again = _outputs(network, x)
    same = again.shape == outputs.shape
    if not same or float((again - outputs).abs().max()) > _SAME * float(outputs.abs().max()):
        raise InputError(
            "the network returns other outputs when it is called again with the same inputs: fix "
            "its random numbers in evaluation mode"
        )


def _inspected(network: nn.Module, name: str, subject: _Subject) -> Inspection:
    task, test, model = subject.task, subject.test, _Elsewhere()
    with seeded_evaluation(task, 0, network):
        prediction = _outputs(network, test.x)
        if tuple(prediction.shape) != (len(test), *task.output_shape):
            raise ShapeError(
                f"the network returned {tuple(prediction.shape)} for {len(test)} inputs of "
                f"{task.name}, which expects {(len(test), *task.output_shape)}"
            )
        _require_function(network, test.x, prediction)
        trained = Trained(
            network, model, _problem(task), 0, 0, test, prediction, thorough=False,
            cell_memo={"inputs": subject.inputs},
        )  # fmt: skip
        scores = _scores(trained, subject)
        found = defects(double_network(trained), test.x, subject.symmetry, seeded("inspect"))
    finding = _finding(found, subject.symmetry.group)
    if (floor := scores.get("equivariance_error.floor")) is not None:
        finding += (
            f" The group acts by interpolation, which alone makes a violation of {floor:.2g}."
        )
    return Inspection(
        name, task.name, subject.symmetry, scores, dict(trained.notes), found, finding,
        "targets" if subject.has_targets else "outputs",
    )  # fmt: skip


def _problem(task: Task) -> Problem:
    return Problem(task.kind, task.loss, task.input_shape, task.output_shape)


def _scores(trained: Trained, subject: _Subject) -> dict[str, float]:
    """Return the core's scores of a symmetry; with targets also the error."""
    task, scores = subject.task, dict[str, float]()
    for metric in (cls() for cls in CORE):
        wanted = metric.symmetry or (metric.name == "error" and subject.has_targets)
        if not subject.has_targets and metric.name not in _WITHOUT_TARGETS:
            continue
        if wanted and metric.applies(task, trained.model):
            made = metric.score(trained, task, seeded(task.name, "inspect", metric.name))
            scores |= made if isinstance(made, dict) else {metric.name: made}
    return {name: float(value) for name, value in scores.items()}


def _finding(found: Defects, group: Group) -> str:
    whole = found.whole
    if not whole > EXACT:
        return f"It keeps {group}: the defect {whole:.1g} is rounding."
    if found.culprits:
        return f"It breaks {group}, with a defect of {whole:.2g}: {_blame(found.culprits)}"
    how = "keeps {} only approximately" if whole < _ROUGHLY else "does not keep {}"
    least = min(found.inputs, key=lambda change: change.defect, default=None)
    more = "" if least is None else f" (least with {least}: {least.defect:.2g})"
    why = f"the defect is {whole:.2g}, and no input block explains it{more}"
    return f"It {how.format(group)}: {why}."


def _blame(culprits: tuple[Change, ...]) -> str:
    """Say which blocks are not moved, and how to repair it."""
    said = [_not_moved(change) for change in culprits]
    return f"{'; '.join(said)}. With this changed, the defect is {culprits[-1].defect:.1g}."


def _not_moved(change: Change) -> str:
    first, last = change.columns
    if change.moved_as:
        return (
            f"input columns {first}–{last} are declared as scalars and not moved, but the network "
            f"moves them as {change.moved_as}: declare them so"
        )
    return (
        f"input {change.block} is not moved by the network, which reads its coordinates as fixed "
        f"numbers: let it use them as {change.block.representation}, or declare them as "
        f"{last - first + 1}S"
    )
