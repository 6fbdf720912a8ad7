"""Text of unknown origin works as markup in no format."""

from __future__ import annotations

import csv
import re
import unicodedata
from html.parser import HTMLParser
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbench.results.report.escape import (
    hypertext,
    latex,
    markdown,
    plain,
    spreadsheet,
    visible,
)

COMMAND = re.compile(  # what latex() may write besides plain characters
    r"\\[&%$#_{}]|\\text(?:backslash|asciitilde|asciicircum)\{\}|\\ldots\{\}"
    r"|\\[`'^~\"rvc]\{[A-Za-z]\}|\$(?:\\[a-z]+|\\\||[-<>]|[\^_]\d|\^\\circ)\$"
)
ANY = st.text(st.characters(), max_size=60)  # surrogates and controls included


@given(ANY)
def test_plain_text_is_one_visible_line(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in shown)
    assert plain(shown) == shown
    shown.encode()


def test_bidi_marks_and_escape_sequences_vanish() -> None:
    assert plain("mlp\u202eevil\u2069\x1b[31m\u200b") == "mlpevil[31m"


def test_long_text_is_cut_with_a_mark() -> None:
    assert plain("x" * 300, 10) == "x" * 9 + "…"


@given(ANY)
def test_markdown_cells_hold_no_bare_pipe_and_no_tag(text: str) -> None:
    unescaped = markdown(text).replace("\\\\", "").replace("\\|", "")
    assert "|" not in unescaped
    assert "<" not in unescaped


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("[click](http://x)", "k]("),
        ("![x](http://x)", " !["),
        ("https://evil.example", "https://"),
        ("www.evil.example", "www."),
        ("@everyone", "@"),
        ("<img src=x onerror=alert(1)>", " <img"),
        ("&lt;b&gt;", "&lt;b"),
        ("`code`", " `code"),
    ],
)
def test_markdown_links_mentions_and_tags_do_not_work(text: str, forbidden: str) -> None:
    assert forbidden not in f" {markdown(text)}"


def test_figures_stay_readable_in_markdown() -> None:
    assert markdown("0.0038 [0.0031, 0.0047]") == "0.0038 [0.0031, 0.0047]"
    assert markdown("0.97 (0.32, 1.00) x") == "0.97 (0.32, 1.00) x"


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(ANY)
def test_html_text_parses_back_to_itself_alone(text: str) -> None:
    parser = _Text()
    parser.feed(f'<p title="{hypertext(text)}">{hypertext(text)}</p>')
    parser.close()
    assert parser.tags == ["p"]
    assert parser.text == plain(text)


@given(ANY)
def test_latex_text_is_ascii_without_bare_specials(text: str) -> None:
    shown = latex(text)
    assert shown.isascii()
    assert not set(COMMAND.sub("", shown)) & set("&%$#_{}\\~^<>")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a ÷ b ≥ 2", r"a $\div$ b $\geq$ 2"),
        ("Noether für n³", r"Noether f\"{u}r n$^3$"),
        ("α = π", r"$\alpha$ = $\pi$"),
        ("群", "U+7FA4"),
    ],
)
def test_no_character_is_damaged_in_latex(text: str, shown: str) -> None:
    assert latex(text) == shown


@given(ANY)
def test_no_spreadsheet_takes_a_field_for_a_formula(text: str) -> None:
    out = StringIO()
    csv.writer(out).writerow([spreadsheet(text), "end"])
    (fields,) = csv.reader(StringIO(out.getvalue()))
    assert fields[-1] == "end"
    assert not fields[0].startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("text", ["=1+1", "＝1+1", "＋1", "－1", "＠x", "x;=1+1", "x; ＝1", "﹢1"])
def test_a_spreadsheet_reads_no_formula_in_any_width_or_after_a_semicolon(text: str) -> None:
    marks = [
        i for i, c in enumerate(spreadsheet(text)) if unicodedata.normalize("NFKC", c) in "=+-@"
    ]
    first = marks[0]
    assert spreadsheet(text)[first - 1] == "'"


def test_markdown_sets_no_mathematics() -> None:
    assert "$" not in markdown("a $\\href{https://x}{y}$ b")


def test_letters_that_look_latin_are_shown_as_escapes_within_a_latin_word() -> None:
    assert plain("sc\u0430lars") == "sc\\u0430lars"  # a Cyrillic a
    assert plain("ｍlp") == "\\uff4dlp"
    assert plain("модель λx Δt naïve") == "модель λx Δt naïve"
    assert plain("sc\u0430lars", None) == "sc\u0430lars"  # the project's own text


def test_text_of_several_lines_keeps_them_and_loses_escapes() -> None:
    assert visible("a\n\tb\x1b[2J\u202e\r\n") == "a\n\tb[2J\n"
