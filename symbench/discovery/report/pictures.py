"""Pictures of findings as SVG, made of numbers only."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symbench.discovery.findings import Findings

_CELL = 26  # pixels of an entry
_SIDE, _GRID, _REACH = 220, 9, 0.16  # of a picture of a flow: pixels, arrows, length of the longest
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 200, 46, 30
_MOST = 120  # directions of a spectrum
_LEAST = 1e-3  # smallest defect on the axis


def heat(matrix: Tensor) -> str:
    """Return a picture of the entries of a matrix in [-1, 1]: blue below zero, red above."""
    rows, columns = matrix.shape
    cells = [
        f'<rect x="{j * _CELL}" y="{i * _CELL}" width="{_CELL - 1}" height="{_CELL - 1}" '
        f'class="{"above" if value > 0 else "below"}" fill-opacity="{abs(value):.2f}"/>'
        for i, row in enumerate(matrix.tolist())
        for j, value in enumerate(row)
    ]
    return _svg(columns * _CELL, rows * _CELL, "".join(cells))


def flow(matrix: Tensor, i: int, j: int) -> str:
    """Return arrows of the flow on the plane of coordinates i and j, the others being zero.

    Args:
        matrix: on (v, 1), [d + 1, d + 1].
        i: the coordinate to the right.
        j: the coordinate upwards.
    """
    grid = torch.linspace(-1, 1, _GRID, dtype=matrix.dtype)
    across, up = torch.meshgrid(grid, grid, indexing="xy")
    points = torch.zeros(_GRID * _GRID, len(matrix), dtype=matrix.dtype)
    points[:, i], points[:, j], points[:, -1] = across.flatten(), up.flatten(), 1.0
    arrows = (points @ matrix.mT)[:, [i, j]]
    longest = float(arrows.norm(dim=1).max())
    steps = arrows * (_REACH / longest if longest > 0 else 0.0)
    starts = points[:, [i, j]]
    lines = []
    for (x, y), (dx, dy) in zip(starts.tolist(), steps.tolist(), strict=True):
        a, b, c, d = _at(x), _at(-y), _at(x + dx), _at(-y - dy)
        lines.append(f'<line x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}"/>')
        lines.append(f'<circle cx="{c:.1f}" cy="{d:.1f}" r="2"/>')
    return _svg(_SIDE, _SIDE, f'<g class="flow">{"".join(lines)}</g>')


def _at(value: float) -> float:
    return _SIDE / 2 + value * _SIDE / 2.5


def spectrum(found: Findings) -> str:
    """Return the defects of the directions in ascending order; the claimed ones are filled."""
    defects = found.spectrum[:_MOST]
    if not defects:
        return ""
    claimed = len(found.generators)
    step = (_WIDTH - _LEFT - 10) / len(defects)
    marks = []
    for value in (0.001, 0.01, 0.1, 1.0):
        y = _height(value)
        marks.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH}" y2="{y:.1f}"/>')
        marks.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for place, value in enumerate(defects):
        x, kind = _LEFT + (place + 0.5) * step, "claimed" if place < claimed else "other"
        marks.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{_height(value):.1f}" r="4"/>')
    middle = (_WIDTH + _LEFT) / 2
    marks.append(f'<text x="{middle:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">direction</text>')
    return _svg(_WIDTH, _HEIGHT, "".join(marks))


def _height(defect: float) -> float:
    share = (math.log10(max(defect, _LEAST)) + 3) / 3.2
    return (_HEIGHT - _BOTTOM) * (1 - share) + 4


def _svg(width: float, height: float, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'aria-hidden="true" focusable="false">{content}</svg>'
    )
