"""Lists and cards fit the terminal, one line an entry and one entry a reason."""

from __future__ import annotations

from symbench.cli import pages


def entry(name, plugin, summary):
    return {"name": name, "plugin": plugin, "version": "1", "summary": summary}


ENTRIES = [entry("b", "second", "short"), entry("a-name", "first", "a long summary " * 9)]


def test_an_entry_is_one_line_under_its_plugin():
    text = pages.sections({"models": ENTRIES}, 40)
    assert text.splitlines() == [
        "models (2)",
        "first",
        "  a-name  a long summary a long summary…",
        "second",
        "  b  short",
    ]


def test_no_line_exceeds_the_terminal():
    for width in (20, 40, 80):
        lines = pages.sections({"models": ENTRIES}, width).splitlines()
        assert max(map(len, lines)) <= width


def test_a_plugin_says_what_it_registers_or_why_it_does_not():
    plugins = [
        {"name": "good", "status": "ok", "reason": None, "registered": ["a", "b"]},
        {"name": "bad", "status": "broken", "reason": "ValueError: out of order"},
        {"name": "out", "status": "blocked", "reason": None},
    ]
    lines = pages.sections({"plugins": plugins}, 80).splitlines()[1:]
    assert [line.split(maxsplit=1) for line in lines] == [
        ["good", "names registered: 2"], ["bad", "ValueError: out of order"], ["out", "blocked"],
    ]  # fmt: skip


REASONS = {"cnn": "reads images", "gcn": "gcn reads graphs", "gin": "gin reads graphs"}


def shown(*, declined):
    document = {"kind": "task", "name": "length", "declined_by": REASONS}
    return pages.card(document, 80, declined=declined)


def test_refusals_are_grouped_by_their_reason():
    text = shown(declined=False)
    assert "gcn and 1 more: reads graphs\n" in text
    assert text.index("reads graphs") < text.index("cnn: reads images")


def test_all_names_behind_a_reason_are_listed_when_asked():
    assert "gcn, gin: reads graphs\n" in shown(declined=True)
