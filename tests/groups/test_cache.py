"""Stored bases are read again, and solved again if damaged; errors of the cache are ignored."""

from __future__ import annotations

import pytest
import torch

from symbench.disk_cache import folder
from symbench.groups import SO, V, invariant_basis
from symbench.groups import basis as solving

REP = (V**3)(SO(3))


@pytest.fixture
def solved(monkeypatch):
    """The list of problems that were solved, not read."""
    problems = []
    solve = solving.tensor_invariants

    def counted(group, p, q):
        problems.append((group, p, q))
        return solve(group, p, q)

    monkeypatch.setattr(solving, "tensor_invariants", counted)
    return problems


def _again():
    solving._stored.cache_clear()
    return invariant_basis(REP)


def test_a_basis_is_solved_once_in_a_process(solved):
    first, second = invariant_basis(REP), invariant_basis(REP)
    assert torch.equal(first, second)
    assert len(solved) == 1


def test_a_stored_basis_is_read_by_the_next_process(solved):
    first, second = invariant_basis(REP), _again()
    assert torch.equal(first, second)
    assert len(solved) == 1
    (stored,) = folder("bases").iterdir()
    assert len(stored.stem) == 32
    assert stored.suffix == ".safetensors"


@pytest.mark.parametrize("spoilt", [b"", b"nonsense", b"\xff" * 200])
def test_a_corrupt_file_is_solved_again_and_mended(solved, spoilt):
    first = invariant_basis(REP)
    (stored,) = folder("bases").iterdir()
    sound = stored.read_bytes()
    stored.write_bytes(spoilt)
    assert torch.equal(_again(), first)
    assert len(solved) == 2
    assert stored.read_bytes() == sound


def test_a_truncated_file_is_solved_again(solved):
    invariant_basis(REP)
    (stored,) = folder("bases").iterdir()
    stored.write_bytes(stored.read_bytes()[:-8])
    assert len(_again()) == 1
    assert len(solved) == 2


def test_a_file_of_another_shape_is_solved_again(solved):
    invariant_basis(REP)
    (stored,) = folder("bases").iterdir()
    invariant_basis((V**2)(SO(3)))
    (other,) = set(folder("bases").iterdir()) - {stored}
    stored.write_bytes(other.read_bytes())
    assert _again().shape == (1, 27)
    assert len(solved) == 3


def test_a_folder_that_cannot_be_written_does_no_harm(solved, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("SYMBENCH_CACHE", str(blocked))
    assert _again().shape == (1, 27)
    assert _again().shape == (1, 27)
    assert len(solved) == 2


def test_no_half_written_file_is_left_behind(monkeypatch):
    def interrupted(*_):
        raise OSError("disk full")

    monkeypatch.setattr("symbench.disk_cache.os.replace", interrupted)
    assert _again().shape == (1, 27)
    assert not list(folder("bases").iterdir())


def test_an_empty_basis_is_stored_too(solved):
    rep = (V**3)(SO(4) * SO(2))
    assert len(invariant_basis(rep)) == 0
    solving._stored.cache_clear()
    count = len(solved)
    assert len(invariant_basis(rep)) == 0
    assert len(solved) == count


def test_groups_of_one_name_and_different_matrices_are_not_confused():
    class Renamed(type(SO(2)).__mro__[2]):
        def __init__(self, algebra):
            super().__init__("mine", algebra)

        def sample(self, count, generator):
            raise NotImplementedError

    turn = torch.zeros(1, 3, 3)
    turn[0, 0, 1], turn[0, 1, 0] = 1, -1
    other = turn[:, [2, 0, 1]][:, :, [2, 0, 1]]
    a, b = (invariant_basis(V(Renamed(A))) for A in (turn, other))
    assert int(a.abs().argmax()) == 2
    assert int(b.abs().argmax()) != 2


def test_the_folder_defaults_to_the_users_cache(monkeypatch):
    monkeypatch.delenv("SYMBENCH_CACHE")
    assert folder("bases").name == "bases"
    assert "symbench" in str(folder("bases"))


def test_groups_that_differ_in_negation_or_form_do_not_share_a_basis():
    def group(**how):
        base = SO(2)

        class Renamed(type(base).__mro__[2]):
            def sample(self, count, generator):
                raise NotImplementedError

        return Renamed("mine", base.algebra, **how)

    plain, negated = group(), group(negation=True)
    formed = group(form=torch.diag(torch.tensor([2.0, 2.0])))
    assert len({one.fingerprint for one in (plain, negated, formed)}) == 3
