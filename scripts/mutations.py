"""Ways to spoil a document: as bytes, as JSON, as a file of tensors. Used by scripts/mutants.py."""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable
from random import Random
from typing import Any

Path = tuple[Any, ...]  # the keys and places that lead to a value of a JSON document

_DEPTHS = (15, 25, 500, 3_000, 200_000)
_LENGTHS = (200, 3_000, 100_000)
_MOST_PLACES = 5_000
_RARE = 0.02  # share of the mutants that become large
_NAMES = (
    "", " ", ".", "..", "../../../etc/passwd", "/etc/passwd", "a/b", "a\\b", "C:\\a", "a\0b", "\n",
    "a\nb", "\t", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x07\x08", "\r\x7f", "\u202egnp\u2066",
    "m\u200blp", "\ufeffmlp", "\u0440\u0430\u0443", "ml\u0440", "\u216f", "\uff1d1+1", "=1+1",
    "@SUM(A1)", "x;=1+1", "-2+3", "<script>alert(1)</script>", '" onload="alert(1)', "a|b", "`a`",
    "[x](javascript:alert(1))", "$x$", "\\input{/etc/passwd}", "100%", "{{ 7 * 7 }}", "{x}", "%s",
    "__proto__", "https://example.org", "\ud800", "\U0010ffff", "e\u0301" * 40, "\U0001f600" * 40,
    "a" * 300, "word " * 300, '"' * 1_000, "\\" * 1_000, "NaN", "null", "1e999", "9999", "\u0661",
    "9999-12-31T23:59:59+00:00", "2026-13-45T99:99:99Z", "0000-00-00", "1969-12-31T00:00:00+00:00",
    "2026-01-01T00:00:00+25:00",
)  # fmt: skip
_NUMBERS = (
    0, 1, -1, 2, -0.0, 0.5, 1e-300, -1e-300, 5e-324, 1e300, -1e300, 1e308, 2**31, -(2**31), 2**53,
    2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 10**308, 10**400, -(10**400), 10**4000, 10**5000,
    float("nan"), float("inf"), float("-inf"), 100_000_000, 1e15, 0.1 + 1e-17,
)  # fmt: skip
_OTHERS = (None, True, False, [], {}, [None], [[]], [1, 2], {"": 0}, {"a": {"b": []}}, "text", 7)
_MARKS = (b'"', b"\\", b"[", b"{", b"}", b",", b":", b"\xff", b"\xf0\x9f")
_KEYS = ("schema", "tensors", "seed", "extra", "__class__", "model_fields", "key", "error")


def spoil_bytes(content: bytes, rng: Random) -> bytes:
    """Return the content with some bytes changed, moved, added or cut off."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 50))):
        at, length = rng.randrange(len(changed) + 1), rng.choice((1, 1, 4, 16, 200, 4_000))
        part = bytes(changed[at : at + length])
        flipped = bytes(byte ^ 1 << rng.randrange(8) for byte in part[:1])
        end, replacement = rng.choice((
            (len(changed), b""), (at + length, b""), (at, rng.randbytes(length)),
            (at, part * rng.choice((1, 2, 20))), (at + length, bytes(len(part))),
            (at, rng.choice(_MARKS)), *[(at + 1, flipped)] * 3,
        ))  # fmt: skip
        changed[at:end] = replacement
    whole = bytes(changed)
    if rng.random() < _RARE:
        encoding = rng.choice(("utf-16", "utf-8-sig", "utf-32"))
        return whole.decode("utf-8", "replace").encode(encoding)
    return whole


def spoil_json(document: Any, rng: Random) -> bytes:
    """Return the document as JSON text with a few of its values, keys or lists changed."""
    return _Spoiled(document, rng).text()


def spoil_tensors(content: bytes, rng: Random) -> bytes:
    """Return a safetensors file with another header or other numbers."""
    length = int(struct.unpack("<Q", content[:8])[0])
    if rng.random() < 0.2:
        claimed = rng.choice((0, 1, length - 1, length + 1, 2**31, 2**40, 2**63, 2**64 - 1))
        return struct.pack("<Q", claimed) + content[8:]
    header, numbers = json.loads(content[8 : 8 + length]), bytearray(content[8 + length :])
    for _ in range(rng.choice((0, 0, 1, 2))):
        about = header[rng.choice(list(header))]
        about["shape"] = rng.choice((
            [], [0], [0, 0, 0], [1, 1], [2**40], [2**32, 2**32], [3, 3, 3, 3], [-1],
            *(about["shape"][::-1], [1, *about["shape"]], about["shape"][:1]),
        ))  # fmt: skip
        about["dtype"] = rng.choice(("F32", "F64", "BF16", "I64", "BOOL", "U8", "C64", "X9"))
    if rng.random() < 0.3:
        name = rng.choice(list(header))
        header[rng.choice(("truth", "learned.0", "pixel_order", "../x"))] = header.pop(name)
    for _ in range(rng.choice((0, 1, 3, 100)) if numbers else 0):
        at = rng.randrange(len(numbers))
        special = rng.choice((b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff" * 8, rng.randbytes(4)))
        numbers[at : at + len(special)] = special[: len(numbers) - at]
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(numbers)


class _Spoiled:
    """A JSON document that is changed in several places."""

    def __init__(self, document: Any, rng: Random) -> None:
        self._document = copy.deepcopy(document)
        self._rng = rng
        self._texts: dict[str, str] = {}  # what json.dumps cannot write, by the mark in its place
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            place = rng.choice(_places(self._document))
            value = rng.choice(_WAYS)(self, _get(self._document, place))
            self._document = _put(self._document, place, value)

    def text(self) -> bytes:
        """Return the document as JSON, with one key in twenty given twice."""
        text = json.dumps(self._document)
        for mark, replacement in self._texts.items():
            text = text.replace(f'"{mark}"', replacement, 1)
        key = self._rng.choice(("status", "schema", "task", "seeds", "error"))
        if self._rng.random() < 0.05:
            twice = f'"{key}": {self._rng.choice((0, 1, []))}, "{key}":'
            text = text.replace(f'"{key}":', twice, 1)
        return text.encode("utf-8", "surrogatepass")

    def _written(self, text: str) -> str:
        mark = f"@text {len(self._texts)}"
        self._texts[mark] = text
        return mark

    def another_type(self, _value: Any) -> Any:
        return copy.deepcopy(self._rng.choice(_OTHERS))

    def another_number(self, _value: Any) -> Any:
        number = self._rng.choice(_NUMBERS)
        return self._written(_digits(number) if isinstance(number, int) else json.dumps(number))

    def another_name(self, _value: Any) -> Any:
        return self._rng.choice(_NAMES)

    def scaled(self, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value * self._rng.choice((-1, 0, 2, 1.5, 1e9, -1e-9))
        return self.another_name(value)

    def without_an_entry(self, value: Any) -> Any:
        if not (isinstance(value, dict | list) and value):
            return self.another_type(value)
        keys = list(value) if isinstance(value, dict) else range(len(value))
        value.pop(self._rng.choice(keys))
        return value

    def with_an_entry(self, value: Any) -> Any:
        extra = self.another_type(value)
        if isinstance(value, dict):
            value[self._rng.choice(_KEYS if self._rng.random() < 0.5 else _NAMES)] = extra
            return value
        return [*value, extra] if isinstance(value, list) else {"value": value}

    def renamed_key(self, value: Any) -> Any:
        if not (isinstance(value, dict) and value):
            return self.another_name(value)
        value[self._rng.choice(_NAMES)] = value.pop(self._rng.choice(list(value)))
        return value

    def from_elsewhere(self, _value: Any) -> Any:
        return copy.deepcopy(_get(self._document, self._rng.choice(_places(self._document))))

    def repeated(self, value: Any) -> Any:
        if not (isinstance(value, list) and value):
            return self.another_number(value)
        times = 1_000 if self._rng.random() < _RARE else self._rng.choice((2, 3, 30))
        return (value * times)[:20_000]

    def deep(self, _value: Any) -> Any:
        depth = self._rng.choice(_DEPTHS)
        opened, closed = self._rng.choice((("[", "]"), ('{"a":', "}")))
        return self._written(opened * depth + "1" + closed * depth)

    def long(self, value: Any) -> Any:
        length = self._rng.choice(_LENGTHS if self._rng.random() < 0.2 else _LENGTHS[:2])
        item = value if isinstance(value, int | float | str) else self._rng.choice((0, "a", {}))
        kind = self._rng.randrange(4)
        if kind == 0:
            return [item] * length
        if kind == 1:
            return {f"{str(item)[:20]}{i}": i for i in range(length)}
        if kind == 2:
            return list(range(length))
        return self._rng.choice(('"', "\\", "\u202e", "a", "\n", "<", "é")) * (length * 10)


_WAYS: tuple[Callable[[_Spoiled, Any], Any], ...] = (
    _Spoiled.another_type, _Spoiled.another_number, _Spoiled.another_number, *[_Spoiled.scaled] * 4,
    _Spoiled.another_name, _Spoiled.another_name, _Spoiled.without_an_entry,
    _Spoiled.with_an_entry, _Spoiled.renamed_key, _Spoiled.from_elsewhere, _Spoiled.repeated,
    _Spoiled.deep, _Spoiled.long,
)  # fmt: skip


def _places(document: Any) -> list[Path]:
    """Return the places of up to a few thousand values, the whole document first."""
    places: list[Path] = [()]
    for place in places:
        value = _get(document, place)
        keys = value if isinstance(value, dict | list) else ()
        places += [(*place, key) for key in (keys if isinstance(keys, dict) else range(len(keys)))]
        if len(places) > _MOST_PLACES:
            break
    return places


def _get(document: Any, place: Path) -> Any:
    for key in place:
        document = document[key]
    return document


def _put(document: Any, place: Path, value: Any) -> Any:
    if not place:
        return value
    _get(document, place[:-1])[place[-1]] = value
    return document


def _digits(number: int) -> str:
    """Return a whole number of any length in decimal digits; ``str`` refuses more than 4300."""
    sign, number, parts = ("-" if number < 0 else ""), abs(number), ""
    while number >= 10**1000:
        number, last = divmod(number, 10**1000)
        parts = f"{last:01000d}{parts}"
    return f"{sign}{number}{parts}"
