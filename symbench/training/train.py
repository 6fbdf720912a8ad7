"""Turn the keys of a cell's trials into trained modules."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from symbench.contract import Data, Fits, FitsTogether, Recipe, seeded
from symbench.contract.modules import copied, equal, named_tensors, shared_tensors
from symbench.contract.stacked import probe
from symbench.errors import InputError, ShapeError
from symbench.training.building import (
    Built,
    Fitted,
    fit_together,
    initial_seed,
    make_network,
    training_data,
    untrained,
)
from symbench.training.cuda_graph import Replay
from symbench.training.labels import rest_and_valid
from symbench.training.outside import Outside, conflict
from symbench.training.setup import (
    Progress,
    ProgressCallback,
    StackingDecision,
    TrainingSetup,
    Trial,
    TrialKey,
    check_output,
    seeded_globally,
    trainable,
    wait_for,
)
from symbench.training.stacking import at_once, decide
from symbench.training.update import Best, Update

_ROUNDING = 1e-3  # of the largest output; two builds on a GPU may differ by this


def train(setup: TrainingSetup, keys: Sequence[TrialKey]) -> list[Trial]:
    """Train the trials and return them in order, each with its module in evaluation mode.

    A trial's result depends only on its own key, not on the other trials, to float tolerance. If
    training changes what the trials share, or what stacking shares between them, they are trained
    again, one by one.

    Raises:
        ShapeError: the model's output has the wrong shape.
        InputError: the recipe needs a symmetry that the model does not know; two builds with one
            seed differ; or the trials share tensors that training changes.
    """
    outside = Outside(setup.model)
    try:
        trials, keeps_state = _train_at_once(setup, keys, outside)
    except (InputError, ShapeError):
        raise
    except Exception:  # also by a tensor of vmap that has been kept outside
        if not outside.changed():
            raise
        keeps_state = True
    if keeps_state or outside.changed():
        trials = _train_anew(setup, keys, outside)
    for trial in trials:
        trial.module.eval()
    return trials


def _train_at_once(
    setup: TrainingSetup, keys: Sequence[TrialKey], outside: Outside
) -> tuple[list[Trial], bool]:
    """Return the trained trials, and whether stacked ones kept state that is each trial's own."""
    trials = _prepared(setup, keys)
    _keep_initial(setup, trials)
    if isinstance(setup.model, Fits):
        _refuse_later_changes(setup, trials)
        if len(trials) > 1 and setup.fits and not outside.changed():
            _refuse_memory(setup, trials)
    else:
        again = _compare_builds(setup, trials[0], outside)
    shared = shared_tensors([trial.module for trial in trials])
    _refuse(setup, [name for name, tensor in shared.items() if tensor.requires_grad])
    versions = {name: tensor._version for name, tensor in shared.items()}
    ready = isinstance(setup.model, Fits) or setup.task.loss == "none"
    keeps_state = False
    if not ready and any(trainable(trial.module) for trial in trials):
        early = _outputs(setup, trials[0], again)
        keeps_state = _train_all(trials, setup.recipe_used, setup)
        if not keeps_state and not outside.changed():
            _compare_with_early(setup, trials[0], early)
    _refuse(setup, [name for name in shared if shared[name]._version != versions[name]])
    return trials, keeps_state


def _train_anew(setup: TrainingSetup, keys: Sequence[TrialKey], outside: Outside) -> list[Trial]:
    """Train the trials one by one, each from the same values outside of its module.

    Raises:
        InputError: they leave different values there, so that they cannot be scored one by one.
    """
    trials, ends = [], []
    for place, key in enumerate(keys):
        outside.restore()
        progress = partial(_report_part, setup.progress, place / len(keys), 1 / len(keys))
        alone = replace(setup, fleet="off", progress=progress)
        (trial,), _ = _train_at_once(alone, [key], outside)
        if trial.stacking is not None:
            trial.stacking = StackingDecision(False, "state")
        trials.append(trial)
        ends.append(outside.read())
    if (name := conflict(ends)) is not None:
        raise InputError(
            f"model {setup.model.name}: {name} differs after the trainings of two trials, but all "
            "trials share it: keep it in the module, by register_buffer"
        )
    return trials


def _report_part(report: ProgressCallback, before: float, share: float, part: Progress) -> None:
    report(replace(part, done=before + share * part.done))


def _refuse(setup: TrainingSetup, shared: Sequence[str]) -> None:
    """Raise InputError if the trials share tensors of these names."""
    if shared:
        raise InputError(
            f"model {setup.model.name}: the networks of two seeds share {shared[0]}, which "
            "training changes: make a new module in each call of build, and clone tensors "
            "from a cache"
        )


def _refuse_later_changes(setup: TrainingSetup, trials: Sequence[Trial]) -> None:
    """Raise InputError if a call of ``fit`` has changed a network that an earlier one returned."""
    for trial in trials[:-1]:
        x = trial.data.x[: len(trial.first_output)].clone()
        if _differ(check_output(trial.module, setup.task, x), trial.first_output):
            raise InputError(
                f"model {setup.model.name}: a call of fit changed the network that an earlier call "
                "returned: make a new module in each call, and clone tensors from a cache"
            )


def _refuse_memory(setup: TrainingSetup, trials: Sequence[Trial]) -> None:
    """Raise InputError if a call of ``fit`` or ``fit_together`` depends on the calls before it.

    On a GPU two calls with one seed may differ, so that there is no comparison.
    """
    if setup.device.type != "cpu":
        return
    first = trials[0]
    group = [trial.key for trial in trials if trial.key.n_train == first.key.n_train]
    again, *_ = _prepared(setup, group if _fits_together(setup, group) else [first.key])
    if _differ(again.first_output, first.first_output):
        raise InputError(
            f"model {setup.model.name}: two calls of fit with one seed differ: keep nothing of a "
            "trial in a default argument, a cache, an attribute of a function or an object in a "
            "global, and draw from context.generator or the global generators"
        )


def _compare_builds(setup: TrainingSetup, trial: Trial, outside: Outside) -> Built:
    """Return a second network that is built with the trial's seed.

    Raises:
        InputError: it differs from the first.
    """
    built = make_network(setup, trial.key, trial.data)
    again, output = built.module, built.output
    _refuse(setup, [n for n, t in shared_tensors([trial.module, again]).items() if t.requires_grad])
    tensors, others = named_tensors(trial.module), named_tensors(again)
    unequal = [n for n, t in tensors.items() if n not in others or not equal(t, others[n])]
    if not unequal and _differ(output, trial.first_output):
        unequal = ["their outputs"]
    if unequal and (changed := outside.changed()):
        raise InputError(
            f"model {setup.model.name}: {'.'.join(changed[0])} changes when a network is built and "
            "called, and changes the next network: keep it in the module, by register_buffer"
        )
    if unequal:
        raise InputError(
            f"model {setup.model.name}: two builds with one seed differ in {unequal[0]}: draw "
            "initial values from problem.generator, or from the global generator of torch, numpy "
            "or random"
        )
    return built


def _compare_with_early(setup: TrainingSetup, trial: Trial, early: Tensor) -> None:
    """Raise InputError unless a network built after training has the outputs of an early one.

    Args:
        setup: that of the cell.
        trial: the trial whose seed both were built with.
        early: the outputs of the network that was built before training.
    """
    if _differ(_outputs(setup, trial, make_network(setup, trial.key, trial.data)), early):
        raise InputError(
            f"model {setup.model.name}: training changes the networks that are built after it, by "
            "something that they share, such as a default argument, an attribute of a function or "
            "an object in a global: keep it in the module, by register_buffer"
        )


def _outputs(setup: TrainingSetup, trial: Trial, built: Built) -> Tensor:
    """Return the outputs [2, n, ...] of a new network, in evaluation mode and in training mode."""
    x = trial.data.x[: len(built.output)].clone()
    with seeded_globally(initial_seed(setup, trial.key), setup.device), torch.enable_grad():
        output: Tensor = built.module.train()(x).detach()
    return torch.stack([built.output, output])


def _differ(a: Tensor, b: Tensor) -> bool:
    return bool(((a - b).abs() > _ROUNDING * a.abs().max()).any())


def _train_all(trials: list[Trial], recipe: Recipe, setup: TrainingSetup) -> bool:
    """Train the trials of each n_train, as one stack or one by one.

    What is trained together does not depend on which sizes are trained in the same call. Return
    whether a stack kept state that is each trial's own.
    """
    done, keeps_state = 0, False
    for n_train in dict.fromkeys(trial.key.n_train for trial in trials):
        group = [trial for trial in trials if trial.key.n_train == n_train]
        decision = decide(group, recipe, setup)
        most = at_once(group, recipe, setup) if decision.stacked else 1
        for stack in [group[i : i + most] for i in range(0, len(group), most)]:
            part = done / len(trials), len(stack) / len(trials)
            keeps_state |= _train_stack(stack, recipe, setup, part)
            done += len(stack)
        for trial in group:
            trial.stacking = decision
    return keeps_state


def _prepared(setup: TrainingSetup, keys: Sequence[TrialKey]) -> list[Trial]:
    """Return the trials before the training loop; a model may have fitted those of one n_train."""
    fitted: dict[TrialKey, Fitted] = {}
    for n_train in dict.fromkeys(key.n_train for key in keys):
        group = [key for key in keys if key.n_train == n_train]
        if _fits_together(setup, group):
            fitted.update(zip(group, fit_together(setup, group), strict=True))
    return [_prepare(setup, key, fitted.get(key)) for key in keys]


def _fits_together(setup: TrainingSetup, keys: Sequence[TrialKey]) -> bool:
    several = len(keys) > 1 and setup.fleet != "off"
    return several and setup.fits and isinstance(setup.model, FitsTogether)


def _prepare(setup: TrainingSetup, key: TrialKey, fitted: Fitted | None = None) -> Trial:
    data = training_data(setup, key)

    def valid() -> Data:
        return rest_and_valid(setup, key)[1]

    started = time.perf_counter()
    built = make_network(setup, key, data, fitted)
    wait_for(setup.device)
    seconds = time.perf_counter() - started
    trial = Trial(
        key, data, valid, built.module, built.model,
        seconds=seconds, first_output=built.output, spent=built.spent,
    )  # fmt: skip
    if fitted is not None:
        trial.seconds, trial.stacked = seconds + fitted.seconds, fitted.together
    return trial


def _keep_initial(setup: TrainingSetup, trials: Sequence[Trial]) -> None:
    """Keep the untrained modules of the trials at the largest n_train, to be scored as well.

    A model that trains itself is asked to build them; if it cannot, there are none.
    """
    if setup.task.symmetry is None or setup.task.loss == "none":
        return
    for trial in trials:
        if trial.key.n_train == setup.largest(trials):
            trial.initial = _untrained(setup, trial)


def _untrained(setup: TrainingSetup, trial: Trial) -> nn.Module | None:
    try:
        return untrained(setup, trial.key)[1] if setup.fits else copied(trial.module)
    except Exception:  # raised by a plugin: this copy is not needed for training
        return None


def _train_stack(
    trials: list[Trial], recipe: Recipe, setup: TrainingSetup, part: tuple[float, float]
) -> bool:
    started = time.perf_counter()
    seed = seeded(setup.task.name, setup.task.version, trials[0].key.seed, "layers")
    # dropout draws from the global generator
    with seeded_globally(seed.initial_seed(), setup.device):
        keeps_state = _optimise(trials, recipe, setup, part)
    for trial in trials:
        trial.seconds += (time.perf_counter() - started) / len(trials)
        trial.stacked = len(trials)
    return keeps_state


def _optimise(
    trials: list[Trial], recipe: Recipe, setup: TrainingSetup, part: tuple[float, float]
) -> bool:
    """Train a stack, and return whether it kept state that is each trial's own.

    ``part`` is the share of the cell's training before it, and its own share.
    """
    stack = Update(trials, recipe, setup)
    take = Replay(stack, setup.device, setup.graph, partial(_assigns, trials))
    best = Best(trials, recipe, setup.task)
    every = max(1, setup.updates // setup.validations)
    for update in range(setup.updates):
        take(update)
        if (update + 1) % every == 0:
            best.update(stack)
            done = part[0] + part[1] * (update + 1) / setup.updates
            loss = float(stack.losses.mean())
            setup.progress(Progress(done, update + 1, setup.updates, loss))
    best.restore(stack)
    stack.finish()
    for trial in trials:
        trial.capture = take.capture
    return stack.networks.keeps_state()


def _assigns(trials: Sequence[Trial]) -> bool:
    """Whether calls of a module assign attributes, which a captured update would not do again.

    A module that cannot be copied might. Those of a stack have been looked at already.
    """
    if len(trials) > 1:
        return False
    (trial,) = trials
    try:
        return probe(trial.module, trial.data.x[:2]).assigns
    except Exception:  # it cannot be copied, or raises, which a step will do again
        return True
