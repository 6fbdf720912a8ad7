"""Learned generators beside the true ones, as PNG: heat maps, and vector fields on pixel grids.

The tensors are those stored with one record (see ``symbench.runs.cell``): ``truth`` [k, d, d],
``learned.SEED`` [m, d, d], and for images ``pixel_order`` [d].
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_ENTRIES, _HUGE = 2**26, 1e60
_MOST = 12  # true generators in a figure for a paper
_SMALL = 3  # those with a heat map on the site
_PER_INCH = 15  # characters of a caption
_LARGEST = 96  # rows of a heat map: of a larger matrix each block is drawn by its largest entry
_NOTE = (
    "learned: with the sign and the norm of the truth, since both are arbitrary "
    "(of several generators: the combination nearest to the truth)"
)


def aligned(truth: Tensor, learned: Tensor) -> Tensor:
    """Return the combination of ``learned`` [k, d, d] nearest to ``truth`` [d, d], at its norm."""
    columns = learned.double().flatten(1).mT
    fit = torch.linalg.lstsq(columns, truth.double().flatten()[:, None], driver="gelsd")
    nearest: Tensor = columns @ fit.solution
    length = float(nearest.norm())
    scale = float(truth.norm()) / length if length > 0 else 0.0
    return scale * nearest.view_as(truth)


def upright(L: Tensor, order: Tensor) -> Tensor:
    """Return generators [..., d, d] row by row, given the place order[i] of coordinate i."""
    back = order.argsort()
    return L[..., back, :][..., back]


def vector_field(L: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return (v_x, v_y) [side, side] of L [side², side²] as v·∇, y downwards.

    A component is half the difference of a pixel's entries for the neighbours ahead and behind.
    At the border of the image it is the whole entry for the one neighbour inside.
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


def draw_generators(tensors: Mapping[str, Tensor], title: str, to: Path) -> tuple[int, int]:
    """Draw the generators of one record as a PNG file for a paper; return how many of how many.

    One row per true generator, at most twelve: truth, learned (first seed), their difference; on
    square images also the two vector fields. ``title`` is untrusted text.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = _pairs(tensors, _MOST)
    size = tensors["truth"].shape[-1]
    side = math.isqrt(size)
    square = "pixel_order" in tensors and side * side == size
    columns = 5 if square else 3
    figure = Figure(figsize=(3.1 * columns, 3.1 * len(drawn) + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(drawn), columns, squeeze=False)
    seed = _first_seed(tensors).removeprefix("learned.")
    for line, (true, near) in zip(grid, drawn, strict=True):
        _heat_maps(figure, line[:3], true, near, seed)
        if square:
            _fields(line[3:], (true, near), side)
    hidden = len(tensors["truth"]) - len(drawn)
    more = f"; {hidden} more true generators not drawn" if hidden else ""
    figure.suptitle(_literal(plain(title)), fontsize=11)
    caption = textwrap.fill(_NOTE + more, int(_PER_INCH * 3.1 * columns))
    figure.supxlabel(caption, fontsize=8)
    with np.errstate(divide="ignore", invalid="ignore"):  # of arrows that all have length 0
        figure.savefig(to, dpi=110, format="png")
    return len(drawn), len(tensors["truth"])


def heat_maps(tensors: Mapping[str, Tensor]) -> list[bytes]:
    """Return a small PNG for each true generator, at most three: truth, learned, difference.

    All three share a scale, red for positive and blue for negative entries. Empty without a truth
    and a learned generator of its shape.
    """
    return (
        [_picture(true, near) for true, near in _pairs(tensors, _SMALL)]
        if drawable(tensors)
        else []
    )


def drawable(tensors: Mapping[str, Tensor]) -> bool:
    """Whether there are true generators, learned ones of their shape, and a fitting pixel order.

    The tensors of a merged store are of unknown origin.
    """
    if "truth" not in tensors or not any(name.startswith("learned.") for name in tensors):
        return False
    truth, learned = tensors["truth"], tensors[_first_seed(tensors)]
    if (
        not all(_are_generators(L) for L in (truth, learned))
        or truth.shape[1:] != learned.shape[1:]
    ):
        return False
    order = tensors.get("pixel_order")
    return order is None or (
        order.dtype == torch.int64
        and order.shape == truth.shape[1:2]
        and bool((order.sort().values == torch.arange(len(order))).all())
    )


def _are_generators(L: Tensor) -> bool:
    """Whether L [k, d, d] holds at least one matrix, of numbers that can be squared."""
    shaped = L.ndim == 3 and L.shape[1] == L.shape[2] and 0 < L.numel() <= _MOST_ENTRIES
    return shaped and L.dtype in (torch.float32, torch.float64) and bool(L.abs().max() < _HUGE)


def _first_seed(tensors: Mapping[str, Tensor]) -> str:
    return min(name for name in tensors if name.startswith("learned."))


def _pairs(tensors: Mapping[str, Tensor], most: int) -> list[tuple[Tensor, Tensor]]:
    """Return the first true generators, each with the nearest learned one of the first seed."""
    truth, learned = tensors["truth"].double(), tensors[_first_seed(tensors)].double()
    if (order := tensors.get("pixel_order")) is not None:
        truth, learned = upright(truth, order), upright(learned, order)
    return [(true, aligned(true, learned)) for true in truth[:most]]


def _literal(text: str) -> str:
    return text.replace("$", r"\$")  # otherwise matplotlib reads a formula


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


def _picture(true: Tensor, near: Tensor) -> bytes:
    from matplotlib.image import imsave

    maps = [_pooled(matrix) for matrix in (true, near, near - true)]
    gap = torch.full((len(maps[0]), max(1, len(maps[0]) // 12)), torch.nan, dtype=torch.double)
    image = torch.cat([maps[0], gap, maps[1], gap, maps[2]], dim=1)
    size = float(true.abs().max()) or 1.0
    out = io.BytesIO()
    imsave(out, image.numpy(), cmap="RdBu_r", vmin=-size, vmax=size, format="png")
    return out.getvalue()


def _pooled(L: Tensor) -> Tensor:
    """Return L [d, d], or the entry of largest magnitude in each block of a large one."""
    step = -(-len(L) // _LARGEST)
    if step == 1:
        return L
    missing = -len(L) % step
    whole = torch.nn.functional.pad(L, (0, missing, 0, missing))
    side = len(whole) // step
    blocks = whole.view(side, step, side, step).transpose(1, 2).reshape(side, side, -1)
    return blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True)).squeeze(-1)
