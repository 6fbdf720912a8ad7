"""The findings as a page of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from symbench.discovery import words
from symbench.discovery.findings import Findings, Method, ModelGain, Predictor
from symbench.results.report.escape import plain

_LABEL = 14
_SHOWN = 10  # generators and elements


def page(found: Findings, width: int) -> str:
    """Return the page for a terminal of so many columns."""
    lines: list[str] = []
    for label, texts in sections(found):
        for place, text in enumerate(texts):
            lines += _wrapped(label if place == 0 else "", text, max(width, 50))
    return "\n".join(lines) + "\n"


def _wrapped(label: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=label.ljust(_LABEL), subsequent_indent=" " * _LABEL,
        break_long_words=True,
    ) or [label]  # fmt: skip


def sections(found: Findings) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of the page: a label and its lines."""
    yield "Predictor", [_predictor(one) for one in found.predictors]
    yield "Data", [_data(found)]
    yield "Answer", [words.headline(found), *words.reliability(found)]
    if len(found.ignored):
        yield "Ignored", [ignored(found)]
    if found.generators:
        yield "Algebra", _algebra(found)
        yield "Generators", _generators(found)
    if found.finite:
        yield (
            "Finite",
            [
                f"{plain(one.name)}, order {one.order}: changes the function by {one.defect:.3f} "
                f"(below {one.limit:.3f})"
                for one in found.finite
            ],
        )
    if found.methods:
        yield (
            "Methods",
            [_method(one) for one in found.methods],
        )
    if found.control is not None:
        control = found.control
        yield (
            "Control",
            [
                f"targets permuted: something found in {control.found} of {control.of} "
                f"({control.rows} rows)"
            ],
        )
    yield "Inputs", [words.inputs_alone(found.inputs_alone)]
    if found.models:
        yield "Models", [_model(one) for one in found.models]
    yield "Time", [f"{found.seconds:.0f} s"]


def _predictor(one: Predictor) -> str:
    return f"{one.name}: R² {one.r2:.3f} on {one.held_out:,} held-out rows, {one.rows:,} fitted"


def _data(found: Findings) -> str:
    names = f"{_listed(found.inputs)} -> {_listed(found.outputs)}"
    return f"{plain(found.source)}: {names}; layout {plain(found.layout)}"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(plain(name) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown}, … ({len(names)})"


def ignored(found: Findings) -> str:
    """Return along which directions the target hardly changes."""
    parts = []
    for direction in found.ignored:
        size = direction / direction.abs().max()
        terms = [
            f"{value:.2g} {plain(name)}" if abs(value - 1) > 0.01 else plain(name)
            for value, name in zip(size.tolist(), found.space, strict=True)
            if abs(value) >= 0.1
        ]
        parts.append(" + ".join(terms))
    changes = f"relative defect at most {found.ignored_bound:.3f}"
    return f"the target hardly changes along {'; '.join(parts)} ({changes})"


def _algebra(found: Findings) -> list[str]:
    algebra = found.algebra
    positive, negative, zero = algebra.killing_signature
    name = algebra.name or "no name in the table"
    cosine = "" if algebra.cosine is None else f", cosine {algebra.cosine:.3f} to it"
    return [
        f"{name}{cosine}: dimension {algebra.dimension}, {algebra.kind}, {algebra.action}",
        f"Killing form: {positive} positive, {negative} negative, {zero} zero; closure error "
        f"{algebra.closure:.3f}",
    ]


def _generators(found: Findings) -> list[str]:
    lines: list[str] = []
    for place, one in enumerate(found.generators, 1):
        seen = ", a break is seen" if one.break_seen else ""
        lines.append(
            f"{place}. defect {one.defect:.3f} (at most {one.bound:.3f}; by chance "
            f"{one.limit:.3f}; error of the fit {one.error:.3f}{seen}): "
            f"{words.flow(one, found.space)}"
        )
    lines = _first(lines)
    later = "none" if found.next_defect is None else f"{found.next_defect:.3f}"
    lines.append(
        f"next direction: {later}; exact to within {found.tolerance:g}: "
        f"{found.within_tolerance} of {len(found.generators)}"
    )
    return lines


def _first(lines: list[str]) -> list[str]:
    """Return the first lines, and how many more there are."""
    left = len(lines) - _SHOWN
    return lines if left <= 0 else [*lines[:_SHOWN], f"… {left} more, see --json"]


def _method(one: Method) -> str:
    if one.count is None:
        return f"{plain(one.name)}: no answer ({plain(one.note)})"
    agrees = "" if one.agreement is None else f", cosine {one.agreement:.2f} to those above"
    plural = "generator" if one.count == 1 else "generators"
    return f"{plain(one.name)}: {one.count} {plural}{agrees}"


def _model(one: ModelGain) -> str:
    if one.r2 is None:
        return f"{plain(one.name) or 'none'}: no answer ({plain(one.note)})"
    return f"{plain(one.name)}: R² {one.r2:.3f}{_gain(one.gain)}"


def _gain(gain: float | None) -> str:
    """Return how the error of a model compares with that of the Gaussian process."""
    if gain is None or gain <= 0:
        return ""
    if gain >= 1:
        return f", the error of the process divided by {gain:.2g}"
    return f", {1 / gain:.2g} times the error of the process"
