"""A tier has one of three names; other names have the same error everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from symbench.contract import Tier
from symbench.contract.values import check_tier
from symbench.errors import InputError
from symbench.runs.plan import Selection
from symbench.runs.protocol import TIERS

REFUSED = "unknown tier 'huge': choose one of smoke, quick, full"


def test_every_tier_has_a_budget():
    assert tuple(TIERS) == get_args(Tier)
    for tier in TIERS:
        check_tier(tier)


def test_an_unknown_tier_is_refused_alike_by_runs_and_searches():
    search = pytest.importorskip("symbench.tuning.search")
    for refused in (
        lambda: check_tier("huge"),
        lambda: Selection(tier="huge"),
        lambda: search.Search(Path("store"), tier="huge"),
    ):
        with pytest.raises(InputError, match=REFUSED):
            refused()
