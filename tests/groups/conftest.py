"""Small groups of every kind, and a temporary folder of stored bases."""

from __future__ import annotations

import pytest
import torch

from symbench.groups import (
    GL,
    SE,
    SL,
    SO,
    SU,
    C,
    D,
    E,
    Group,
    Lorentz,
    O,
    S,
    Scaling,
    Sp,
    Trivial,
    U,
    Z,
)
from symbench.groups.basis import _stored

COMPACT = [
    *(SO(n) for n in (1, 2, 3, 4)),
    *(O(n) for n in (1, 2, 3)),
    *(U(n) for n in (1, 2)),
    *(SU(n) for n in (1, 2, 3)),
    *(S(n) for n in (1, 2, 3, 5)),
    *(Z(n) for n in (1, 2, 4)),
    *(C(k) for k in (1, 2, 3, 8)),
    *(D(k) for k in (1, 2, 3, 4)),
    Trivial(3),
    SO(2) * Trivial(1),
    O(3) * S(3),
    C(3) * Z(2) * SO(3),
]
OTHER = [
    *(SO(1, 1), SO(2, 1), SO(1, 3), O(1, 1), O(2, 2), Lorentz()),
    *(Sp(1), Sp(2), SL(1), SL(2), SL(3), GL(1), GL(2), GL(3)),
    *(SE(1), SE(2), SE(3), E(1), E(2), E(3), Scaling(1), Scaling(3)),
    *(Lorentz() * SU(2), SE(2) * Scaling(1)),
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "cache"))
    yield
    _stored.cache_clear()


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(17)


@pytest.fixture(params=COMPACT + OTHER, ids=str)
def group(request) -> Group:
    return request.param


@pytest.fixture(params=COMPACT, ids=str)
def compact(request) -> Group:
    return request.param


@pytest.fixture(params=OTHER, ids=str)
def unbounded(request) -> Group:
    return request.param
