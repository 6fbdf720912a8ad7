"""Vector fields that are networks, and along whose flows a predictor does not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Model, Prior, Problem, Recipe
from symbench.groups import Scalar
from symbench.metrics.algebra import Whitening, orthonormalising
from symbench.metrics.candidate import second_moment
from symbench.metrics.defect import Defects
from symbench.metrics.network import spaced
from symbench_discovery.field_library import copies_of
from symbench_discovery.predictor import trained
from symbench_discovery.training import TaskLoss, batch, descend
from symbench_discovery.vectors import law_of

_PROBES = 256
_LINEAR = 0.9  # share of the square of a field, from which its linear part is a generator


class Fields(nn.Module):
    """k vector fields on V, as one perceptron on whitened coordinates; all copies move alike."""

    colour: Tensor
    whiten: Tensor

    def __init__(self, whitening: Whitening, k: int, width: int) -> None:
        super().__init__()
        r = len(whitening.whiten)
        self.k = k
        self.net = nn.Sequential(
            nn.Linear(r, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, k * r),
        )  # fmt: skip
        self.register_buffer("colour", whitening.colour.float())
        self.register_buffer("whiten", whitening.whiten.float())

    def whitened(self, x: Tensor) -> Tensor:
        """Return the copies u [n, copies, r] in inputs x [n, copies · d]."""
        u: Tensor = x.to(self.whiten).unflatten(1, (-1, self.whiten.shape[1])) @ self.whiten.mT
        return u

    def coloured(self, u: Tensor) -> Tensor:
        """Return the inputs x [n, copies · d] of whitened copies u [n, copies, r]."""
        return (u @ self.colour.mT).flatten(1)

    def forward(self, u: Tensor) -> Tensor:
        """Return the fields [n, copies, k, r] at whitened copies u [n, copies, r]."""
        fields: Tensor = self.net(u).unflatten(-1, (self.k, -1))
        return fields

    def flow(self, u: Tensor, c: Tensor) -> Tensor:
        """Return copies u [n, copies, r] after unit time along Σ c_i v_i, c [n, k].

        It is one Runge-Kutta step of order 4.
        """

        def slope(u: Tensor) -> Tensor:
            return torch.einsum("nckr,nk->ncr", self(u), c)

        first = slope(u)
        second = slope(u + first / 2)
        third = slope(u + second / 2)
        return u + (first + 2 * second + 2 * third + slope(u + third)) / 6


class Infinitesimal(nn.Module):
    """A predictor, and the combinations Q [k, m] of vector fields that it keeps."""

    Q: Tensor

    def __init__(self, predictor: nn.Module, fields: Fields | None, Q: Tensor, d: int) -> None:
        super().__init__()
        self.predictor, self.vectors, self.d = predictor, fields, d
        self.register_buffer("Q", Q)

    def forward(self, x: Tensor) -> Tensor:
        """Return the predictor's [n, *output_shape]."""
        y: Tensor = self.predictor(x)
        return y

    def moved(self, x: Tensor) -> Tensor:
        """Return the fields [m, n, copies · d] at inputs x [n, copies · d]."""
        if self.vectors is None:
            return x.new_zeros(0, *x.shape)
        fields = self.vectors(self.vectors.whitened(x)) @ self.vectors.colour.mT
        moved: Tensor = fields.permute(2, 0, 1, 3).flatten(2).to(x.dtype)
        return moved


@dataclass(frozen=True)
class InfinitesimalConfig:
    """``channels`` fields are learned, and those of a defect below ``tolerance`` announced.

    Flows take a normal time of deviation ``reach``, in units of unit fields. ``apart`` weighs the
    penalty of fields that are not of unit norm and orthogonal to each other. With ``affordable``
    false the model declines.
    """

    affordable: bool = True
    channels: int = 10
    width: int = 64
    reach: float = 0.5
    apart: float = 1.0
    tolerance: float = 0.1
    learning_rate: float = 3e-3
    batch_size: int = 128


@final
class InfinitesimalMLP(Model):
    """A perceptron as k vector fields along which a trained perceptron does not change.

    Half of the updates train the predictor f. The others train the fields: f at the end of the flow
    of a random combination of them is compared with f at its beginning, and a penalty keeps the
    fields orthonormal on the data. Combinations that f keeps within the tolerance are announced as
    vector fields. Those that are linear, to nine tenths of their square, are announced as
    generators too. An invariant function of many inputs has infinitely many such fields, all those
    along its level sets, so that what is found need not be what generates the group.
    """

    name, version = "infinitesimal-mlp", "1"
    prior: ClassVar[Prior] = "discovers"
    summary = "vector fields as a perceptron, along which a trained perceptron does not change"
    reference = "Ko, Kim, Lee 2024, Learning infinitesimal generators of continuous symmetries"
    Config = InfinitesimalConfig
    config: InfinitesimalConfig
    backbones = ("mlp",)
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"affordable": False},
        "standard": {},
    }

    def accepts(self, problem: Problem) -> str | None:
        """Decline all but invariant numbers of copies of V."""
        action = problem.candidate
        if not self.config.affordable:
            return f"{self.name} takes minutes for each task: use the tier standard or full"
        if problem.kind != "vectors" or action is None or problem.loss != "mse":
            return f"{self.name} needs vectors with a declared layout and a regression target"
        if any(summand != Scalar(action.group) for summand in action.output.summands):
            return f"{self.name} looks for invariance, and the target of this task is turned"
        copies = copies_of(torch.zeros(1, problem.input_size), action.input)
        if copies is None or copies[0].numel() != problem.input_size:
            return f"{self.name} needs inputs that are vectors"
        return None

    def build(self, problem: Problem) -> Infinitesimal:
        """Return the untrained perceptron, which announces nothing."""
        d = law_of(problem).group.dim
        return Infinitesimal(problem.backbone("mlp"), None, torch.zeros(0, 0), d)

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the predictor with the fields that it keeps."""
        law, d = law_of(problem), law_of(problem).group.dim
        half = context.updates // 2
        f = trained(problem.backbone("mlp").to(context.device), problem, context, half)
        f.requires_grad_(False)
        whitening = Whitening.of(second_moment(data.x.cpu().double(), law.input))
        fields = Fields(whitening, self.config.channels, self.config.width).to(context.device)
        self._learn(fields, f, (problem, data), context, context.updates - half)
        fields.requires_grad_(False)
        Q = self._kept(f, fields, data.x)
        return Infinitesimal(f, fields, Q, d).eval().to(context.device)

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the matrices [k, d, d] of the announced fields that are nearly linear."""
        if not isinstance(module, Infinitesimal):
            return None
        nothing = module.Q.new_zeros(0, module.d, module.d)
        if module.vectors is None or len(module.Q) == 0:
            return nothing
        stream = torch.Generator().manual_seed(0)
        whiten, colour = module.vectors.whiten, module.vectors.colour
        u = torch.randn(_PROBES, 1, len(whiten), generator=stream).to(whiten)
        v = torch.einsum("km,nmr->nkr", module.Q.to(u), module.vectors(u)[:, 0])
        solved = torch.linalg.lstsq(u[:, 0], v.flatten(1)).solution
        fitted = (u[:, 0] @ solved).view_as(v)
        share = fitted.square().sum((0, 2)) / v.square().sum((0, 2))
        L = colour @ solved.unflatten(1, (len(module.Q), -1)).permute(1, 2, 0) @ whiten
        return L[share >= _LINEAR] if bool((share >= _LINEAR).any()) else nothing

    def fields(self, module: nn.Module, x: Tensor) -> Tensor | None:
        """Return the announced fields [k, n, size] at x [n, size]."""
        if not isinstance(module, Infinitesimal):
            return None
        moved = module.moved(x)
        return (
            moved
            if module.vectors is None
            else torch.einsum("km,mni->kni", module.Q.to(moved), moved)
        )

    def _learn(
        self,
        fields: Fields,
        f: nn.Module,
        task: tuple[Problem, Data],
        context: Context,
        steps: int,
    ) -> None:
        """Train the fields: f is the same at both ends of their flows."""
        config, (problem, data) = self.config, task
        error, k = TaskLoss.of(problem, data.y), fields.k

        def loss(step: int) -> Tensor:  # noqa: ARG001
            x = batch(data, config.batch_size, context).x
            u = fields.whitened(x)
            c = torch.randn(len(x), k, generator=context.generator).to(u) * config.reach
            end = fields.coloured(fields.flow(u, c / k**0.5))
            valid = error(f(end), f(x)) / config.reach**2
            v = fields(u).transpose(1, 2).flatten(2)
            gram = torch.einsum("nki,nli->kl", v, v) / len(v) / u.shape[1]
            unit = torch.eye(k, dtype=gram.dtype, device=gram.device)
            total: Tensor = valid + config.apart * (gram - unit).square().mean() * k
            return total

        descend([(fields.net.parameters(), config.learning_rate)], loss, steps)

    def _kept(self, net: nn.Module, fields: Fields, x: Tensor) -> Tensor:
        """Return the combinations [k, m] of the fields that the predictor keeps, to a tolerance.

        Derivatives and lengths are those of whitened copies.
        """
        probes = fields.whitened(spaced(x, _PROBES))

        def f(u: Tensor) -> Tensor:
            y: Tensor = net(fields.coloured(u[None]))[0]
            return y.flatten()

        slope = torch.func.vmap(torch.func.jacrev(f))(probes).flatten(2).double().cpu()
        moved = fields(probes).permute(2, 0, 1, 3).flatten(2).double().cpu()
        basis = orthonormalising(moved.flatten(1))
        along = torch.einsum("noi,mni->mno", slope, moved)
        C = torch.einsum("km,mno->nok", basis, along).flatten(0, 1)
        Q = torch.linalg.svd(C, full_matrices=False)[2].flip(0) @ basis
        moved, along = (torch.einsum("km,mni->kni", Q, part) for part in (moved, along))
        square = slope.square().sum((1, 2))
        defects = Defects.of(square, moved, along, torch.zeros_like(along))
        kept: Tensor = Q[defects.bounds < self.config.tolerance].float()
        return kept
