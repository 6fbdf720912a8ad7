"""The leaderboard in every format: complete, marked, and safe whatever the names are."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from symbench.errors import InputError
from symbench.results.leaderboard import Coverage, Estimate, Leaderboard, Point, Rank, Row
from symbench.results.report import FORMATS, render
from symbench.results.report.csv_json import line_by_line
from symbench.results.report.documents import render_fragment

HOSTILE = (
    "<script>alert(1)</script>", "a|b", "=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)",
    "\t=1", "x\ny", "mlp\u202egnp", "\x1b[31mred", "[x](javascript:alert(1))", "${7*7}",
    "\\input{/etc/passwd}", "100%", "a_b & c", "\ud800", "[bold]x[/bold]", "`x`", "",
)  # fmt: skip


def figure(value: float, **parts: Any) -> Estimate:
    return Estimate(**{"value": value, "low": value / 2, "high": value * 2, "n": 5, **parts})


def row(model: str = "mlp", task: str = "o5", **parts: Any) -> Row:
    scores = {
        "error": figure(0.0038, low=0.0031, high=0.0047),
        "n_to_threshold": figure(3000, censored="above"),
        "data_gain": figure(12, censored="above"),
        "data_ratio": figure(3.2, at=300, low=2.1, high=None),
        "curve_area": figure(-2.31),
        "equivariance_error": figure(1.2e-16),
        "lie_derivative": figure(1e-30),
        "generator_cosine": figure(0.97, chance=0.632, reference=1.0),
        "generator_overlap": figure(0.96, chance=0.0, reference=1.0),
        "generators_found.at_02": figure(8),
        "generators_found": figure(9, truth=10.0, floor=0.03),
        "generators_found.at_10": figure(10),
    }
    values = {
        "prior": "told", "status": "ok", "params": 52_100, "threshold": 0.01, "scores": scores,
        "cost": {"train_seconds": figure(1.5)}, "rank": Rank(low=1, high=2), "group": "a",
        "curve": [Point(n_train=1000, error=scores["error"])], **parts,
    }  # fmt: skip
    return Row(task=task, model=model, **values)


def leaderboard(*rows: Row) -> Leaderboard:
    coverage = Coverage(planned=4, finished=3, failed=1, stale=0)
    return Leaderboard(tier="quick", coverage=coverage, rows=list(rows))


def test_an_unknown_format_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(InputError, match="table, md, html, latex, csv, json"):
        render(leaderboard(), "pdf")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_shows_an_empty_board(form: str) -> None:
    assert render(leaderboard(), form).strip()


@pytest.mark.parametrize("form", ["table", "md", "html"])
def test_figures_stand_with_their_intervals_bounds_and_anchors(form: str) -> None:
    shown = render(leaderboard(row()), form, width=250).replace("&gt;", ">")
    for text in (
        "0.0038 [0.0031, 0.0047]", "> 3000", "3.20× [2.10, open] at 300", "-2.31", "1.2e-16",
        "52.1k", "told", "0.97 (0.63, 1.00)", "0.96 (0.00, 1.00)", "8, 9, 10 of 10", "0.030",
        "1–2 a",
        "3 of 4 cells finished, 1 failed, 0 stale.",
    ):  # fmt: skip
        assert text in shown


@pytest.mark.parametrize("width", [40, 80, 100, 120, 160, 200])
def test_no_line_of_a_terminal_table_passes_the_width(width: int) -> None:
    rows = [row("a-model-with-a-rather-long-name-0123456789"), row(prior="discovers")]
    shown = render(leaderboard(*rows), "table", width=width)
    assert max(cell_len(line) for line in shown.splitlines()) <= width


def test_at_120_columns_no_cell_is_folded() -> None:
    rows = [row("mlp-augmented", prior="discovers"), row("scalars")]
    shown = render(leaderboard(*rows), "table", width=120)
    for text in ("mlp-augmented", "discovers", "0.0038 [0.0031, 0.0047]", "0.97 (0.63, 1.00)"):
        assert text in shown


def test_a_wide_terminal_has_one_table_and_a_narrow_one_a_table_for_each_block() -> None:
    """Learning, symmetry, extracted generators and cost: the conclusions come first."""
    headings = [render(leaderboard(row()), "table", width=w).count("prior  ") for w in (250, 120)]
    assert headings == [1, 4]


def test_greyed_scores_stand_in_parentheses() -> None:
    scores = {"error": figure(0.9), "lie_derivative": figure(0.25, greyed=True)}
    assert "(0.25)" in render(leaderboard(row(scores=scores)), "md")
    assert '<span class="dim">(0.25)</span>' in render(leaderboard(row(scores=scores)), "html")
    scores["lie_derivative"] = figure(0.25)
    assert "(0.25)" not in render(leaderboard(row(scores=scores)), "md")


def test_few_seeds_are_marked() -> None:
    few = row(scores={"error": figure(0.1, n=2)}, rank=None, group=None)
    assert re.search(r"^\*\s+mlp", render(leaderboard(few), "table"), re.MULTILINE)


def test_failed_and_declined_cells_are_visible_with_their_reasons() -> None:
    failed = row("sick", status="timeout", reason="60 s", scores={}, rank=None, group=None)
    declined = [
        row(name, status="declined", reason="no graph", scores={}, rank=None, group=None)
        for name in ("gnn", "egnn")
    ]
    shown = render(leaderboard(failed, *declined), "table")
    assert re.search(r"sick\s+told\s+.*timeout", shown)
    assert "timeout: sick (60 s)" in shown
    assert "declined: egnn, gnn (no graph)" in shown


def test_a_stale_row_is_marked_and_in_parentheses() -> None:
    shown = render(
        leaderboard(row(status="stale", reason="changed", rank=None, group=None)), "table"
    )
    assert re.search(r"^stale\s+mlp", shown, re.MULTILINE)
    assert "(0.0038 [0.0031, 0.0047])" in shown


def test_a_column_without_figures_is_left_out() -> None:
    shown = render(leaderboard(row(scores={"error": figure(0.1)})), "table")
    assert not re.search("^#.*(generator cosine|data ratio)", shown, re.MULTILINE)


def test_conservation_errors_and_scores_of_plugins_have_their_own_columns() -> None:
    scores = {"error": figure(0.1), "conservation_error.energy": figure(0.02), "mine": figure(7)}
    shown = render(leaderboard(row(scores=scores)), "table", width=160)
    assert "conservation_error.energy" in shown
    assert "mine" in shown


def test_extra_scores_that_do_not_fit_stand_apart_under_the_name_of_their_family() -> None:
    parts = {f"pixels.part{i}": figure(0.1 * i, chance=0.02) for i in range(1, 6)}
    shown = render(leaderboard(row(scores={"error": figure(0.1), **parts})), "table", width=108)
    (family,) = [n for n, line in enumerate(shown.splitlines()) if line.strip() == "pixels"]
    heading = shown.splitlines()[family + 1]
    assert [f"part{i}" in heading for i in range(1, 6)] == [True] * 5
    assert "0.50 (0.02, –)" in shown


def test_colour_is_written_only_where_it_is_asked_for() -> None:
    assert "\x1b" not in render(leaderboard(row()), "table")
    assert "\x1b[" in render(leaderboard(row()), "table", colour=True)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.cells += tag == "td"


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("fragment", [False, True])
def test_no_name_becomes_markup_in_html(name: str, fragment: bool) -> None:
    def page(model: str) -> _Page:
        parser = _Page()
        rows = [row(model, model), row(model, model, status="failed", reason=model, prior=model)]
        board = leaderboard(*rows)
        parser.feed(render_fragment(board) if fragment else render(board, "html"))
        return parser

    (tags, *rest), tame = ((p.tags, p.attributes, p.cells) for p in (page(name), page("tame")))
    assert (tags, *rest) == tame
    assert "script" not in tags


def test_the_page_forbids_scripts_and_requests() -> None:
    page = render(leaderboard(row()), "html")
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_a_markdown_table(name: str) -> None:
    shown = render(leaderboard(row(name, name), row("b", name)), "md")
    table = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert "<script" not in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_a_latex_table(name: str) -> None:
    shown = render(leaderboard(row(name, name), row("b", name)), "latex")
    table = [line for line in shown.splitlines() if line.endswith(r"\\")]
    assert len(table) == 3
    assert len({len(re.findall(r"(?<!\\)&", line)) for line in table}) == 1
    assert r"\input" not in shown
    assert shown.isascii()


@pytest.mark.parametrize("name", HOSTILE)
def test_no_csv_field_is_a_formula(name: str) -> None:
    rows = [row(name, name, reason=name, scores={name: figure(-1.5)})]
    lines = list(csv.reader(StringIO(render(leaderboard(*rows), "csv"))))
    assert len(lines) == 2
    assert len(lines[0]) == len(lines[1])
    for field in (field for line in lines for field in line):
        assert not field.startswith(("=", "+", "@", "\t"))
        assert not field.startswith("-") or float(field) < 0


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_speaks_to_the_terminal(name: str) -> None:
    shown = render(leaderboard(row(name, name, status="failed", reason=name)), "table")
    assert not set(shown) & {"\x1b", "\u202e", "\t", "\r"}
    shown.encode()


def test_csv_has_full_precision_and_one_line_a_row() -> None:
    value = 0.1234567890123456
    scores = {"error": figure(value), "lie_derivative": figure(0.5, ceiling=0.0)}
    (line,) = csv.DictReader(StringIO(render(leaderboard(row(scores=scores)), "csv")))
    assert float(line["error.value"]) == value
    assert line["lie_derivative.ceiling"] == "0.0"
    assert (line["rank_low"], line["rank_high"], line["group"]) == ("1", "2", "a")
    assert "error.censored" not in line


def test_json_is_the_leaderboards_document() -> None:
    shown = leaderboard(row())
    assert json.loads(render(shown, "json")) == shown.document()


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(), max_size=40), st.sampled_from(FORMATS))
def test_any_name_can_be_rendered(name: str, form: str) -> None:
    rows = [row(name, name, prior=name), row("b", name, status="failed", reason=name, scores={})]
    assert render(leaderboard(*rows), form)


DOCUMENTS = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
        max_leaves=30,
    ),
)  # fmt: skip


@given(DOCUMENTS)
def test_json_is_read_back_as_it_was(document: dict[str, Any]) -> None:
    assert json.loads(line_by_line(document)) == document


def test_json_has_one_row_per_line() -> None:
    lines = render(leaderboard(row("a"), row("b")), "json").splitlines()
    assert [json.loads(line.rstrip(","))["model"] for line in lines if '"model"' in line] == [
        "a", "b",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_has_no_number_that_is_not_finite(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        line_by_line({"rows": [{"value": number}]})


@pytest.mark.parametrize("form", ["table", "md", "html", "latex"])
def test_no_line_of_the_legend_is_cut(form: str) -> None:
    shown = " ".join(render(leaderboard(row()), form, width=80).replace("%", "").split())
    assert "…" not in shown
    assert "ldots" not in shown
    assert "over the ladder." in shown
    assert "has not learned the task." in shown


def test_foreign_text_is_cut_in_every_document() -> None:
    failed = row(status="failed", reason="x" * 1000, scores={}, rank=None, group=None)
    for form in ("md", "html", "latex"):
        assert "x" * 201 not in render(leaderboard(failed), form)


def test_records_of_earlier_releases_keep_their_anchors() -> None:
    scores = {
        "error": figure(0.1),
        "generator_cosine": figure(0.97, chance=0.632, ceiling=1.0, explicit=1.0),
        "generators_found": figure(9, truth=10.0),
    }
    shown = render(leaderboard(row(scores=scores)), "md")
    assert "0.97 (0.63, 1.00) e" in shown
    assert re.search(r"\| +9/10 \|", shown)


def headings(*rows: Row) -> list[str]:
    shown = render(leaderboard(*rows), "md")
    (line,) = [line for line in shown.splitlines() if line.startswith("| \\#")]
    return [heading.strip() for heading in line.strip("|").split("|")]


def test_conclusions_come_before_costs() -> None:
    names = headings(row())
    assert names[:6] == ["\\#", "model", "prior", "error", "data ratio", "n to solve"]
    assert names[-3:] == ["params", "curve area", "s/trial"]


def test_the_symmetric_share_stands_beside_the_error() -> None:
    names = headings(row(scores={"error": figure(0.1), "symmetric_share": figure(0.54)}))
    assert names[names.index("error") + 1] == "symmetric share"


def test_extracted_and_announced_generators_have_columns_of_their_own() -> None:
    scores = {
        "error": figure(0.1),
        "generator_overlap": figure(0.2, chance=0.0),
        "announced_overlap": figure(0.9, chance=0.1, guess=0.5, reference=1.0),
        "announced_count": figure(10.0, truth=10.0),
        "announced_unconnected": figure(2.0),
        "announced_defect": figure(0.01, bound=0.02),
    }
    shown = render(leaderboard(row(scores=scores)), "md")
    for text in ("0.20 (0.00, –)", "0.90 (0.10, 0.50, 1.00)", "10/10 (2 unconnected)",
                 "0.010 (≤ 0.020)"):  # fmt: skip
        assert text in shown


def test_the_rollout_error_stands_before_what_is_conserved() -> None:
    parts = {f"conservation_error.{name}": figure(0.1) for name in ("energy", "momentum")}
    scores = {"error": figure(0.1), "rollout_error": figure(0.3), "a_score": figure(1.5), **parts}
    names = headings(row(scores=scores))
    place = names.index("rollout\\_error")
    assert names[place + 1 : place + 3] == [
        "conservation\\_error.energy", "conservation\\_error.momentum",
    ]  # fmt: skip
    narrow = render(leaderboard(row(scores=scores)), "table", width=60)
    lines = [line for line in narrow.splitlines() if "rollout_error" in line and "#" in line]
    assert any("energy" in line for line in lines)


def test_flags_are_shown_and_explained() -> None:
    flags = ["built in", "extrapolates", "separate validation"]
    rows = [
        row(flags=flags, separate_validation="as in the paper"),
        row("other", flags=["over budget"]),
    ]
    shown = render(leaderboard(*rows), "table", width=250)
    assert "built in: mlp (not told the symmetry, and equivariant or announcing it" in shown
    assert "without learning it)" in shown
    assert "1.2e-16 extrapolates" in shown
    assert "over budget: other (" in shown
    assert "labels beyond n_train are allowed for choosing: mlp (as in the paper)" in shown
    assert re.search(r"told\s+built in\s", shown)


def test_absent_scores_are_explained_once_for_each_reason() -> None:
    why = "float32 and float64 are two functions"
    rows = [row(name, absent={"decision_change": why, "symmetric_share": why}) for name in "ab"]
    shown = render(leaderboard(*rows), "md")
    assert "- no decision\\_change, symmetric\\_share of a, b: " + why in shown


def test_csv_has_the_flags_and_the_marks() -> None:
    scores = {"error": figure(0.1, spread="bimodal"), "data_ratio": figure(2.0, at=300)}
    flags = ["built in", "unconnected"]
    (line,) = csv.DictReader(StringIO(render(leaderboard(row(scores=scores, flags=flags)), "csv")))
    assert line["flags"] == "built in; unconnected"
    assert line["error.spread"] == "bimodal"
    assert line["data_ratio.at"] == "300"


@pytest.mark.parametrize(("censored", "noted"), [("above", True), (None, False)])
def test_a_threshold_that_the_ladder_does_not_resolve_is_noted(
    censored: str | None, noted: bool
) -> None:
    curve = [Point(n_train=n, error=figure(0.1)) for n in (30, 300)]
    sides = ["below", "above", censored, None, None]
    rows = [
        row(f"m{i}", curve=curve, learned=True, scores={"n_to_threshold": figure(90, censored=c)})
        for i, c in enumerate([*sides, censored])
    ]
    unlearned = row("bad", curve=curve, scores={"n_to_threshold": figure(300, censored="above")})
    shown = " ".join(render(leaderboard(*rows, unlearned), "table", width=200).split())
    text = "threshold: of 6 models that have learned the task 2 reach it inside the ladder, 1 at "
    assert (text in shown) is noted
