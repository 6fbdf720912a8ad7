"""How often ``symbench discover`` claims a symmetry of random regressions, which have none.

Each table has 150 to 500 rows of 2 to 5 normal inputs with random correlations. The target is a
random perceptron with one hidden layer of 8 tanh units, with noise of 0 to 0.5 deviations. A
generator and a finite element each count as a finding, and so do inputs that hardly change the
target, in a column of their own.

    python scripts/discover_false_findings.py --tables 100
"""

from __future__ import annotations

import argparse

import torch

from symbench import discover, seeded


def random_table(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs [n, d] and targets [n, 1] of a random regression."""
    stream = seeded("random regression", seed)
    n = int(torch.randint(150, 501, (), generator=stream))
    d = int(torch.randint(2, 6, (), generator=stream))
    mixing, first, shift, second = (
        torch.randn(*shape, generator=stream, dtype=torch.float64)
        for shape in ((d, d), (d, 8), (8,), (8, 1))
    )
    z = torch.randn(n, d, generator=stream, dtype=torch.float64)
    y = (1.5 * z @ first / d**0.5 + shift).tanh() @ second
    noise = 0.5 * torch.rand((), generator=stream, dtype=torch.float64)
    drawn = torch.randn(n, 1, generator=stream, dtype=torch.float64)
    return z @ (mixing + 2 * torch.eye(d)), y + noise * y.std() * drawn


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=100, help="number of tables")
    parser.add_argument("--first", type=int, default=0, help="seed of the first table")
    given = parser.parse_args()
    generators, elements, either, flat = 0, 0, 0, 0
    for seed in range(given.first, given.first + given.tables):
        x, y = random_table(seed)
        found = discover(x, y, controls=0, compare=False, seed=seed)
        generators += len(found.generators) > 0
        elements += len(found.finite) > 0
        either += bool(found.generators or found.finite)
        flat += len(found.ignored) > 0
        print(
            f"{seed}: {x.shape[0]} x {x.shape[1]}, R² {found.predictor.r2:.2f}, "
            f"{len(found.generators)} generators, {[one.name for one in found.finite]}, "
            f"{len(found.ignored)} flat directions; "
            f"so far {generators} / {elements} / {either} / {flat}",
            flush=True,
        )
    print(f"tables with generators {generators}, elements {elements}, either {either}")


if __name__ == "__main__":
    main()
