"""Groups and representations from text: ``SO(3)``, ``O(3) x SO(2)``, ``2V + 3S``, ``V ⊗ V*``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from operator import mul

from symbench.errors import InputError
from symbench.groups.affine import SE, E
from symbench.groups.base import Group
from symbench.groups.finite import C, D, S, Trivial, Z
from symbench.groups.linear import GL, SL, Scaling, Sp
from symbench.groups.orthogonal import SO, Lorentz, O
from symbench.groups.representation import Representation, Scalar, V
from symbench.groups.unitary import SU, U

_GROUPS: dict[str, Callable[..., Group]] = {
    "O": O, "SO": SO, "Lorentz": Lorentz, "E": E, "SE": SE, "U": U, "SU": SU, "GL": GL, "SL": SL,
    "Sp": Sp, "Scaling": Scaling, "S": S, "Z": Z, "C": C, "D": D, "Trivial": Trivial,
}  # fmt: skip
_GROUP = re.compile(r"([A-Za-z]+)\((\d{0,3}(?:,\d{1,3})?)\)")
_TOKEN = re.compile(r"\s*(V\([^()]*(?:\([^()]*\)[^()]*)*\)|Scalar|[VS]|\d{1,6}|\*\*|[()+*⊗^])")
_NEARLY = re.compile(r"([A-Za-z]+)\(?(\d{1,3}(?:,\d{1,3})?)\)?")
_LAYOUT = re.compile(r"[\d\s^+]*\d\s*[x×][\d\s^+x×]*")
_IRREPS = re.compile(r"\b(\d+x)?\d[eo]\b")
_LONGEST = 200  # characters
_DEEPEST = 10  # brackets
_FORM = "write sums of V (vector), V* (dual) and S (scalar), such as '2V + 3S' or 'V ⊗ V'"


def parse_group(text: str) -> Group:
    """Return the group of a name as ``str(group)`` writes it; ``x`` and ``*`` write a product too.

    Raises:
        InputError: there is no such group.
    """
    factors = [_factor(part, text) for part in re.split(r"[×x*]", text.replace(" ", ""))]
    return reduce(mul, factors)


def _factor(part: str, text: str) -> Group:
    match = _GROUP.fullmatch(part)
    if len(text) > _LONGEST or match is None or match[1] not in _GROUPS:
        raise InputError(
            f"unknown group {text[:_LONGEST]!r}{_meant_group(part)}: "
            f"write one of {', '.join(_GROUPS)} with its size, such as SO(3) or O(1,3), "
            "or a product such as O(3) x SO(2)"
        )
    sizes = [int(size) for size in match[2].split(",") if size]
    try:
        return _GROUPS[match[1]](*sizes)
    except TypeError as error:
        raise InputError(f"group {part!r}: it takes another number of sizes") from error


def _meant_group(part: str) -> str:
    """Return the group that ``SO3`` or ``so(3)`` may stand for, as a question."""
    match = _NEARLY.fullmatch(part[:_LONGEST])
    named = [name for name in _GROUPS if match and name.lower() == match[1].lower()]
    return f" (did you mean {named[0]}({match[2]})?)" if match and named else ""


def parse_representation(text: str, group: Group) -> Representation:
    """Return a representation as ``str(representation)`` writes it; ``S`` is a scalar too.

    ``V(SO(3))`` is the defining representation of one factor of a direct product. ``a*b`` and
    ``a ⊗ b`` are tensor products, ``a^k`` and ``a**k`` powers, ``2V`` two copies.

    Raises:
        InputError: the text is no representation of the group.
    """
    if len(text) > _LONGEST:
        raise InputError(f"the representation has more than {_LONGEST} characters: shorten it")
    return _Parser(text, group).whole()


def _unreadable(text: str, rest: str) -> str:
    """Return what is wrong from the rest of a text on, with the notation that may be meant."""
    place = f"at {rest[:20]!r}"
    if _LAYOUT.fullmatch(text):
        return f"{place}: this is a layout, which tables have; here, '2V' is two vectors"
    if _IRREPS.search(text):
        return f"{place}: names of irreps are not read; for SO(3), 0e is S and 1o is V"
    return place


class _Parser:
    """A recursive descent through the tokens of one text."""

    def __init__(self, text: str, group: Group) -> None:
        self.text, self.group = text, group
        self.tokens, place = list[str](), 0
        while text[place:].strip():
            if (match := _TOKEN.match(text, place)) is None:
                raise self._wrong(_unreadable(text, text[place:].strip()))
            self.tokens.append(match[1])
            place = match.end()
        self.place = self.depth = 0

    def whole(self) -> Representation:
        found = self._sum()
        if self.place < len(self.tokens):
            raise self._wrong(f"at {self.tokens[self.place]!r}")
        return found(self.group)

    def _sum(self) -> Representation:
        found = self._product()
        while self._take("+"):
            found = found + self._product()
        return found

    def _product(self) -> Representation:
        """Read ``2 V ⊗ W``: copies bind as multiplication does."""
        count = self._count()
        found = self._power()
        while self._peek() in ("*", "⊗"):
            self._next()
            found = found * self._power()
        return count * found

    def _count(self) -> int:
        """Take the number of copies, and the sign between it and what is copied."""
        if not self._peek().isdigit():
            return 1
        number = self._next()
        if self._peek() in ("", "+", ")"):
            scalars = "S for a scalar" if number == "1" else f"{number}S for scalars"
            raise self._wrong(f"{number} says how many, and not what: write {scalars}")
        self._take("*")
        return int(number)

    def _power(self) -> Representation:
        found = self._atom()
        if self._take("^") or self._take("**"):
            if not self._peek().isdigit():
                raise self._wrong("the power is missing")
            return found ** int(self._next())
        return found

    def _atom(self) -> Representation:
        word = self._next()
        if word == "(":
            self.depth += 1
            if self.depth > _DEEPEST:
                raise self._wrong(f"more than {_DEEPEST} brackets")
            found = self._sum()
            if not self._take(")"):
                raise self._wrong("a bracket is open")
            self.depth -= 1
        elif word in ("S", "Scalar"):
            found = Scalar(self.group)
        elif word.startswith("V"):
            found = self._vector(word)
        else:
            raise self._wrong(f"at {word!r}" if word else "it ends too early")
        return found.dual if self._is_dual() else found

    def _vector(self, word: str) -> Representation:
        if word == "V":
            return V(self.group)
        try:
            return V(parse_group(word[2:-1]))(self.group)
        except InputError as error:
            raise self._wrong(f"{word} is of no factor of {self.group}") from error

    def _is_dual(self) -> bool:
        """Take a ``*`` that is no product: nothing that it could multiply follows."""
        following = self.tokens[self.place + 1 : self.place + 2]
        if self._peek() != "*" or (following and following[0][0] in "VS("):
            return False
        return self._take("*")

    def _peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def _next(self) -> str:
        word = self._peek()
        self.place += 1
        return word

    def _take(self, word: str) -> bool:
        found = self._peek() == word
        self.place += found
        return found

    def _wrong(self, what: str) -> InputError:
        return InputError(f"representation {self.text!r}: {what}; {_FORM}")
