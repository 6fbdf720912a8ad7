"""The site as files: what they hold, and that whatever others wrote stays text."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urldefrag

import pytest

from symbench.plot.style import LIGHT
from symbench.publish.site import files, landing, pages
from symbench.publish.site.content import Content
from symbench.publish.site.render import POLICY, clean, ident, linked

MEGABYTE = 1_000_000
NAME = r"[a-z0-9][a-z0-9.-]{0,63}"
PATH = re.compile(
    rf"(index|results|tasks|models|compare|about|discovery)\.html"
    rf"|(boards|tasks|models)/{NAME}\.html|figures/(task|board)-{NAME}\.svg"
    r"|figures/[0-9a-f]{16}-\d\.png"
    r"|static/(vendor/)?[A-Za-z0-9.-]+"
)
ALLOWED = {
    "a", "article", "body", "br", "button", "circle", "code", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "g", "h1", "h2", "h3", "head", "header",
    "html", "img", "input", "label", "li", "line", "link", "main", "meta", "nav", "noscript",
    "option", "p", "polygon", "polyline", "pre", "rect", "script", "section", "select", "span",
    "summary", "svg", "table", "tbody", "td", "text", "th", "thead", "title", "tr", "ul",
}  # fmt: skip


class Page(HTMLParser):
    """Everything in a page that could load, run or lead somewhere."""

    def __init__(self, content):
        super().__init__()
        self.tags, self.json, self.text, self._script = [], {}, [], None
        self.feed(content.decode())

    def handle_starttag(self, tag, attrs):
        self.text.append("" if tag in ("a", "bdi") else " ")
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self._script = dict(attrs)

    def handle_data(self, data):
        if self._script is None:
            self.text.append(data)
        elif self._script.get("type") == "application/json":
            self.json[self._script["id"]] = json.loads(data, parse_constant=pytest.fail)
        else:
            assert not data.strip(), "an inline script"

    def handle_endtag(self, tag):
        if tag == "script":
            self._script = None

    def values(self, *names):
        return [attrs[name] for _, attrs in self.tags for name in names if name in attrs]

    @property
    def shown(self):
        return " ".join("".join(self.text).split())


HOSTILE = ("con.", "../../etc/passwd", "</script>", "__proto__")


def parsed(found):
    return {path: Page(content) for path, content in found.items() if path.endswith(".html")}


@pytest.fixture(scope="module")
def ordinary(made):
    return files(made.ordinary())


@pytest.fixture(scope="module")
def hostile(made):
    return files(made.hostile())


@pytest.fixture(scope="module")
def both(ordinary, hostile):
    return {"ordinary": ordinary, "hostile": hostile}


@pytest.mark.parametrize("which", ["ordinary", "hostile"])
def test_no_page_has_markup_of_its_content(both, which):
    for path, page in parsed(both[which]).items():
        for tag, attrs in page.tags:
            assert tag in ALLOWED, (path, tag)
            assert not [name for name in attrs if name.startswith("on") or name == "style"], path
            if tag == "script":
                assert ("src" in attrs) != (attrs.get("type") == "application/json")


@pytest.mark.parametrize("which", ["ordinary", "hostile"])
def test_pages_load_what_lies_beside_them_and_link_to_what_exists(both, which):
    found = both[which]
    for path, page in parsed(found).items():
        folder = path.rpartition("/")[0]
        for address in page.values("src", "href"):
            target = urldefrag(address)[0]
            if re.fullmatch(r"https?://[^\s\"<>]+", target) or not target:
                continue
            steps = [part for part in folder.split("/") if part]
            for part in target.split("/"):
                steps = steps[:-1] if part == ".." else [*steps, part]
            assert "/".join(steps) in {*found, *BESIDE}, (path, address)
        assert not [one for one in page.values("src") if "//" in one], path
        loaded = [attrs["href"] for tag, attrs in page.tags if tag == "link"]
        assert not [one for one in loaded if "//" in one], path


BESIDE = ("leaderboard.csv", "leaderboard.json", "scores.csv", "submission.json")
UNSTYLED = {"plain", "sortable", "parted", "toggled"}  # scripts look for the others


@pytest.mark.parametrize("which", ["ordinary", "hostile"])
def test_every_class_of_the_pages_has_a_rule(both, which):
    found = both[which]
    styled = set(re.findall(r"\.([a-z][a-z-]*)", found["static/site.css"].decode()))
    for path, page in parsed(found).items():
        used = {name for value in page.values("class") for name in value.split()}
        assert used <= styled | UNSTYLED, path


def test_the_discovery_board_shows_figures_and_what_was_found(ordinary):
    page = Page(ordinary["discovery.html"])
    assert "Methods: 1; tasks: 1." in page.shown
    assert "1 lconv 0.50 [0.50, 0.50] 0.50 [0.50, 0.50]" in page.shown
    assert "lconv 0.60 [0.60, 0.60] 4/4" in page.shown
    assert "o3-inertia continuous · 4 to find · a guess without labels" in page.shown


def test_the_page_of_a_task_shows_learned_generators_with_their_overlap(made):
    some = made.ordinary()
    (key,) = [r.key for r in some.records
              if (r.identity.task, r.identity.model) == ("o3-inertia", "lconv")]  # fmt: skip
    details = replace(some.details, pictures={key: [b"png"]})
    page = Page(files(replace(some, details=details))["tasks/o3-inertia.html"])
    assert "lconv overlap 0.60 " in page.shown
    assert f"../figures/{key}-0.png" in page.values("src")
    assert "lconv: heat maps of true generator 1" in " ".join(page.values("alt"))


def test_without_scores_of_discovery_there_is_no_page_of_them(made):
    found = files(made.content([made.record("t", "mlp")]))
    assert "discovery.html" not in found
    assert b"discovery.html" not in found["index.html"]


def test_the_front_page_of_discovery_alone_asks_about_methods(made, ordinary):
    some = made.ordinary()
    (own,) = [r.trials[0].scores for r in some.records
              if (r.identity.task, r.identity.model) == ("o3-inertia", "lconv")]  # fmt: skip
    found = [made.record("o3-inertia", model, prior="discovers", scores=own) for model in "ab"]
    details = replace(some.details, boards=some.details.boards[-1:])
    page = files(made.content(found, details=details))["index.html"].decode()
    assert "<h1>Which methods find symmetries</h1>" in page
    assert "<h1>What a symmetry is worth</h1>" in ordinary["index.html"].decode()


def test_the_best_error_of_a_task_is_marked_and_its_numbers_are_aligned(ordinary):
    page = Page(ordinary[f"tasks/{ident('o3-inertia')}.html"])
    assert {"best num", "plain num"} <= set(page.values("class"))


@pytest.mark.parametrize("which", ["ordinary", "hostile"])
def test_every_page_states_a_policy_without_inline_script(both, which):
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    for path, page in parsed(both[which]).items():
        policies = [a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a]
        assert policies == [POLICY], path


def test_no_path_is_built_from_an_unsafe_name(hostile, made):
    assert [path for path in hostile if not PATH.fullmatch(path)] == []
    assert len([path for path in hostile if path.startswith("models/")]) == len(made.texts) + 1


def test_an_address_shows_a_safe_name_and_hides_another_behind_a_hash():
    for name in ("o5-invariant", "emlp", "broken-o5-0.3", "a", "console", "x" * 64):
        assert ident(name) == name
    unsafe = ["", "O5", "a/b", "..", "a.", ".a", "-a", "con", "nul.x", "com1", "lpt9.tar", "a b",
              "é", "x" * 65, "0123456789ab", "a,b", "a\n", *HOSTILE]  # fmt: skip
    hashes = {ident(name) for name in unsafe}
    assert all(re.fullmatch("[0-9a-f]{12}", one) for one in hashes)
    assert len(hashes) == len(set(unsafe))
    assert ident(ident("O5")) != ident("O5")  # a name that looks like a hash takes nobody's place


def test_hidden_marks_and_terminal_codes_leave_every_file(hostile):
    for path, content in hostile.items():
        if not path.startswith("static/"):
            assert not re.search(
                "[\u202e\u2066\x1b]|\\\\u202e|\\\\u2066|\\\\u001b", content.decode()
            )


def test_hostile_names_are_shown_as_they_are(hostile, made):
    page = Page(hostile[f"tasks/{ident('a|b')}.html"])
    for name in ("<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>",
                 '" onmouseover="alert(1)', "{{ 7 * 7 }}", "line one"):  # fmt: skip
        assert name in page.shown
    names = [one[1] for one in Page(hostile["results.html"]).json["cell-data"]["tasks"]]
    assert {"a|b", "__proto__", "mlpgnp"} <= set(names)


def test_scores_of_the_family_come_first_and_the_rest_behind_a_switch(made):
    scores = {"equivariance_error": 0.1, "rollout_error": 0.2, "conservation_error.energy": 0.1,
              "lie_derivative": 0.3, "energy_mse.part": 0.1}  # fmt: skip
    found = files(made.content([made.record("pendulum", "mlp", scores=scores)]))
    page = Page(found["tasks/pendulum.html"])
    heads = [attrs["class"] for tag, attrs in page.tags if tag == "th" and "class" in attrs]
    first, rest = (["more" in one for one in heads].count(hidden) for hidden in (False, True))
    assert re.search("# model prior error n to solve equivariance rollout_error "
                     "conservation_error.energy Lie derivative", page.shown)  # fmt: skip
    assert (first, ["more" in one for one in heads][:first]) == (8, [False] * 8)
    assert rest >= 3


def test_code_and_papers_in_texts_are_marked():
    assert linked("a ``b_c`` -> d") == "a <code>b_c</code> → d"
    assert (
        '<a href="https://arxiv.org/abs/2104.09459" rel="noopener noreferrer">arXiv:2104.09459</a>'
        in (linked("EMLP (arXiv:2104.09459)"))
    )
    assert linked("``<b>``") == "<code>&lt;b&gt;</code>"


def test_links_in_texts_are_http_and_carry_no_quote():
    assert 'href="https://a.example/b"' in linked('see https://a.example/b" onclick="x')
    for text in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//a.example"):
        assert "<a" not in linked(text)


@pytest.mark.parametrize("which", ["ordinary", "hostile"])
def test_figures_for_papers_are_xml_without_script(both, which):
    drawings = {p: c for p, c in both[which].items() if p.endswith(".svg")}
    assert drawings
    for path, content in drawings.items():
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(content).iter()}  # noqa: S314 - our own
        assert tags <= ALLOWED, path


def test_the_bundle_and_the_pages_of_10_000_cells_stay_small(made, ordinary):
    scripts = [len(c) for path, c in ordinary.items() if path.startswith("static/")]
    assert sum(scripts) < MEGABYTE
    many = made.many()
    assert len(many.rows) == 10_000
    found = (landing.overview(many), landing.results(many), landing.tasks(many),
             pages.compare(many), pages.task(many, "task-number-3"),
             pages.model(many, "model-number-3"))  # fmt: skip
    assert max(map(len, found)) + sum(scripts) < 2 * MEGABYTE


def test_a_failed_a_declined_and_an_outdated_cell_are_shown_with_their_reason(ordinary):
    cells = Page(ordinary["results.html"]).json["cell-data"]
    told = {
        (cells["tasks"][r[0]][1], cells["models"][r[1]][1]):
        (cells["statuses"][r[2]], cells["reasons"][r[3]])
        for r in cells["rows"]
    }  # fmt: skip
    assert told["spring", "broken"] == ("failed", "no network today")
    assert told["csl", "shy"] == ("declined", "takes images only")
    assert told["lorentz", "shy"][0] == "stale"
    assert told["digits", "broken"][0] == "not run"
    for path in (f"tasks/{ident('spring')}.html", f"models/{ident('broken')}.html", "about.html"):
        assert "no network today" in Page(ordinary[path]).shown


def test_the_front_page_states_findings_the_matrix_and_the_boards(ordinary):
    page = Page(ordinary["index.html"])
    assert "17 task–model pairs" not in page.shown  # of the failed and declined none was run
    assert "15 task–model pairs, 5 seeds each, run in 15 s of computing" in page.shown
    assert "Pairs that do not apply: 1." in page.shown
    assert "The tier quick trains for few updates" in page.shown
    assert "Symmetry divides the error by 4.00 [4.00, 4.00] (error of mlp ÷ emlp" in page.shown
    assert "Nothing divides" not in page.shown
    assert "reached on 5 by a model told the symmetry (5 certain)" in page.shown
    assert re.search(r"o3-inertia emlp 0\.028 · 4× certain lconv 0\.055 · 2× certain mlp 0\.11 bas",
                     page.shown)  # fmt: skip
    assert "Does it pay? Place Model Figure 1 emlp" in page.shown
    assert "Is it there?" not in page.shown  # a board without a result
    few = "half of their tasks or fewer: Is a half enough? (1 of 2 tasks)"
    assert few in page.shown
    assert {"boards/known.html", "boards/found.html"} <= set(page.values("href"))


def test_a_tier_that_is_fit_to_compare_has_no_banner(made):
    some = made.ordinary()
    full = some.leaderboard.model_copy(update={"tier": "full"})
    front = landing.overview(replace(some, leaderboard=full, records=[]))
    assert "banner" not in Page(front).values("class")
    assert "banner" in Page(landing.overview(some)).values("class")


def test_a_board_shows_its_models_its_tasks_and_ranks_under_their_question(ordinary):
    page = Page(ordinary["boards/known.html"])
    assert re.search(r"1 emlp told 0\.0\d+ \[0\.0\d+, 0\.0\d+\] 0\.0\d+ 5 2", page.shown)
    assert "Would this order hold on other tasks? Only for mean ranks more than 1.5" in page.shown
    assert b"emlp (1.00)" in ordinary["figures/board-known.svg"]
    assert "Nothing divides" not in page.shown


def test_catalogues_name_every_task_and_model_with_their_best(ordinary):
    tasks, models = Page(ordinary["tasks.html"]), Page(ordinary["models.html"])
    assert "o3-inertia inertia O(3) · 3 models with results · best: emlp 0.028 (4×)" in tasks.shown
    assert (
        "emlp equivariant perceptron prior: told · 5 tasks with results, best on 5" in models.shown
    )
    assert {"tasks/csl.html", "tasks/digits.html"} <= set(tasks.values("href"))
    assert "models/shy.html" in models.values("href")


def test_the_page_of_a_task_holds_its_curves_threshold_and_published_figures(ordinary):
    page = Page(ordinary[f"tasks/{ident('o3-inertia')}.html"])
    assert "solved" in page.shown
    assert "emlp, 100 examples: 0.11 [" in page.shown
    assert "emlp, 1,000 examples: 0.028 [" in page.shown  # 0.1 / 4, the third of five seeds
    assert "mlp (baseline)" in page.shown
    assert f'<g class="slot-b" color="{LIGHT[1]}" data-model="emlp">' in (
        ordinary[f"tasks/{ident('o3-inertia')}.html"].decode()
    )
    assert re.search(r"EMLP error 1000 0\.050 0\.028 \[0\.02\d, 0\.0\d+\] ", page.shown)
    assert "Here ÷ published" not in page.shown  # the tier trains for fewer updates than the paper
    assert page.shown.index("Second block.") < page.shown.index("1,000 examples: 0.028")
    assert "https://example.org/paper" in page.values("href")
    assert "Second block." in page.shown


def test_the_comparison_holds_every_error_of_every_model(ordinary):
    data = Page(ordinary["compare.html"]).json["pair-data"]
    assert len(data["rows"]) == 15


def test_an_empty_selection_is_a_page_too(made):
    declined = made.record("t", "m", status="declined", message="no")
    found = files(made.content([declined]))
    assert "nothing is ranked" in Page(found["index.html"]).shown
    assert Page(found["compare.html"]).json["pair-data"]["rows"] == []
    assert not [path for path in found if path.startswith("figures/")]


def test_numbers_that_json_lacks_become_null():
    assert clean({"a": [float("nan"), float("inf"), 0.123456]}) == {"a": [None, None, 0.1235]}


def test_the_same_content_gives_the_same_bytes(made, ordinary):
    assert files(made.ordinary()) == ordinary


def test_scores_that_few_cells_have_leave_the_overview_where_there_is_no_room(made, monkeypatch):
    monkeypatch.setattr("symbench.publish.site.content._ROOM", 17 * 30 + 1)
    content: Content = made.ordinary()
    cells = content.cells()
    assert cells["scores"] == ["error"]
    assert "flops" in cells["left_out"]


def test_scores_that_are_not_compared_are_sorted_last(made):
    """Tables sort by ``data-v`` where it is given, and missing values are last either way."""
    scores = {"rollout_error": 0.05, "conservation_error.energy": 0.1}
    still = {"rollout_error": 0.9, "conservation_error.energy": 0.0}
    records = [
        made.record("pendulum", "hnn", scores=scores),
        made.record("pendulum", "stands-still", scores=still),
    ]
    content = made.content(records)
    found = files(content)
    (page,) = [text.decode() for path, text in found.items() if path.startswith("tasks/")]
    assert re.search(r'<td class="dim num" data-v="">\(0\)</td>', page)
    cells = content.cells()
    energy = cells["scores"].index("conservation_error.energy")
    flags = [
        score[4] if len(score) > 4 else 0
        for row in cells["rows"] for score in row[8] if score[0] == energy
    ]  # fmt: skip
    assert flags == [0, 4]


def test_flags_false_findings_and_split_seeds_are_shown(made):
    split = made.record("noise", "lie", prior="discovers", scores={"false_finding": 1.0})
    for trial, error in zip(split.trials[-5:], (0.021, 0.44, 0.42, 0.056, 0.48), strict=True):
        trial.scores["error"] = error
    other = made.record("noise", "mlp", scores={"false_finding": 0.0})
    for trial in other.trials:
        trial.cost["over_budget"] = 1.0
    found = files(made.content([split, other]))
    results = Page(found["results.html"]).shown
    assert "False findings on controls" in results
    assert "5 of 5 [0.48, 1.00]" in results
    reasons = Page(found["results.html"]).json["cell-data"]["reasons"]
    assert any(one.startswith("over budget: not ranked") for one in reasons)
    pages = [Page(text).shown for path, text in found.items() if path.startswith("models/")]
    assert any("5 of 5 [0.48, 1.00]" in page and "{0.021, 0.48}‡" in page for page in pages)
    assert any(
        "0 of 5 [0.00, 0.52]" in page and "over budget: not ranked" in page for page in pages
    )
