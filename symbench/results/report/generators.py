"""Learned generators beside the true ones: heat maps, and vector fields on pixel grids."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 3  # true generators that are drawn
_NOTE = (
    "learned: with the sign and the norm of the truth, since both are arbitrary "
    "(of several generators: the combination nearest to the truth)"
)


def aligned(truth: Tensor, learned: Tensor) -> Tensor:
    """Return the combination of ``learned`` [k, d, d] nearest to ``truth`` [d, d], at its norm."""
    columns = learned.double().flatten(1).mT
    found = torch.linalg.lstsq(columns, truth.double().flatten()[:, None], driver="gelsd")
    nearest: Tensor = columns @ found.solution
    length = float(nearest.norm())
    scale = float(truth.norm()) / length if length > 0 else 0.0
    return scale * nearest.view_as(truth)


def upright(L: Tensor, order: Tensor) -> Tensor:
    """Return generators [..., d, d] row by row, given the place order[i] of coordinate i."""
    back = order.argsort()
    return L[..., back, :][..., back]


def vector_field(L: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return (v_x, v_y) [side, side] of L [side², side²] as v·∇, y downwards.

    Half of what a pixel takes from its neighbour ahead minus that behind; where one of them is
    beyond the image, all of it from the other.
    """
    kernel = L.view(side, side, side, side)
    rows, columns = torch.arange(side)[:, None], torch.arange(side)

    def from_neighbour(dy: int, dx: int) -> Tensor:
        y, x = rows + dy, columns + dx
        inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
        taken = kernel[rows, columns, y.clamp(0, side - 1), x.clamp(0, side - 1)]
        return torch.where(inside, taken, taken.new_tensor(torch.nan))

    def difference(dy: int, dx: int) -> Tensor:
        both = torch.stack([from_neighbour(dy, dx), -from_neighbour(-dy, -dx)])
        return both.nanmean(0)

    return difference(0, 1), difference(1, 0)


def draw_generators(tensors: Mapping[str, Tensor], title: str, to: Path) -> None:
    """Draw the stored tensors of one record (see ``symbench.runs.cell``) as a PNG file.

    One row a true generator, at most three: truth, learned (first seed), their difference; on
    square images also the two vector fields. ``title`` is untrusted text.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    truth, learned, seed = _pair(tensors)
    side = math.isqrt(truth.shape[-1])
    square = "pixel_order" in tensors and side * side == truth.shape[-1]
    rows, columns = min(len(truth), _MOST), 5 if square else 3
    figure = Figure(figsize=(3.1 * columns, 3.1 * rows + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    for line, true in zip(grid, truth, strict=False):
        near = aligned(true, learned)
        _heat_maps(figure, line[:3], true, near, seed)
        if square:
            _fields(line[3:], (true, near), side)
    hidden = len(truth) - rows
    more = f"; {hidden} more true generators not drawn" if hidden else ""
    figure.suptitle(_literal(plain(title)), fontsize=11)
    figure.supxlabel(_NOTE + more, fontsize=8)
    figure.savefig(to, dpi=110, format="png")


def _pair(tensors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, str]:
    """Return truth and the first seed's generators, their pixels row by row, and the seed."""
    name = min(key for key in tensors if key.startswith("learned."))
    truth, learned = tensors["truth"].double(), tensors[name].double()
    if (order := tensors.get("pixel_order")) is not None:
        truth, learned = upright(truth, order), upright(learned, order)
    return truth, learned, name.removeprefix("learned.")


def _literal(text: str) -> str:
    return text.replace("$", r"\$")  # or matplotlib reads a formula


def _heat_maps(figure: Any, axes: Sequence[Axes], true: Tensor, near: Tensor, seed: str) -> None:
    size = float(true.abs().max())
    images = {"truth": true, f"learned (seed {plain(seed, 20)})": near, "difference": near - true}
    for ax, (name, image) in zip(axes, images.items(), strict=True):
        shown = ax.imshow(image.numpy(), cmap="RdBu_r", vmin=-size, vmax=size)
        ax.set_title(_literal(name), fontsize=9)
        ax.tick_params(labelsize=7)
    figure.colorbar(shown, ax=list(axes), shrink=0.8)


def _fields(axes: Sequence[Axes], pair: tuple[Tensor, Tensor], side: int) -> None:
    step = max(1, side // 14)
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    for ax, L, name in zip(axes, pair, ("true field", "learned field"), strict=True):
        fields = (*vector_field(L, side), y, x)
        right, down, y_shown, x_shown = (f[::step, ::step].numpy() for f in fields)
        ax.quiver(x_shown, y_shown, right, down, angles="xy", scale_units="xy", width=0.008)
        ax.set_title(name, fontsize=9)
        ax.set_xlim(-1, side)
        ax.set_ylim(side, -1)
        ax.set_aspect("equal")
        ax.tick_params(labelsize=7)
