"""Simulate the statistics over seeds: false alarms, coverage, family-wise error and power.

The tables are those of the section "Statistics" of docs/metrics.md, with five seeds. Laws are of
log10 errors; a spread is their standard deviation (of t2, which has none, its scale), in decades.

python scripts/seed_statistics.py --repeats 4000 --jobs disagree ties crossings
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from symbench.results import statistics

Array = NDArray[np.float64]
Generator = np.random.Generator
SEEDS = 5
SPREADS = (0.05, 0.1, 0.2, 0.3)  # 95 % of the cells of a quick run have at most 0.31
LADDER = (30, 100, 300, 1000, 3000)


@dataclass(frozen=True)
class Modes:
    """Two outcomes of a training, ``apart`` decades, the lower with probability ``weight``."""

    weight: float
    apart: float
    spread: float

    def draw(self, generator: Generator, shape: tuple[int, ...]) -> Array:
        """Return log10 errors."""
        upper = generator.random(shape) >= self.weight
        return self.apart * upper + self.spread * generator.normal(size=shape)

    def median(self) -> float:
        """Return the median of the law, by its distribution function."""
        x = np.linspace(-1, self.apart + 1, 200_001)
        low = self.weight * scipy.stats.norm.cdf(x, 0, self.spread)
        high = (1 - self.weight) * scipy.stats.norm.cdf(x, self.apart, self.spread)
        return float(x[np.searchsorted(low + high, 0.5)])


MODES = (
    Modes(0.5, 1.0, 0.1),
    Modes(0.6, 1.0, 0.1),
    Modes(0.4, 1.0, 0.1),
    Modes(0.7, 1.0, 0.1),
    Modes(0.6, 1.0, 0.2),
    Modes(0.6, 0.6, 0.1),
    Modes(0.5, 0.4, 0.1),
)
LAWS: dict[str, Callable[[Generator, tuple[int, ...]], Array]] = {
    "normal": lambda generator, shape: generator.normal(size=shape),
    "t2": lambda generator, shape: generator.standard_t(2, size=shape),
    "exponential": lambda generator, shape: generator.exponential(size=shape),
    "exponential, mirrored": lambda generator, shape: -generator.exponential(size=shape),
    "chi-square": lambda generator, shape: generator.chisquare(1, size=shape) / np.sqrt(2),
}
MEDIANS = {
    "exponential": np.log(2),
    "exponential, mirrored": -np.log(2),
    "chi-square": scipy.stats.chi2.ppf(0.5, 1) / np.sqrt(2),
}


def errors_of(logs: Array) -> list[float]:
    """Return the errors of log10 errors."""
    return [float(error) for error in 10**logs]


def disagreement(samples: Array, median: float) -> tuple[float, float]:
    """Return how many samples [repeats, seeds] disagree, and how many intervals hold the median."""
    found = [statistics.interval(errors_of(sample), floor=1e-300) for sample in samples]
    true = 10**median
    covered = [one.low <= true <= one.high for one in found if one.low and one.high]
    return float(np.mean([one.spread is not None for one in found])), float(np.mean(covered))


def both_modes(law: Modes, samples: Array) -> NDArray[np.bool_]:
    """Return which samples have two seeds or more in either mode."""
    upper = (samples > law.apart / 2).sum(axis=1)
    return np.asarray((upper > 1) & (upper < samples.shape[1] - 1))


def apart(logs: Array) -> Array:
    """Return which pairs of models [models, seeds] the tie groups distinguish, [models, models]."""
    ranks = statistics.rank({str(i): errors_of(x) for i, x in enumerate(logs)}, floor=1e-300)
    groups = [set(ranks[str(i)].group) for i in range(len(logs))]
    return np.array([[float(not a & b) for b in groups] for a in groups])


def welch_only(logs: Array) -> Array:
    """Return the same by Welch's tests and Holm's correction alone, without regard to modes."""
    pairs = [(i, j) for i in range(len(logs)) for j in range(i + 1, len(logs))]
    first, second = (logs[[pair[side] for pair in pairs]] for side in (0, 1))
    p_values = scipy.stats.ttest_ind(first, second, axis=1, equal_var=False).pvalue
    names = [(str(i), str(j)) for i, j in pairs]
    adjusted = statistics.holm(dict(zip(names, map(float, p_values), strict=True)))
    found = np.zeros((len(logs), len(logs)))
    for i, j in pairs:
        found[i, j] = found[j, i] = adjusted[str(i), str(j)] <= statistics.LEVEL
    return found


def family_wise(
    law: Modes, models: int, repeats: int, generator: Generator, test: Callable[[Array], Array]
) -> float:
    """Return how often some of equally good models are distinguished."""
    boards = law.draw(generator, (repeats, models, SEEDS))
    return float(np.mean([test(board).any() for board in boards]))


def ladder_of_models(name: str, models: int, spread: float, generator: Generator) -> Array:
    """Return log10 errors of models at equal distances over one decade, of unequal spreads."""
    spreads = spread * np.exp(generator.normal(0, 0.7, (models, 1)))
    return np.linspace(0, 1, models)[:, None] + spreads * LAWS[name](generator, (models, SEEDS))


def curve(start: float, exponent: float, spread: float, generator: Generator) -> list[list[float]]:
    """Return the errors [sizes][seeds] of a power law, with noise that is independent by size."""
    clean = start - exponent * np.log10(np.array(LADDER) / LADDER[0])
    logs = clean[:, None] + spread * generator.normal(size=(len(LADDER), SEEDS))
    return [errors_of(seeds) for seeds in logs]


def holds(low: float | None, high: float | None, true: float) -> bool:
    """Return whether an interval, open where an end is None, holds the truth."""
    return (low is None or low <= true) and (high is None or true <= high)


def disagree(repeats: int, generator: Generator) -> Iterator[Sequence[object]]:
    """Yield the table of seeds that disagree, and of the coverage of intervals."""
    yield "law", "spread", "disagree", "of these with two seeds in either mode", "coverage"
    for name, law in LAWS.items():
        for spread in SPREADS:
            samples = spread * law(generator, (repeats, SEEDS))
            alarms, covered = disagreement(samples, spread * MEDIANS.get(name, 0.0))
            yield name, spread, f"{alarms:.3f}", "", f"{covered:.3f}"
    for modes in MODES:
        samples = modes.draw(generator, (repeats, SEEDS))
        found, covered = disagreement(samples, modes.median())
        shown, _ = disagreement(samples[both_modes(modes, samples)], 0.0)
        yield modes, modes.spread, f"{found:.3f}", f"{shown:.3f}", f"{covered:.3f}"


def ties(repeats: int, generator: Generator) -> Iterator[Sequence[object]]:
    """Yield the tables of the family-wise error and of the power of the tie groups."""
    yield "models", "law", "family-wise error", "by Welch's test alone"
    for models in (9, 15, 25):
        for modes in MODES:
            rates = [family_wise(modes, models, repeats, generator, t) for t in (apart, welch_only)]
            yield models, modes, *(f"{rate:.4f}" for rate in rates)
    yield "models", "law, spread", "power", "by Welch's test alone"
    for models in (9, 15):
        for name in LAWS:
            for spread in (0.05, 0.1, 0.2):
                boards = [
                    ladder_of_models(name, models, spread, generator) for _ in range(repeats // 8)
                ]
                pairs = models * (models - 1)
                powers = [
                    np.mean([t(b).sum() / pairs for b in boards]) for t in (apart, welch_only)
                ]
                yield models, f"{name}, {spread}", *(f"{power:.3f}" for power in powers)


def crossings(repeats: int, generator: Generator) -> Iterator[Sequence[object]]:
    """Yield the table of the coverage of data ratios and thresholds of power laws."""
    yield "spread", "exponent", "true ratio", "data_ratio", "n_to_threshold"
    for spread in (0.03, 0.1, 0.2):
        for exponent in (0.5, 1.0):
            for ratio in (1.5, 4.0):
                yield spread, exponent, ratio, *(
                    f"{rate:.3f}" for rate in crossing_coverage(
                        spread, exponent, ratio, repeats // 4, generator
                    )
                )  # fmt: skip


def crossing_coverage(
    spread: float, exponent: float, ratio: float, repeats: int, generator: Generator
) -> tuple[float, float]:
    """Return how often the intervals hold a data ratio at 300, and a threshold reached at 200."""
    ratios, thresholds = [], []
    better = -exponent * np.log10(ratio)
    threshold = 10 ** (-exponent * np.log10(200 / LADDER[0]))
    for _ in range(repeats):
        baseline = curve(0.0, exponent, spread, generator)
        model = curve(better, exponent, spread, generator)
        found = statistics.BaselineCurve(LADDER, baseline).ratios(model)[2]
        ratios.append(holds(found.low, found.high, ratio))
        crossing = statistics.n_to_threshold(LADDER, baseline, threshold)
        thresholds.append(holds(crossing.low, crossing.high, 200.0))
    return float(np.mean(ratios)), float(np.mean(thresholds))


JOBS = {"disagree": disagree, "ties": ties, "crossings": crossings}


def main() -> None:
    """Read the command line and print one Markdown table per job."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=4000, help="samples of each law")
    parser.add_argument(
        "--jobs", nargs="+", choices=JOBS, default=list(JOBS), help="the tables to print"
    )
    arguments = parser.parse_args()
    for name in arguments.jobs:
        for row in JOBS[name](arguments.repeats, np.random.default_rng(0)):
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
