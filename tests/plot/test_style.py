"""The colours of models: stable, visible, and distinct for readers with any colour vision."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbench.plot.style import DARK, DARK_GROUND, GROUND, INK, LIGHT, is_guess, style

# Machado, Oliveira and Fernandes (2009), severity 1: linear RGB -> linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_XYZ = np.array([
    [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
])  # fmt: skip
DISTINCT = 10.0  # CIELAB units; about four times what is just noticeable side by side


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(colour: str, ground: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(one)) for one in (colour, ground))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(("palette", "ground"), [(LIGHT, GROUND), (DARK, DARK_GROUND)])
def test_colours_differ_for_readers_with_any_colour_vision(palette, ground, vision):
    seen = [lab(np.array(VISION[vision]) @ linear(one)) for one in palette]
    for (i, a), (j, b) in combinations(enumerate(seen), 2):
        assert np.linalg.norm(a - b) >= DISTINCT, (vision, palette[i], palette[j])


def test_the_simulation_finds_a_palette_that_is_not_safe():
    """The red and green of many plotting programs are one colour to one man in twelve."""
    seen = [np.array(VISION["deuteranopia"]) @ linear(one) for one in ("#8c564b", "#556b2f")]
    assert np.linalg.norm(lab(seen[0]) - lab(seen[1])) < 2 * DISTINCT
    usual = [lab(linear(one)) for one in ("#8c564b", "#556b2f")]
    assert np.linalg.norm(usual[0] - usual[1]) > 2 * DISTINCT


@pytest.mark.parametrize(("palette", "ground"), [(LIGHT, GROUND), (DARK, DARK_GROUND)])
def test_lines_have_contrast_to_their_ground(palette, ground):
    assert all(contrast(one, ground) >= 3 for one in palette)
    assert contrast(INK, GROUND) >= 7


@given(st.text(min_size=1), st.sampled_from([None, "told", "none", "discovers", "odd"]))
def test_a_style_depends_on_nothing_but_name_and_prior(name, prior):
    look = style(name, prior)
    assert look == style(name, prior)
    assert look.slot is None or 0 <= look.slot < len(LIGHT) == len(DARK)
    assert (look.slot, look.dash) == (style(name).slot, style(name).dash)


def test_shapes_tell_priors_and_a_guess_is_a_thin_line_in_the_colour_of_text():
    shapes = [style("m", prior).shape for prior in ("told", "none", "discovers", None)]
    assert len(set(shapes)) == 4
    assert is_guess("constant")
    assert style("constant").slot is None
    assert style("constant").width < style("mlp").width


def test_models_of_most_charts_have_a_solid_line_and_a_colour_of_their_own():
    common = ["mlp", "emlp", "scalars", "mlp-augmented", "mlp-penalty", "linear", "liegan", "lconv"]
    looks = [style(name) for name in common]
    assert len({look.slot for look in looks}) == len(common)
    assert all(not look.dash for look in looks)
    assert style("gin").dash
