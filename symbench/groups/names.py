"""Groups by name, as a command line gives them: ``O(3)``, ``SO(1,3)``, ``SO(2) x SO(3)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from symbench.errors import InputError
from symbench.groups.base import DirectProduct, Group
from symbench.groups.finite import C, D, S, Z
from symbench.groups.linear import GL, SL, Scaling, Sp
from symbench.groups.orthogonal import SO, O
from symbench.groups.unitary import SU, U

_KNOWN: Mapping[str, Callable[..., Group]] = {
    "C": C, "D": D, "GL": GL, "O": O, "S": S, "SL": SL, "SO": SO, "SU": SU, "Scaling": Scaling,
    "Sp": Sp, "U": U, "Z": Z,
}  # fmt: skip
_TWO = {"O", "SO"}  # groups with a signature (p, q)
_CALL = re.compile(r"([A-Za-z]+)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


def named(text: str) -> Group:
    """Return the group of a name; several names with ``x`` between them are a direct product.

    Raises:
        InputError: no group has the name, or not with such numbers.
    """
    factors = [_factor(part.strip()) for part in re.split(r"\s+x\s+|×", text)]
    return factors[0] if len(factors) == 1 else DirectProduct(*factors)


def _factor(text: str) -> Group:
    found = _CALL.fullmatch(text)
    if found is None or found[1] not in _KNOWN or (found[3] and found[1] not in _TWO):
        word = re.match(r"[A-Za-z]*", text)
        near = get_close_matches(word[0] if word else "", _KNOWN, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}(3)?" if near else f"known are {', '.join(_KNOWN)}"
        raise InputError(f"unknown group {text!r}: write it like O(3) or SO(1,3); {hint}")
    return _KNOWN[found[1]](*(int(number) for number in found.groups()[1:] if number))
