"""The documents of ``list``, ``show``, ``doctor`` and ``run --dry-run`` as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symbench.results.report import listing

_HEADINGS = {
    "tasks": ("name", "version", "kind", "loss", "plugin", "summary"),
    "models": ("name", "version", "prior", "plugin", "summary"),
    "metrics": ("name", "version", "unit", "direction", "plugin", "summary"),
    "suites": ("name", "plugin", "summary"),
    "executors": ("name", "remote", "plugin", "summary"),
    "plugins": ("name", "version", "source", "status", "registered"),
}
_ONE_PER_LINE = {"sizes", "tiers", "declined_by", "declines"}
_SHOWN_APART = ("kind", "name", "version", "definition")

Document = dict[str, Any]


def sections(
    documents: Mapping[str, Sequence[Document]], width: int, *, colour: bool = False
) -> str:
    """Return each section under its heading, with the number of its entries."""
    return "\n".join(
        f"{name} ({len(entries)})\n" + _section(name, entries, width, colour=colour)
        for name, entries in documents.items()
    )


def _section(name: str, entries: Sequence[Document], width: int, *, colour: bool) -> str:
    if not entries:
        return "  none\n"
    rows = [[_entry(entry, heading) for heading in _HEADINGS[name]] for entry in entries]
    return listing.listing(_HEADINGS[name], rows, width, colour=colour)


def _entry(entry: Document, heading: str) -> str:
    if heading == "registered" and entry.get("reason"):
        return str(entry["reason"])
    value = entry.get(heading)
    return "" if value is None else listing.text_of(value)


def card(document: Document, width: int, *, colour: bool = False) -> str:
    """Return one card of ``show``."""
    title = f"{document['kind']} {document['name']} {document.get('version', '')}".strip()
    shown = {key: document[key] for key in document if key not in _SHOWN_APART}
    for key in _ONE_PER_LINE & set(shown):
        shown[key] = [{f"{name}:": value} for name, value in shown[key].items()]
    if "published" in shown:
        shown["published"] = [_published(one) for one in shown["published"]]
    values = _labelled(shown)
    body = str(document.get("definition", ""))
    return listing.card(title, body, values, width, colour=colour)


def plan(cells: Sequence[Document], width: int, *, colour: bool = False) -> str:
    """Return the cells of a dry run, one per line."""
    headings = ("task", "model", "plan", "reason")
    rows = [[str(cell[heading] or "") for heading in headings] for cell in cells]
    return listing.listing(headings, rows, width, colour=colour)


def page(document: Document, width: int, *, colour: bool = False) -> str:
    """Return the page of ``doctor``: one card per section."""
    cards = []
    for title, content in document.items():
        values = _by_name(content) if isinstance(content, list) else _labelled(content)
        cards.append(listing.card(title, "", values, width, colour=colour))
    return "\n".join(cards)


def _published(curve: Document) -> Document:
    errors = {f"{n_train}:": error for n_train, error in curve["values"].items()}
    return {f"{curve['label']} ({curve['model']})": errors, "from": curve["source"]}


def _labelled(values: Document) -> Document:
    return {label.replace("_", " "): value for label, value in values.items()}


def _by_name(entries: Sequence[Document]) -> Document:
    return {str(e["name"]): {key: e[key] for key in e if key != "name"} for e in entries}
