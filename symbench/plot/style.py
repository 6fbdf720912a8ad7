"""The colour, dash and shape of each model: the same in every chart.

The colour follows the model and the shape what it knows of the symmetry beforehand. A few models
that occur in most charts have a colour and a solid line of their own. The others get one of eight
colours and a dashed line from a hash of their name, so two of them can look alike: the label at
the end of each line decides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Shape = Literal["circle", "triangle", "square", "diamond"]

INK, GROUND = "#1b1f24", "#ffffff"
# Eight colours that readers with any colour vision distinguish, at least 3:1 on the ground.
LIGHT = (
    "#1600ff", "#849c00", "#049892", "#e32f76", "#8e7cfe", "#845a08", "#61226f", "#7f0734",
)  # fmt: skip
DARK = (
    "#2068fc", "#c7f9bb", "#72fdf3", "#ff2a75", "#70adfd", "#c0bd05", "#bb3194", "#d70b04",
)  # fmt: skip
DARK_GROUND = "#14171b"

_OWN = {
    "mlp": 0, "emlp": 1, "scalars": 2, "mlp-augmented": 3, "mlp-penalty": 4, "linear": 5,
    "liegan": 6, "lconv": 7,
}  # fmt: skip
_DASHES = ("6 3", "2 2", "8 3 2 3")
_GUESSES = frozenset({"constant"})
SHAPES: dict[str | None, Shape] = {"told": "circle", "none": "triangle", "discovers": "square"}


@dataclass(frozen=True)
class Style:
    """How the marks of one model look; without a ``slot`` they have the colour of the text."""

    slot: int | None
    dash: str = ""
    shape: Shape = "diamond"
    width: float = 1.8


def style(model: str, prior: str | None = None) -> Style:
    """Return the style of a model, which depends on nothing but its name and prior.

    Args:
        model: the registered name.
        prior: ``told``, ``none`` or ``discovers``; None if unknown.
    """
    shape = SHAPES.get(prior, "diamond")
    if model in _GUESSES:
        return Style(None, "", shape, 0.9)
    if model in _OWN:
        return Style(_OWN[model], "", shape)
    digest = hashlib.sha256(model.encode("utf-8", "backslashreplace")).digest()
    return Style(digest[0] % len(LIGHT), _DASHES[digest[1] % len(_DASHES)], shape)


def is_guess(model: str) -> bool:
    """Whether the model ignores its input: a level to beat rather than a competitor."""
    return model in _GUESSES


def colour(slot: int | None) -> str:
    """Return the colour of a slot on a white ground."""
    return INK if slot is None else LIGHT[slot]
