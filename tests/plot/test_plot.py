"""Charts from records: what they show, and that texts of unknown origin stay text."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest

from symbench.errors import InputError
from symbench.plot import learning_curve, rank_diagram
from symbench.plot.chart import Chart, Dot, Group, Text
from symbench.plot.frame import LINE, short, spread
from symbench.records.store import Store
from symbench.results.statistics import Nemenyi

HOSTILE = '</svg><script>alert(1)</script>" onload="x\u202e$x_1$'


def texts(chart):
    root = ET.fromstring(chart.svg())  # noqa: S314 - our own
    return [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]


def curves(made):
    return [
        made("mlp", {100: 0.4, 1000: 0.2}),
        made("emlp", {100: 0.1, 1000: 0.01}, "told"),
        made("constant", {100: 1.0, 1000: 1.0}),
    ]


def test_each_model_has_a_label_and_the_baseline_is_named(made):
    shown = texts(learning_curve(curves(made), "t"))
    assert {"mlp (baseline)", "emlp", "constant (guess)", "training examples", "solved"} <= {*shown}
    assert {"100", "1,000"} <= set(shown)
    assert shown[0] == "t, quick tier"


def test_the_baseline_is_drawn_even_if_it_was_not_asked_for(made):
    shown = texts(learning_curve(curves(made), "t", models=["em*"]))
    assert "mlp (baseline)" in shown
    assert "emlp" in shown
    assert "constant (guess)" not in shown


def test_one_size_gives_a_row_of_dots_per_model_the_smallest_error_first(made):
    records = [made("mlp", {50: 0.4}), made("emlp", {50: 0.1}, "told"), made("gin", {50: 0.0})]
    chart = learning_curve(records, "t")
    shown = texts(chart)
    assert "t, quick tier, 50 training examples" in shown
    names = [one for one in shown if one in ("gin", "emlp", "mlp (baseline)")]
    assert names == ["gin", "emlp", "mlp (baseline)"]
    assert {"= 0", "0.10", "0.40", "below", "baseline"} <= set(shown)


def test_an_error_of_zero_is_hollow_below_the_axis_and_stated(made):
    chart = learning_curve([*curves(made), made("gin", {100: 0.3, 1000: 0.0})], "t")
    assert "gin = 0" in texts(chart)
    hollow = [mark for group in chart.groups for mark in group.marks
              if isinstance(mark, Dot) and mark.hollow]  # fmt: skip
    assert [mark.tip for mark in hollow] == ["gin, 1,000 examples: 0 [1e-12, 1e-12]"] or (
        len(hollow) == 1 and hollow[0].tip.startswith("gin, 1,000 examples: 0")
    )
    assert hollow[0].y > max(
        mark.y for group in chart.groups for mark in group.marks
        if isinstance(mark, Dot) and mark.tip and not mark.hollow
    )  # fmt: skip


def test_a_model_has_one_colour_in_every_chart(made):
    few = learning_curve([made("mlp", {10: 0.3, 20: 0.2}), made("emlp", {10: 0.2, 20: 0.1})], "t")
    one = learning_curve([made("emlp", {50: 0.1}, task="u")], "u")
    slots = [{g.slot for g in chart.groups if g.name == "emlp" and g.slot is not None}
             for chart in (few, one)]  # fmt: skip
    assert slots[0] == slots[1] != set()


def test_other_scores_have_curves_and_an_axis_that_suits_them(made):
    records = [
        made("mlp", {10: 0.3, 20: 0.2}, equivariance_error=0.5, cosine=-0.2),
        made("emlp", {10: 0.2, 20: 0.1}, equivariance_error=1e-7, cosine=0.9),
    ]
    shown = texts(learning_curve(records, "t", score="equivariance_error"))
    assert "equivariance_error (median over seeds, 95 % interval)" in shown
    assert "0.0001" in shown
    assert "solved" not in shown
    assert "0.5" in texts(learning_curve(records, "t", score="cosine"))


def test_results_stores_directories_and_records_give_the_same_chart(made, tmp_path):
    records = curves(made)
    store = Store(tmp_path)
    for one in records:
        store.write(one)
    drawn = {
        learning_curve(source, "t").svg()
        for source in (records, iter(records), SimpleNamespace(records=records), store, tmp_path,
                       str(tmp_path))
    }  # fmt: skip
    assert len(drawn) == 1


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        ("records", {"task": "u"}, r"no results of task 'u': choose one of t"),
        ("records", {"task": "t", "models": ["gin"]}, r"no results of model 'gin': choose"),
        ("records", {"task": "t", "score": "eror"}, r"no results of score 'eror': choose.*error"),
        ("/no/such/place", {"task": "t"}, r"no store at '/no/such/place'"),
        (7, {"task": "t"}, r"no records in a int"),
        ([7], {"task": "t"}, r"no records in a list"),
        ([], {"task": "t"}, r"no results of task 't': there are no results"),
    ],
)
def test_what_is_not_there_is_named(made, source, arguments, message):
    with pytest.raises(InputError, match=message):
        learning_curve(curves(made) if source == "records" else source, **arguments)


def test_texts_of_unknown_origin_are_text(made):
    records = [made(HOSTILE, {10: 0.3, 20: 0.2}, task=HOSTILE), made("mlp", {10: 0.3, 20: 0.2})]
    svg = learning_curve(records, HOSTILE).svg()
    root = ET.fromstring(svg)  # noqa: S314 - our own
    assert not [name for one in root.iter() for name in one.attrib if name.startswith("on")]
    assert "<script" not in svg
    assert "\u202e" not in svg


def test_charts_are_written_as_svg_and_png(made, tmp_path):
    chart = learning_curve([*curves(made), made(HOSTILE, {100: 0.3, 1000: 0.0})], "t")
    assert chart.save(tmp_path / "a.svg").read_text() == chart.svg() == chart._repr_svg_()
    picture = chart.save(str(tmp_path / "a.png")).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert picture == chart.png()
    with pytest.raises(InputError, match=r"end the name with \.svg or \.png"):
        chart.save(tmp_path / "a.pdf")
    with pytest.raises(InputError, match="cannot write"):
        chart.save(tmp_path / "absent" / "a.svg")


def test_every_kind_of_mark_leaves_ink_in_a_png():
    import io

    from matplotlib.image import imread

    def ink(*marks):
        chart = Chart("t", 40, 40, [Group(marks)])
        return float((imread(io.BytesIO(chart.png(1)))[..., :3] < 0.5).all(-1).sum())

    assert ink() == 0
    for shape in ("circle", "triangle", "square", "diamond"):
        filled, hollow = (ink(Dot(20, 20, shape, 9, hollow=h)) for h in (False, True))
        assert filled > hollow > 10
    assert ink(Text(3, 25, "$\\alpha$ text")) > 10


def test_labels_keep_their_order_and_do_not_overlap():
    wanted = [50.0, 51.0, 49.0, 300.0]
    places = spread(wanted, 0, 310)
    assert sorted(range(4), key=places.__getitem__) == sorted(range(4), key=wanted.__getitem__)
    ordered = sorted(places)
    assert all(b - a >= LINE - 1e-9 for a, b in itertools.pairwise(ordered))
    crowded = spread([5.0] * 30, 0, 100)
    assert min(crowded) >= 0


def test_long_names_lose_their_middle():
    assert short("ornstein-uhlenbeck-rotating-strongly", 20) == "ornstein-…g-strongly"
    assert len(short("x" * 80)) == 27
    assert short("mlp") == "mlp"


def test_the_diagram_of_ranks_places_models_and_bars_on_one_axis():
    ranks = {"a": 1.0, "b": 2.0, "c": 3.0}
    chart = rank_diagram(Nemenyi(ranks, 9, 1.5, 0.01, [["a", "b"], ["b", "c"]]))
    lines = [mark for mark in chart.groups[0].marks if not isinstance(mark, Text)]
    bars = [line.points for line in lines if line.width == 4]
    left, right = 190.0, 530.0
    middle = (left + right) / 2
    assert [(a[0] + 3, b[0] - 3) for a, b in bars] == [(left, middle), (middle, right)]
    length = next(line.points for line in lines if line.width == 2)
    assert length[1][0] - length[0][0] == pytest.approx(1.5 * (right - left) / 2)
    assert "b (2.00)" in texts(chart)
