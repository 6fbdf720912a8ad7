"""Learned generators beside the true ones, as small heat maps for a page."""

from __future__ import annotations

import io
from collections.abc import Mapping

import torch
from torch import Tensor

from symbench.results.report.generators import aligned, upright

_MOST = 3  # true generators that are drawn
_LARGEST = 96  # rows of a heat map: a larger matrix is drawn by the largest entry of each block


def heat_maps(tensors: Mapping[str, Tensor]) -> list[bytes]:
    """Return a PNG for each true generator, at most three: truth, learned, difference.

    ``learned`` is the first seed's combination nearest to the truth, at its norm. All three share
    a scale, red for positive and blue for negative entries. Empty without a truth to compare with.

    Args:
        tensors: those stored with one record: ``truth`` [k, d, d], ``learned.SEED`` [m, d, d], and
            for images ``pixel_order`` [d].
    """
    names = sorted(name for name in tensors if name.startswith("learned."))
    if "truth" not in tensors or not names:
        return []
    truth, learned = tensors["truth"].double(), tensors[names[0]].double()
    if truth.numel() == 0 or learned.numel() == 0 or truth.shape[1:] != learned.shape[1:]:
        return []
    if (order := tensors.get("pixel_order")) is not None:
        truth, learned = upright(truth, order), upright(learned, order)
    return [_picture(true, aligned(true, learned)) for true in truth[:_MOST]]


def _picture(true: Tensor, near: Tensor) -> bytes:
    from matplotlib.image import imsave

    maps = [_pooled(one) for one in (true, near, near - true)]
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
