"""The site in a headless browser, from file://, without a server or a network."""

from __future__ import annotations

import re

import pytest

from symbench.publish.site import files, landing
from symbench.publish.site.render import ident

PAGES = (
    "index.html", "boards/known.html", "tasks.html", "models.html", "results.html",
    "compare.html", "about.html", "discovery.html", "tasks/o3-inertia.html", "models/emlp.html",
)  # fmt: skip


def written(found, place):
    for path, content in found.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(content)
    return place


@pytest.fixture(scope="module")
def ordinary(made, tmp_path_factory):
    return written(files(made.ordinary()), tmp_path_factory.mktemp("ordinary"))


def column(page, table, place):
    return page.locator(f"{table} tbody tr td:nth-child({place})").all_inner_texts()


def test_the_cells_sort_by_mouse_and_by_keyboard(ordinary, visit):
    page = visit(ordinary / "results.html")
    heading = page.locator("#cell-table th", has_text="error")
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    errors = [float(t.split()[0]) for t in column(page, "#cell-table", 5) if t]
    assert len(errors) == 15
    assert errors == sorted(errors)
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    shown = column(page, "#cell-table", 5)
    assert [float(t.split()[0]) for t in shown if t] == sorted(errors, reverse=True)
    assert shown[-1] == ""  # what has no error stands last in both directions
    page.locator("#cell-table th", has_text="Model").locator("button").click()
    assert page.locator("#cell-table th[aria-sort]").count() == 1


def test_a_table_of_a_page_sorts_too(ordinary, visit):
    page = visit(ordinary / "tasks/spring.html")
    table = page.locator("#results ~ .scroll table")
    names = table.locator("thead th").all_inner_texts()
    place = next(i for i, name in enumerate(names) if name.startswith("error")) + 1
    table.locator(f"th:nth-child({place}) button").click()
    texts = table.locator(f"tbody td:nth-child({place})").all_inner_texts()
    errors = [float(text.split()[0]) for text in texts[:3]]
    assert errors == sorted(errors)
    assert texts[3] == "failed"
    hidden = table.locator("th.more").first
    assert not hidden.is_visible()
    page.click("text=Show all columns")
    assert hidden.is_visible()


def test_filters_leave_the_rows_that_match(ordinary, visit):
    page = visit(ordinary / "results.html")
    count = page.locator("#count")
    assert count.inner_text() == "17 of 19 cells"  # neither the declined nor the one not run
    page.select_option("[name=prior]", "told")
    assert set(column(page, "#cell-table", 2)) == {"emlp"}
    page.select_option("[name=family]", "dynamics")
    assert column(page, "#cell-table", 1) == ["spring"]
    page.click("#filters [type=reset]")
    page.select_option("[name=group]", "O(3)")
    assert set(column(page, "#cell-table", 1)) == {"o3-inertia"}
    page.click("#filters [type=reset]")
    page.select_option("[name=status]", "is failed")
    assert page.locator("#cell-table tbody").inner_text().endswith("no network today")
    page.click("#filters [type=reset]")
    page.select_option("[name=score]", "flops")
    assert set(column(page, "#cell-table", 5)) == {"7.00"}
    page.fill("[name=text]", "EMLP spring")
    assert count.inner_text() == "1 of 19 cells"
    page.reload()  # the filters are in the address
    assert (count.inner_text(), page.input_value("[name=score]")) == ("1 of 19 cells", "flops")
    page.fill("[name=text]", "no such thing")
    assert count.inner_text().startswith("0 of 19")


def test_a_task_opens_hovers_and_toggles(ordinary, visit):
    page = visit(ordinary / "results.html")
    page.locator("#cell-table a", has_text="o3-inertia").first.click()
    page.wait_for_selector("figure.toggled details")
    assert page.locator("h1").inner_text() == "o3-inertia"
    dots = page.locator("figure.toggled [data-model]:visible > circle:has(title), "
                        "figure.toggled [data-model]:visible > polygon:has(title)")  # fmt: skip
    assert dots.count() == 6  # three models at two sizes
    assert "1,000 examples" in dots.nth(1).locator("title").text_content()
    page.click("figure.toggled summary")
    page.locator("figure.toggled .legend input").first.focus()
    page.keyboard.press("Space")
    assert dots.count() == 4
    drawing = page.locator("text=SVG file").get_attribute("href")
    assert (ordinary / "tasks" / drawing).read_text().startswith("<svg")


def test_two_models_are_compared_and_swapped(ordinary, visit):
    page = visit(ordinary / "compare.html", then="#emlp,mlp")
    page.wait_for_selector("#pair-chart svg")
    assert "emlp has the smaller median on 5, mlp on 0" in page.locator("#verdict").inner_text()
    assert column(page, "#pair-table", 4) == ["4.00"] * 5
    page.click("#swap")
    assert set(column(page, "#pair-table", 4)) == {"0.25"}
    assert page.url.endswith("#mlp,emlp")


def test_an_unknown_model_in_the_address_is_ignored(ordinary, visit):
    page = visit(ordinary / "compare.html", then="#<img src=x onerror=alert(1)>,%E0%A4%A")
    assert page.locator("#verdict").inner_text() != ""


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
def test_every_kind_of_page_fits_both_schemes_and_a_phone(ordinary, visit, tmp_path, scheme, width):
    page = visit(ordinary / PAGES[0], scheme, width)
    for place, path in enumerate(PAGES):
        page.goto((ordinary / path).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        shown = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (shown == "rgb(255, 255, 255)") == (scheme == "light"), path
        shot = tmp_path / f"{place}-{scheme}.png"
        page.screenshot(path=shot, full_page=True)
        assert shot.stat().st_size > 5000


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
def test_axe_finds_nothing_on_any_kind_of_page(ordinary, visit, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = visit(ordinary / PAGES[0], scheme, width)
    found = {}
    for path in PAGES:
        page.goto((ordinary / path).as_uri())
        page.wait_for_load_state()
        for one in axe.run(page, options={"preload": False}).response["violations"]:
            found[path, one["id"]] = [node["html"] for node in one["nodes"]]
    assert found == {}


def test_text_has_contrast_in_both_schemes(ordinary, visit):
    for scheme in ("light", "dark"):
        page = visit(ordinary / "index.html", scheme)
        colours = page.evaluate(
            """() => ["--ink", "--dim", "--link", "--bad", "--good"].flatMap((name) =>
              ["--page", "--card"].map((behind) => {
                const probe = document.body.appendChild(document.createElement("p"));
                probe.style.color = `var(${name})`;
                probe.style.backgroundColor = `var(${behind})`;
                const style = getComputedStyle(probe);
                return [name, style.color, style.backgroundColor];
              }))"""
        )
        for name, ink, ground in colours:
            assert contrast(ink, ground) >= 4.5, (scheme, name, ink, ground)


def contrast(a, b):
    """The ratio of WCAG 2.2, from two CSS colours."""

    def light(colour):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


def test_the_colours_are_the_readers_choice_and_are_kept(ordinary, visit):
    page = visit(ordinary / "index.html", "light")
    for expected in ("light", "dark"):
        page.click("#theme")
        assert page.evaluate("document.documentElement.dataset.theme") == expected
    page.click("nav >> text=About")
    page.wait_for_url("**/about.html")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


def test_hostile_names_run_nothing_in_any_page(made, tmp_path, visit):
    place = written(files(made.hostile()), tmp_path)
    name = "</script><script>alert(1)</script>"
    model = ident("<img src=x onerror=alert(1)>")
    paths = ("index.html", "results.html", "tasks.html", "compare.html", "about.html",
             f"boards/{ident(name)}.html", f"tasks/{ident(name)}.html",
             f"models/{model}.html")  # fmt: skip
    page = visit(place / paths[0])
    for path in paths:
        page.goto((place / path).as_uri())
        assert page.locator("img").count() == 0, path
        assert page.locator("script:not([src]):not([type='application/json'])").count() == 0, path
    page = visit(place / "results.html")
    page.select_option("[name=family]", "a|b")
    assert set(column(page, "#cell-table", 1)) == {"a|b"}
    page.locator("#cell-table a").first.click()
    assert page.locator("h1").inner_text() == "a|b"


@pytest.mark.slow
def test_ten_thousand_cells_open_and_sort_within_a_second(made, tmp_path, visit):
    static = {p: c for p, c in files(made.content([])).items() if p.startswith("static/")}
    place = written({"results.html": landing.results(made.many()), **static}, tmp_path)
    ready = []
    for _ in range(3):  # the quickest of three: other programs may hold a machine up
        page = visit(place / "results.html")
        page.wait_for_selector("html[data-ready]")
        ready.append(float(page.evaluate("document.documentElement.dataset.ready")))
    assert min(ready) <= 1000  # milliseconds of the page's own clock
    assert page.locator("#count").inner_text() == "10000 of 10000 cells, the first 100 shown"
    spent = page.evaluate(
        """() => {
          const start = performance.now();
          document.querySelector("#cell-table th:nth-child(5) button").click();
          return performance.now() - start;
        }"""
    )
    assert spent <= 1000
    errors = [float(text.split()[0]) for text in column(page, "#cell-table", 5)]
    assert len(errors) == 100
    assert errors == sorted(errors)
    page.click("#more")
    assert page.locator("#cell-table tbody tr").count() == 200
