"""The scores of generators agree with other code: numpy, finite differences, explicit matrices.

Nothing of ``symbench.metrics`` is used for the expected values: the representations are written
out as matrices, derivatives are central differences, the second moment has a Cholesky root, and the
true algebras are those of the laws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
import torch
from known_tasks import Angle, Discovering, Inertia, Minkowski, algebra_scores
from torch import nn

H = 1e-5
SIGNS = np.diag([1.0, -1.0, -1.0, -1.0])


def rotations(d, form=None):
    """A with Aᵀ F + F A = 0: F⁻¹ times an antisymmetric matrix."""
    form = np.eye(d) if form is None else form
    pairs = [(i, j) for i in range(d) for j in range(i + 1, d)]
    skew = np.zeros((len(pairs), d, d))
    for k, (i, j) in enumerate(pairs):
        skew[k, i, j], skew[k, j, i] = 1, -1
    return np.linalg.inv(form) @ skew


@dataclass
class Law:
    """A task in numbers: ``scalars`` inputs, then ``copies`` of V, and outputs V^⊗rank."""

    task: object
    d: int
    scalars: int
    copies: int
    rank: int
    algebra: np.ndarray

    def on_inputs(self, A):
        return np.block([
            [np.zeros((self.scalars, self.scalars + self.copies * self.d))],
            [np.zeros((self.copies * self.d, self.scalars)), np.kron(np.eye(self.copies), A)],
        ])  # fmt: skip

    def on_outputs(self, A):
        if self.rank == 0:
            return np.zeros((1, 1))
        return np.kron(A, np.eye(self.d)) + np.kron(np.eye(self.d), A)

    @cached_property
    def data(self):
        return self.task.sample(self.task.test_size, 0, "test").x.double().numpy()

    @cached_property
    def x(self):
        return self.data[np.linspace(0, len(self.data) - 1, 256).round().astype(int)]

    @cached_property
    def root(self):
        v = self.data[:, self.scalars :].reshape(-1, self.d)
        return np.linalg.cholesky(v.T @ v / len(v))

    @cached_property
    def basis(self):
        units = np.eye(self.d**2).reshape(-1, self.d, self.d)
        return self.root @ units @ np.linalg.inv(self.root)

    def whitened(self, A):
        """An orthonormal basis of the span of A, as rows, in the coordinates of the data."""
        rows = (np.linalg.inv(self.root) @ A @ self.root).reshape(len(A), -1)
        _, values, rows = np.linalg.svd(rows, full_matrices=False)
        return rows[values > 1e-8 * values[0]]

    def terms(self, f, A):
        """Df[dρ_in(A)x] - dρ_out(A)f [n, o], and ‖Df‖²‖dρ_in(A)x‖² + ‖dρ_out(A)f‖² [n].

        GL(V) moves the copies of V in all directions, and the scalars in none.
        """
        moved, turned = self.x @ self.on_inputs(A).T, f(self.x) @ self.on_outputs(A).T
        change = (f(self.x + H * moved) - f(self.x - H * moved)) / (2 * H)
        steps = H * np.eye(self.x.shape[1])
        slopes = [(f(self.x + e) - f(self.x - e)) / (2 * H) for e in steps[self.scalars :]]
        square = sum((slope**2).sum(1) for slope in slopes)
        return change - turned, square * (moved**2).sum(1) + (turned**2).sum(1)

    def form(self, f):
        """C [n, o, m]."""
        return np.stack([self.terms(f, A)[0] for A in self.basis], -1)


LAWS = {
    "angle": Law(Angle(), 5, 0, 2, 0, rotations(5)),
    "inertia": Law(Inertia(), 3, 3, 3, 2, np.concatenate([rotations(3), np.eye(3)[None]])),
    "minkowski": Law(Minkowski(), 4, 0, 3, 0, rotations(4, SIGNS)),
}


class Near(nn.Module):
    """The exact target and a perturbation that no generator keeps."""

    def __init__(self, law, size):
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        shape = *law.task.input_shape, *law.task.output_shape
        self.law, self.size = law, size
        self.weight = torch.randn(*shape, generator=generator, dtype=torch.float64)

    def forward(self, x):
        # in float64 throughout, so that both types are one function
        exact = self.law.task.target(x.double())
        return (exact + self.size * (x.double() @ self.weight).sin()).to(x.dtype)

    def numbers(self, x):
        return self(torch.from_numpy(x)).numpy()


@pytest.fixture(params=LAWS)
def law(request):
    return LAWS[request.param]


def target(law):
    return lambda x: law.task.target(torch.from_numpy(x)).numpy()


def cosines(law, A, B):
    return np.linalg.svd(law.whitened(A) @ law.whitened(B).T, compute_uv=False)


def least_directions(law, f):
    """The directions of gl(V), as matrices, from the least singular value of C upwards."""
    C = law.form(f).reshape(-1, law.d**2)
    _, _, rows = np.linalg.svd(C, full_matrices=False)
    return np.einsum("km,mij->kij", rows[::-1], law.basis)


def closure(law, A):
    """The root mean square of brackets outside the span, in units of random ones."""
    rows, d = law.whitened(A), law.d
    B = rows.reshape(-1, d, d)
    outside = [
        np.linalg.norm((bracket := a @ b - b @ a).ravel() - rows.T @ (rows @ bracket.ravel())) ** 2
        for i, a in enumerate(B) for j, b in enumerate(B) if i != j
    ]  # fmt: skip
    return np.sqrt(np.mean(outside) / (2 / d * (1 - 1 / d**2)))


def defects(law, f, A):
    """δ of each generator, and its bound by a bootstrap of its own.

    The denominator is that of the function or of the exact target, whichever is smaller.
    """
    counts = np.random.default_rng(0).multinomial(256, np.full(256, 1 / 256), size=4000)
    found, bounds = [], []
    for a in A:
        violated, own = law.terms(f, a)
        violated, limit = (violated**2).sum(1), law.terms(target(law), a)[1]
        found.append(np.sqrt(violated.mean() / min(own.mean(), limit.mean())))
        drawn = (counts @ violated) / np.minimum(counts @ own, counts @ limit)
        bounds.append(np.quantile(np.sqrt(drawn), 0.95))
    return np.array(found), np.array(bounds)


@pytest.mark.parametrize("size", [0.01, 0.3])
def test_extracted_scores(law, size):
    module = Near(law, size)
    f, k, m = module.numbers, len(law.algebra), law.d**2
    L = least_directions(law, f)
    squares = cosines(law, L[:k], law.algebra) ** 2
    C, exact = law.form(f), law.form(target(law))
    Q = law.whitened(law.algebra).T
    bounds = defects(law, f, L)[1]
    kept = L[bounds < 0.05]
    floor = ((C - exact) ** 2).sum() / min(
        sum(law.terms(g, A)[1].sum() for A in law.basis) for g in (f, target(law))
    )
    expected = {
        "lie_derivative": ((C @ Q) ** 2).sum() / k / ((exact**2).sum() / m),
        "generator_cosine": np.sqrt(squares.sum() / k),
        "generator_overlap": (squares.sum() / k - k / m) / (1 - k / m),
        "generator_worst_cosine": np.sqrt(squares.min()),
        "generator_recall": (cosines(law, kept, law.algebra) ** 2).sum() / k if len(kept) else 0,
        "generator_closure": closure(law, L[:k]),
        "generators_found": len(kept),
        "generators_found.at_02": (bounds < 0.02).sum(),
        "generators_found.at_10": (bounds < 0.1).sum(),
        "generators_found.floor": np.sqrt(floor),
    }
    if len(kept):
        total = (cosines(law, kept, law.algebra) ** 2).sum()
        expected["generator_precision"] = total / len(kept)
    found = algebra_scores(law.task, module)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_announced_scores(law):
    """Half of the true generators, and one that is wrong."""
    module, d, k = Near(law, 0.1), law.d, len(law.algebra)
    wrong = np.random.default_rng(1).normal(size=(1, d, d))
    A = np.concatenate([law.algebra[: k // 2], wrong])
    total, n, m = (cosines(law, A, law.algebra) ** 2).sum(), len(A), d**2
    on_target, own = defects(law, target(law), A), defects(law, module.numbers, A)
    expected = {
        "announced_cosine": np.sqrt(total / k),
        "announced_overlap": (total / k - n / m) / (1 - n / m),
        "announced_worst_cosine": 0,
        "announced_precision": total / n,
        "announced_recall": total / k,
        "announced_closure": closure(law, A),
        "announced_count": n,
        "announced_defect": on_target[0].max(),
        "announced_own_defect": own[0].max(),
        "announced_unconnected": (own[1] >= 0.2).sum(),
    }
    found = algebra_scores(law.task, module, Discovering(torch.from_numpy(A)))
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-6)
    for name, bounds in (("announced_defect", on_target[1]), ("announced_own_defect", own[1])):
        assert found[f"{name}.bound"] == pytest.approx(bounds.max(), rel=0.03)
