"""Small simulations of the statistics over seeds; ``scripts/seed_statistics.py`` has large ones.

Seeds are fixed. A margin is three standard errors of a share unless a test says otherwise.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from symbench.results.statistics import clopper_pearson

SCRIPT = Path(__file__).parents[2] / "scripts" / "seed_statistics.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="needs the source tree")


@pytest.fixture(scope="module")
def simulate() -> ModuleType:
    """The functions of the script."""
    spec = importlib.util.spec_from_file_location("seed_statistics", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses ask for the module of a class
    spec.loader.exec_module(module)
    return module


def margin(share: float, repeats: int) -> float:
    return float(3 * np.sqrt(share * (1 - share) / repeats))


@pytest.mark.parametrize(
    ("law", "most"),
    [("normal", 0.0), ("t2", 0.06), ("exponential", 0.02), ("exponential, mirrored", 0.02),
     ("chi-square", 0.03)],
)  # fmt: skip
def test_seeds_of_one_mode_are_rarely_said_to_disagree(
    simulate: ModuleType, law: str, most: float
) -> None:
    """At a spread of 0.1 decades, which four of five cells of a quick run do not exceed."""
    repeats = 1000
    samples = 0.1 * simulate.LAWS[law](np.random.default_rng(1), (repeats, 5))
    alarms, _ = simulate.disagreement(samples, 0.0)
    assert alarms <= most + margin(most, repeats)


def test_well_separated_modes_are_found_where_two_seeds_show_either(simulate: ModuleType) -> None:
    law = simulate.Modes(0.5, 1.0, 0.1)
    samples = law.draw(np.random.default_rng(2), (1000, 5))
    shown = samples[simulate.both_modes(law, samples)]
    found, _ = simulate.disagreement(shown, 0.0)
    assert found >= 0.97 - margin(0.97, len(shown))


def test_the_interval_of_modes_covers_more_than_students(simulate: ModuleType) -> None:
    """Student's interval covers 88.5 % of the medians of this law; what remains is agreement."""
    law, repeats = simulate.Modes(0.6, 1.0, 0.1), 1000
    samples = law.draw(np.random.default_rng(3), (repeats, 5))
    _, covered = simulate.disagreement(samples, law.median())
    assert covered >= 0.91 - margin(0.91, repeats)


@pytest.mark.slow
@pytest.mark.parametrize("models", [9, 15])
@pytest.mark.parametrize("place", range(7))
def test_equally_good_models_of_two_modes_are_rarely_distinguished(
    simulate: ModuleType, models: int, place: int
) -> None:
    """At most 5 % family-wise; by Welch's tests alone it is 4 to 14 % for laws one decade apart."""
    repeats = 300
    generator = np.random.default_rng(models + place)
    rate = simulate.family_wise(simulate.MODES[place], models, repeats, generator, simulate.apart)
    assert rate <= 0.05 + margin(0.05, repeats) / 3  # one standard error: the true rates are below


@pytest.mark.slow
def test_without_regard_to_modes_equally_good_models_are_distinguished_too_often(
    simulate: ModuleType,
) -> None:
    rate = simulate.family_wise(
        simulate.MODES[0], 15, 300, np.random.default_rng(4), simulate.welch_only
    )
    assert rate > 0.05 + margin(0.05, 300)


@pytest.mark.slow
@pytest.mark.parametrize("law", ["normal", "t2", "exponential"])
def test_the_tie_groups_of_smooth_laws_lose_little_power(simulate: ModuleType, law: str) -> None:
    """The same fifteen models over a decade, with and without regard to modes."""
    generator = np.random.default_rng(5)
    boards = [simulate.ladder_of_models(law, 15, 0.1, generator) for _ in range(40)]
    aware, alone = (
        np.mean([test(board).sum() for board in boards]) / (15 * 14)
        for test in (simulate.apart, simulate.welch_only)
    )
    assert alone - 0.03 <= aware <= alone


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.03, 0.2])
def test_intervals_of_data_ratios_and_thresholds_hold_the_truth(
    simulate: ModuleType, spread: float
) -> None:
    repeats = 300
    ratio, threshold = simulate.crossing_coverage(
        spread, 1.0, 1.5, repeats, np.random.default_rng(6)
    )
    assert ratio >= 0.92 - margin(0.92, repeats)
    assert threshold >= 0.92 - margin(0.92, repeats)


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.5])
def test_the_interval_of_a_rate_covers_it_at_least_as_often_as_it_says(rate: float) -> None:
    found = np.random.default_rng(7).binomial(20, rate, size=2000)
    ends = {k: clopper_pearson(k, 20) for k in range(21)}
    covered = np.mean([ends[int(k)][0] <= rate <= ends[int(k)][1] for k in found])
    assert covered >= 0.95 - margin(0.95, 2000)
