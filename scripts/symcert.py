"""How often do fixed thresholds and spectral gaps claim a symmetry that is not there?

python scripts/symcert.py --trials 60 --seeds 5 > symcert.md

The recipe is that of Kendiukhov 2026 (github.com/Kendiukhov/certified-symmetry-discovery, commit
f6489fc, experiments 1 and 2), in an implementation of our own. A polynomial field is fitted by
least squares to noisy values at N points that are uniform in a box. The relative defect of an
affine field ξ is ‖DF ξ - Dξ F‖ / √(‖DF ξ‖² + ‖Dξ F‖²), with norms over the box. A rule declares a
span of the directions of least defect. It claims falsely if some direction of the span has a true
defect above 0.05, and it detects if the span has at least the true dimension. 240 settings: ten
fields, six N, four levels of noise. The second table has points on trajectories.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement, product

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.linalg import eigh, null_space

Array = NDArray[np.float64]
Components = tuple[dict[tuple[int, ...], float], ...]

DELTA = 0.05
SIZES, NOISES = (100, 200, 400, 800, 1600, 3200), (0.01, 0.03, 0.10, 0.30)
NODES = 4  # of the quadrature along each axis, which is exact up to degree 7


@dataclass(frozen=True)
class Field:
    """A polynomial field F on R^n, the degree of the model class, and half an edge of the box."""

    components: Components
    degree: int
    half: float

    @property
    def n(self) -> int:
        """The dimension."""
        return len(self.components)

    @cached_property
    def exponents(self) -> list[tuple[int, ...]]:
        """The monomials of the model class."""
        chosen = [
            c
            for p in range(self.degree + 1)
            for c in combinations_with_replacement(range(self.n), p)
        ]
        return [tuple(c.count(i) for i in range(self.n)) for c in chosen]

    @cached_property
    def beta(self) -> Array:
        """The true coefficients [n, monomials]."""
        return np.array([[terms.get(e, 0.0) for e in self.exponents] for terms in self.components])

    def features(self, x: Array) -> Array:
        """Return the monomials [..., m] at x [..., n]."""
        powers = np.stack([np.ones_like(x), x, x * x, x * x * x][: self.degree + 1])
        return np.stack(
            [np.prod([powers[p, ..., i] for i, p in enumerate(e)], 0) for e in self.exponents], -1
        )

    def slopes(self, x: Array) -> Array:
        """Return the derivatives [..., m, n] of the monomials."""
        columns = []
        for i in range(self.n):
            lower = [tuple(v - (i == j) for j, v in enumerate(e)) for e in self.exponents]
            columns.append(
                np.stack(
                    [
                        e[i] * np.prod(x ** np.array(low), axis=-1) if e[i] else 0 * x[..., 0]
                        for e, low in zip(self.exponents, lower, strict=True)
                    ],
                    -1,
                )
            )
        return np.stack(columns, -1)

    def __call__(self, x: Array) -> Array:
        """Return F(x) [..., n]."""
        value: Array = self.features(x) @ self.beta.T
        return value


class Defects:
    """The two quadratic forms of the relative defect of affine fields, over the box."""

    def __init__(self, field: Field) -> None:
        n, self.field = field.n, field
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        x = field.half * np.array(list(product(nodes, repeat=n)))
        w = np.sqrt([np.prod(ws) for ws in product(weights / 2, repeat=n)])
        self._features = field.features(x) * w[:, None]
        self._slopes = field.slopes(x) * w[:, None, None]
        self._xi = np.concatenate([x, np.ones((len(x), 1))], 1)  # ξ(x) = A (x, 1)

    def forms(self, beta: Array) -> tuple[Array, Array]:
        """Return C and D [t, P, P] of fitted coefficients [t, n, m]; P = n (n + 1)."""
        n = self.field.n
        DF = np.einsum("kmj,tim->tkij", self._slopes, beta)
        F = np.einsum("km,tim->tki", self._features, beta)
        along = np.einsum("tkij,ka->tkija", DF, self._xi).reshape(*F.shape, -1)
        turned = np.einsum("ij,tka->tkija", np.eye(n), np.pad(F, ((0, 0), (0, 0), (0, 1))))
        turned = turned.reshape(along.shape)
        t, P = len(beta), along.shape[-1]
        bracket, first, second = (
            (part.reshape(t, -1, P)) for part in (along - turned, along, turned)
        )
        C = bracket.mT @ bracket
        D = first.mT @ first + second.mT @ second
        jitter = 1e-12 * np.trace(D, axis1=1, axis2=2) / P
        return C, D + jitter[:, None, None] * np.eye(P)

    def spectrum(self, beta: Array) -> tuple[Array, Array]:
        """Return the defects [t, P], ascending, and their directions, columns of [t, P, P]."""
        C, D = self.forms(beta)
        inverse = np.linalg.inv(np.linalg.cholesky(D))
        values, vectors = np.linalg.eigh(inverse @ C @ inverse.mT)
        return np.sqrt(values.clip(0)), inverse.mT @ vectors

    def worst(self, V: Array) -> float:
        """Return the largest true defect in the span of the columns V [P, k]."""
        if V.shape[1] == 0:
            return 0.0
        C, D = (V.T @ form[0] @ V for form in self.forms(self.field.beta[None]))
        return float(np.sqrt(max(0.0, eigh(C, D + 1e-14 * np.trace(D) * np.eye(len(D)))[0][-1])))

    @cached_property
    def true_dimension(self) -> int:
        """The dimension of the null space of the true form."""
        C = self.forms(self.field.beta[None])[0][0]
        return int(null_space(C / np.trace(C), rcond=1e-12).shape[1])


def threshold(tau: float) -> Callable[[Array], int]:
    """Return the rule that declares every direction of a defect of at most ``tau``."""
    return lambda rho: int((rho <= tau).sum())


def largest_gap(rho: Array) -> int:
    """Return the number of directions below the largest ratio of successive defects."""
    return int(np.argmax((rho[1:] + 1e-300) / (rho[:-1] + 1e-300))) + 1


RULES: dict[str, Callable[[Array], int]] = {
    "threshold 0.05": threshold(0.05),
    "threshold 0.2": threshold(0.2),
    "largest gap": largest_gap,
}

HOPF: Components = (
    {(1, 0): 1, (0, 1): -1, (3, 0): -1, (1, 2): -1},
    {(1, 0): 1, (0, 1): 1, (2, 1): -1, (0, 3): -1},
)
VAN_DER_POL: Components = ({(0, 1): 1}, {(1, 0): -1, (0, 1): 1, (2, 1): -1})
LORENZ: Components = (
    {(1, 0, 0): -10, (0, 1, 0): 10},
    {(1, 0, 0): 28, (0, 1, 0): -1, (1, 0, 1): -1},
    {(1, 1, 0): 1, (0, 0, 1): -8 / 3},
)
RADIAL: Components = (
    {(1, 0, 0): 1, (3, 0, 0): -1, (1, 2, 0): -1, (1, 0, 2): -1},
    {(0, 1, 0): 1, (2, 1, 0): -1, (0, 3, 0): -1, (0, 1, 2): -1},
    {(0, 0, 1): 1, (2, 0, 1): -1, (0, 2, 1): -1, (0, 0, 3): -1},
)
DUFFING: Components = ({(0, 1): 1}, {(1, 0): 1, (3, 0): -1, (0, 1): -0.2})
PREDATORS: Components = ({(1, 0): 1, (1, 1): -1}, {(0, 1): -1, (1, 1): 1})
SELKOV: Components = (
    {(0, 0): 0.1, (1, 0): -1, (0, 1): 0.5, (2, 1): 1},
    {(0, 1): -0.5, (2, 1): -1},
)
TOP: Components = ({(0, 1, 1): -1}, {(1, 0, 1): 1}, {})
BODY: Components = ({(0, 1, 1): -1}, {(1, 0, 1): 1}, {(1, 1, 0): -1 / 3})
FIELDS = {
    "hopf": Field(HOPF, 3, 1.0),
    "planar rotation": Field(({(0, 1): -1}, {(1, 0): 1}), 1, 1.0),
    "symmetric top": Field(TOP, 2, 1.0),
    "radial flow": Field(RADIAL, 3, 1.0),
    "van der pol": Field(VAN_DER_POL, 3, 1.0),
    "duffing": Field(DUFFING, 3, 2.0),
    "lotka-volterra": Field(PREDATORS, 2, 1.0),
    "selkov": Field(SELKOV, 3, 2.0),
    "asymmetric body": Field(BODY, 2, 1.0),
    "lorenz": Field(LORENZ, 2, 20.0),
}
ON_TRAJECTORIES = {
    "van der pol": Field(VAN_DER_POL, 3, 3.0),
    "hopf": Field(HOPF, 3, 1.5),
    "lorenz": Field(LORENZ, 2, 20.0),
}


def fitted(field: Field, x: Array, y: Array) -> Array:
    """Return the least-squares coefficients [t, n, m] for x and y [t, N, n]."""
    phi = field.features(x)
    scale = np.abs(phi).max((0, 1))
    phi = phi / scale
    inverse = np.linalg.pinv(phi.mT @ phi, rcond=1e-13, hermitian=True)
    beta: Array = (inverse @ phi.mT @ y / scale[:, None]).mT
    return beta


def judged(defects: Defects, beta: Array) -> Iterator[tuple[str, int, bool]]:
    """Yield each rule, the dimension it declares, and whether it claims falsely, for each fit."""
    for rho, directions in zip(*defects.spectrum(beta), strict=True):
        for name, rule in RULES.items():
            k = rule(rho)
            yield name, k, defects.worst(directions[:, :k]) > DELTA


def deviation(field: Field, share: float) -> float:
    """Return the standard deviation of the noise: a share of the root mean square of F."""
    x = np.random.default_rng(0).uniform(-field.half, field.half, (50_000, field.n))
    return share * float(np.sqrt((field(x) ** 2).sum(1).mean()))


def uniform_points(trials: int, seeds: int) -> None:
    """Print the rates of false claims and of detection over the 240 settings."""
    false = {name: np.zeros((seeds, len(FIELDS), len(SIZES), len(NOISES))) for name in RULES}
    found = {name: np.zeros_like(false[name]) for name in RULES}
    symmetric = []
    for f, field in enumerate(FIELDS.values()):
        defects = Defects(field)
        symmetric.append(defects.true_dimension > 0)
        for (i, size), (j, share), seed in product(
            enumerate(SIZES), enumerate(NOISES), range(seeds)
        ):
            stream = np.random.default_rng([f, i, j, seed])
            x = stream.uniform(-field.half, field.half, (trials, size, field.n))
            y = field(x) + deviation(field, share) * stream.standard_normal(x.shape)
            for name, k, wrong in judged(defects, fitted(field, x, y)):
                false[name][seed, f, i, j] += wrong / trials
                found[name][seed, f, i, j] += (k >= defects.true_dimension) / trials
    print("| rule | false claims, mean | worst setting | at | detection |")
    print("| --- | --- | --- | --- | --- |")
    for name in RULES:
        mean, detected = false[name].mean((1, 2, 3)), found[name][:, symmetric].mean((1, 2, 3))
        pooled = false[name].mean(0)
        at = np.unravel_index(pooled.argmax(), pooled.shape)
        worst = false[name][:, *at]
        place = f"{list(FIELDS)[at[0]]}, N = {SIZES[at[1]]}, noise {NOISES[at[2]]}"
        print(f"| {name} | {_spread(mean)} | {_spread(worst)} | {place} | {_spread(detected)} |")


def _spread(values: Array) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def _along(field: Field, start: Array, duration: float, count: int) -> Array:
    solved = solve_ivp(
        lambda _, z: field(z), (0, duration), start, rtol=1e-9, atol=1e-11,
        t_eval=np.linspace(0, duration, count),
    )  # fmt: skip
    states: Array = solved.y.T
    return states


def trajectories(seeds: int) -> None:
    """Print how often the rules claim falsely where the points lie on trajectories."""
    print(
        "\n| field | points | true | threshold 0.05 declares | false claims | gap: false claims |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name, field in ON_TRAJECTORIES.items():
        defects = Defects(field)
        sigma = deviation(field, 0.02)
        for kind in ("one trajectory", "8 trajectories", "uniform"):
            claims: dict[str, list[tuple[int, bool]]] = {rule: [] for rule in RULES}
            for seed in range(seeds):
                stream = np.random.default_rng([7, seed])
                x = _points(field, kind, stream)
                x = x[(np.abs(x) <= 3 * field.half).all(1)]
                y = field(x) + sigma * stream.standard_normal(x.shape)
                for rule, k, wrong in judged(defects, fitted(field, x[None], y[None])):
                    claims[rule].append((k, wrong))
            fixed, gap = claims["threshold 0.05"], claims["largest gap"]
            numbers = sorted({k for k, _ in fixed})
            print(
                f"| {name} | {kind} | {defects.true_dimension} "
                f"| {', '.join(map(str, numbers))} | {sum(w for _, w in fixed)} of {seeds} "
                f"| {sum(w for _, w in gap)} of {seeds} |"
            )


def _points(field: Field, kind: str, stream: np.random.Generator) -> Array:
    if kind == "uniform":
        return stream.uniform(-field.half, field.half, (3000, field.n))
    many = kind == "8 trajectories"
    starts = stream.uniform(-field.half, field.half, (8 if many else 1, field.n))
    duration, count = (8.0, 400) if many else (40.0, 4000)
    paths = [_along(field, start, duration, count) for start in starts]
    return np.concatenate(paths) if many else paths[0][1000:]  # after the transient


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=60, help="data sets of a setting and seed")
    parser.add_argument("--seeds", type=int, default=5, help="of the data sets")
    options = parser.parse_args()
    uniform_points(options.trials, options.seeds)
    trajectories(4 * options.seeds)


if __name__ == "__main__":
    main()
