"""The first figure of the README: learning curves, and a true and a learned generator.

``python scripts/figures.py --to docs/figures`` draws it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from findings import record, reproduced

from symbench.plot.chart import Chart, Group, Line, Mark, Text
from symbench.plot.curves import Curve, Point, Score, learning_curves
from symbench.records.archive import Archive
from symbench.results.report.generators import aligned, upright, vector_field

FOLDER = Path(__file__).parents[1] / "leaderboards"
CURVES = {"mlp": "none", "mlp-augmented": "told", "emlp": "told", "scalars": "told"}
SIZES = (30, 100, 300, 1000, 3000, 10000, 30000)
TASK = "o5-invariant, full tier"
UPWARDS = "share of variance not explained (three seeds)"
PAIR = ("rotation-angle", "lconv-exp-skew")
WIDTH, LEFT, STEP = 1180.0, 700.0, 30.0
TOP = 92.0  # of the arrows


def left() -> Chart:
    """Return error against examples on o5-invariant, the median and range of three seeds."""
    curves = []
    for model, prior in CURVES.items():
        values = {n: sorted(reproduced("o5-invariant", model, n, "error")) for n in SIZES}
        points = [Point(n, v[len(v) // 2], v[0], v[-1]) for n, v in values.items()]
        curves.append(Curve(model, prior, points))
    curves.sort(key=lambda curve: curve.points[-1].value)
    chart = learning_curves(curves, TASK, Score(baseline="mlp"))
    assert chart is not None  # noqa: S101 - there are points
    return chart


def arrows(field: str, x: float) -> Iterator[Mark]:
    """Yield the vector field of the true or the learned generator on the 7 by 7 pixels."""
    found = record("reproductions", *PAIR)
    tensors = Archive(FOLDER / "reproductions").read_tensors(found.key)
    order = tensors["pixel_order"]
    truth = tensors["truth"][0].double()
    shown = truth if field == "truth" else aligned(truth, tensors["learned.0"].double())
    across, down = vector_field(upright(shown, order), 7)
    longest = float((vector_field(upright(truth, order), 7)[0] ** 2).max()) ** 0.5
    for row in range(7):
        for column in range(7):
            start = (x + STEP * column, TOP + STEP * row)
            by = [STEP * 0.62 * float(v[row, column]) / longest for v in (across, down)]
            yield from arrow(start, (by[0], by[1]))


def arrow(start: tuple[float, float], by: tuple[float, float]) -> Iterator[Line]:
    """Yield a line with a head, centred at ``start``."""
    (x, y), (u, v) = start, by
    tail, tip = (x - u / 2, y - v / 2), (x + u / 2, y + v / 2)
    yield Line([tail, tip], 1.6)
    sides = [(tip[0] - 0.32 * u + s * 0.18 * v, tip[1] - 0.32 * v - s * 0.18 * u) for s in (1, -1)]
    yield Line([sides[0], tip, sides[1]], 1.6)


def overview() -> Chart:
    """Return both panels."""
    curves, found = left(), record("reproductions", *PAIR)
    cosines = sorted(trial.scores["generator_cosine"] for trial in found.trials)
    middle, second = LEFT + 3 * STEP, LEFT + 8.2 * STEP
    end = second + 3 * STEP
    below = TOP + 7.4 * STEP
    texts = [
        Text(64, 24, "Here the symmetry is worth 1,000 times the data", bold=True, size=15),
        Text(LEFT - 14, 24, "A generator is learned from pairs and angles", bold=True, size=15),
        Text(300, 42, TASK),
        Text(middle, 62, "true generator", "middle", 12),
        Text(end, 62, "learned", "middle", 12),
        Text(LEFT - 14, below, "Rotation of images of 7 × 7 pixels, from 50,000 pairs of noise."),
        Text(LEFT - 14, below + 17,
             f"Cosine {cosines[len(cosines) // 2]:.3f} ({cosines[0]:.3f} to {cosines[-1]:.3f}, "
             "five seeds): lconv-exp-skew."),
        Text(LEFT - 14, below + 34, "Arrows: the generator read as a vector field on the pixels."),
    ]  # fmt: skip
    groups = [reworded(curves.groups[0]), *curves.groups[1:], Group(texts)]
    groups += [Group([*arrows("truth", LEFT)], 2), Group([*arrows("learned", second)], 3)]
    title = f"Two findings: {curves.title}; a true and a learned generator of image rotations"
    return Chart(title, WIDTH, max(curves.height, below + 52), groups)


def reworded(group: Group) -> Group:
    """Return the axes without the title of the chart, and with the range of three seeds named."""
    marks = [mark for mark in group.marks if not (isinstance(mark, Text) and mark.text == TASK)]
    return replace(group, marks=[
        replace(mark, text=UPWARDS) if isinstance(mark, Text) and mark.upwards else mark
        for mark in marks
    ])  # fmt: skip
