"""Augerino on GL(V): learned widths of a fixed basis of generators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Context, Data, Problem
from symbench.metrics.algebra import Whitening
from symbench.metrics.candidate import second_moment
from symbench_discovery.averaged import Averaged
from symbench_discovery.predictor import calibrated
from symbench_discovery.training import TaskLoss, batch, descend
from symbench_discovery.vectors import (
    NOT_IN_QUICK,
    Announcement,
    PerceptronMethod,
    TrainedConfig,
    law_of,
)


@dataclass(frozen=True)
class AugerinoGLConfig(TrainedConfig):
    """``regulariser`` weighs the reward for the norm of the widths, which all start at ``width``.

    A generator is announced if its width has grown by the factor ``grown`` since the start.
    """

    regulariser: float = 0.02
    width: float = 0.3
    grown: float = 1.5
    copies: int = 8
    width_rate: float = 2e-2
    learning_rate: float = 3e-3
    batch_size: int = 64


@final
class AugerinoGL(PerceptronMethod):
    """Widths of the d² generators of gl(V), learned with a perceptron from the training loss alone.

    The basis is that of the antisymmetric and the symmetric matrices in whitened coordinates:
    (E_ij - E_ji) / √2, (E_ij + E_ji) / √2 and E_ii. Each example is moved by g = exp(Σ u_i A_i)
    with u_i uniform in ± s_i / 2, and the loss is that of ρ_out(g)⁻¹ f(ρ_in(g) x), less the reward
    λ ‖s‖. Only combinations that are themselves in the basis can be told from others. The factor
    by which a width has to grow is set so that nothing is announced on the control
    ``no-symmetry``.
    """

    name, version = "augerino-gl", "1"
    summary = "learned widths of the generators of gl(V)"
    reference = "Benton et al. 2020, Learning invariances in neural networks"
    Config = AugerinoGLConfig
    config: AugerinoGLConfig
    tiers = NOT_IN_QUICK

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the averaged perceptron, with the generators whose widths have grown."""
        config, law, stream = self.config, law_of(problem), context.generator
        whitening = Whitening.of(second_moment(data.x.cpu().double(), law.input))
        basis = (whitening.colour @ _basis(len(whitening.whiten)) @ whitening.whiten).to(data.x)
        net = calibrated(problem.backbone("mlp").to(context.device), data)
        start = torch.tensor(config.width).expm1().log()
        raw = nn.Parameter(start.repeat(len(basis)).to(data.x))
        error = TaskLoss.of(problem, data.y)

        def loss(step: int) -> Tensor:  # noqa: ARG001
            some = batch(data, config.batch_size, context)
            widths = functional.softplus(raw)
            u = torch.rand(len(some), len(basis), generator=stream).to(raw) - 0.5
            A = torch.einsum("nm,mij->nij", u * widths, basis)
            y = net(law.input.act(torch.linalg.matrix_exp(A), some.x))
            back = law.output.act(torch.linalg.matrix_exp(-A), y)
            total: Tensor = error(back, some.y) - config.regulariser * widths.norm()
            return total

        groups = [(net.parameters(), config.learning_rate), ([raw], config.width_rate)]
        descend(groups, loss, context.updates)
        widths = functional.softplus(raw.detach())
        u = torch.rand(config.copies, len(basis), generator=stream).to(widths) - 0.5
        g = torch.linalg.matrix_exp(torch.einsum("em,mij->eij", u * widths, basis))
        open_ = widths > config.grown * config.width
        L = widths[open_][:, None, None] * basis[open_]
        return Announcement(Averaged(net.eval(), law, g), L).to(context.device)


def _basis(r: int) -> Tensor:
    """Return the antisymmetric and the symmetric elementary matrices [r², r, r], of norm 1."""
    i, j = torch.triu_indices(r, r, 1)
    at = torch.arange(len(i))
    upper = torch.zeros(len(i), r, r, dtype=torch.float64)
    upper[at, i, j] = 0.5**0.5
    diagonal = torch.diag_embed(torch.eye(r, dtype=torch.float64))
    return torch.cat([upper - upper.mT, upper + upper.mT, diagonal])
