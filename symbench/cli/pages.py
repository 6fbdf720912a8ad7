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
    "boards": ("name", "ranks", "plugin", "summary"),
    "executors": ("name", "remote", "plugin", "summary"),
    "plugins": ("name", "version", "source", "status", "registered"),
}
_ONE_PER_LINE = {"sizes", "tiers"}
_DECLINED = ("declined_by", "declines")  # what a task is declined by, and a model declines
_SHOWN_APART = ("kind", "name", "version", "definition")

Document = dict[str, Any]


def sections(
    documents: Mapping[str, Sequence[Document]],
    width: int,
    *,
    colour: bool = False,
    long: bool = False,
) -> str:
    """Return each section under its heading, with the number of its entries.

    An entry is a line with its name and summary, under the name of its plugin; with ``long`` it is
    a row with all columns.
    """
    page = _table if long else _short
    return "\n".join(
        f"{name} ({len(entries)})\n" + page(name, entries, width, colour=colour)
        for name, entries in documents.items()
    )


def _table(name: str, entries: Sequence[Document], width: int, *, colour: bool) -> str:
    if not entries:
        return "  none\n"
    rows = [[_entry(entry, heading) for heading in _HEADINGS[name]] for entry in entries]
    return listing.listing(_HEADINGS[name], rows, width, colour=colour)


def _short(name: str, entries: Sequence[Document], width: int, *, colour: bool) -> str:
    if not entries:
        return "  none\n"
    if name == "plugins":
        return listing.lines([(e["name"], _state(e)) for e in entries], width)
    if name == "boards":  # in the order in which they are to be read
        return listing.lines([(e["name"], e["summary"]) for e in entries], width)
    groups: dict[str, list[tuple[str, str]]] = {}
    for entry in entries:
        groups.setdefault(entry["plugin"], []).append((entry["name"], entry["summary"]))
    return "".join(
        listing.heading(plugin, colour=colour) + listing.lines(named, width)
        for plugin, named in sorted(groups.items())
    )


def _state(plugin: Document) -> str:
    """Return what a plugin registers in numbers, or why it does not."""
    if plugin.get("reason") or plugin["status"] != "ok":
        return str(plugin.get("reason") or plugin["status"])
    return f"names registered: {len(plugin['registered'])}"


def _entry(entry: Document, heading: str) -> str:
    if heading == "registered" and entry.get("reason"):
        return str(entry["reason"])
    value = entry.get(heading)
    return "" if value is None else listing.text_of(value)


def card(document: Document, width: int, *, colour: bool = False, declined: bool = False) -> str:
    """Return one card of ``show``; ``declined`` names all that stand behind a reason."""
    title = f"{document['kind']} {document['name']} {document.get('version', '')}".strip()
    shown = {key: document[key] for key in document if key not in _SHOWN_APART}
    for key in _ONE_PER_LINE & set(shown):
        shown[key] = [{f"{name}:": value} for name, value in shown[key].items()]
    for key in set(_DECLINED) & set(shown):
        shown[key] = _by_reason(shown[key], named=declined)
    if "content" in shown:
        shown["content"] = _suite(shown["content"])
    if "published" in shown:
        shown["published"] = [_published(one) for one in shown["published"]]
    values = _labelled(shown)
    body = str(document.get("definition", ""))
    return listing.card(title, body, values, width, colour=colour)


def _by_reason(reasons: Mapping[str, str], *, named: bool) -> list[Document]:
    """Return each reason under all of its names, or the first and the number of the others.

    The most frequent reason is the first. A reason that starts with its own name is the same
    without it.
    """
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason.removeprefix(f"{name} "), []).append(name)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [{f"{_names(names, all_of_them=named)}:": reason} for reason, names in ordered]


def _names(names: Sequence[str], *, all_of_them: bool) -> str:
    if all_of_them or len(names) == 1:
        return ", ".join(names)
    return f"{names[0]} and {len(names) - 1} more"


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


def _suite(content: Document) -> list[Document]:
    """Return the entries of a suite, one below the other, and of its findings the claims."""
    shown = {key: value for key, value in content.items() if key not in ("name", "summary")}
    findings = shown.pop("findings", ())
    claims = [{"finding:": finding["claim"]} for finding in findings]
    return [*({f"{key}:": value} for key, value in shown.items()), *claims]


def _published(curve: Document) -> Document:
    errors = {f"{n_train}:": error for n_train, error in curve["values"].items()}
    return {f"{curve['label']} ({curve['model']})": errors, "from": curve["source"]}


def _labelled(values: Document) -> Document:
    return {label.replace("_", " "): value for label, value in values.items()}


def _by_name(entries: Sequence[Document]) -> Document:
    return {str(e["name"]): {key: e[key] for key in e if key != "name"} for e in entries}
