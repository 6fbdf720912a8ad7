"""What the page, the JSON document and the report say of findings that are made by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import torch

from symbench.discovery import Findings, words
from symbench.discovery.findings import (
    Control,
    Element,
    Generator,
    Inputs,
    Method,
    ModelGain,
    Predictor,
)
from symbench.discovery.page import page
from symbench.discovery.report import render, write
from symbench.errors import InputError
from symbench.groups import SO, identify

EVIL = "<script>alert(1)</script>\x1b[31m"


def findings(**changes):
    turn = torch.zeros(3, 3, dtype=torch.float64)
    turn[:2, :2] = SO(2).algebra[0]
    predictor = Predictor("Gaussian process", 0.98, 800, 200)
    made = Findings(
        source="data.csv", inputs=("a", "b"), outputs=("y",), layout="1 x 2", space=("a", "b"),
        copies=1, predictor=predictor, predictors=(predictor,),
        generators=(Generator(turn, 0.01, 0.015, 0.1, 0.005, 0.008),),
        next_defect=0.4, spectrum=(0.01, 0.4, 0.5), tested=3, not_tested=0,
        ignored=torch.zeros(0, 2), ignored_bound=0.0, tolerance=0.05,
        algebra=identify(turn[None], affine=True), basis=None,
        finite=(Element("swap of a and b", torch.eye(3), 2, "space", 0.01, 0.2),),
        methods=(Method("liegg", 1, 0.99), Method("other", None, note="declined")),
        control=Control(0, 20, 300), inputs_alone=Inputs(True, 0.01),
        models=(ModelGain("emlp", 0.99, 2.0),), seconds=3.0,
    )  # fmt: skip
    return replace(made, **changes)


def test_the_page_has_the_answer_and_its_reliability():
    text = page(findings(), 100)
    assert text.startswith("Predictor     Gaussian process: R² 0.980 on 200 held-out rows")
    for said in (
        "so(2): 1 generator, kept to within 0.020", "d(a) = 1.00 b, d(b) = -1.00 a",
        "found in 0 of 20", "the error of the process divided by 2", "other: no answer (declined)",
        "exact to within 0.05: 1 of 1",
    ):  # fmt: skip
        assert said in " ".join(text.split()), said
    assert all(len(line) <= 100 for line in text.splitlines())


def test_a_break_is_not_called_exact():
    broken = replace(findings().generators[0], least=0.02)
    found = findings(generators=(broken,))
    assert "broken (relative defect 0.015 to 0.020)" in words.headline(found)
    assert found.within_tolerance == 0


def test_without_a_generator_the_page_says_what_would_have_been_seen():
    none = identify(torch.zeros(0, 3, 3))
    found = findings(generators=(), algebra=none, finite=(), inputs_alone=Inputs(None, None))
    text = " ".join(page(found, 100).split())
    assert "No continuous symmetry found." in text
    assert "broken by less than 0.400 would have been seen" in text


def test_a_poor_fit_gives_no_answer():
    poor = Predictor("Gaussian process", 0.01, 800, 200)
    found = findings(predictor=poor, generators=(), finite=())
    assert words.headline(found).startswith("No answer")


def test_an_affine_fit_says_so():
    affine = Predictor("Gaussian process", 0.9, 800, 200, affine_share=0.99)
    found = findings(predictor=affine, generators=(), finite=())
    assert any("affine to 99 %" in line for line in words.reliability(found))


def test_json_has_the_promised_fields():
    document = json.loads(json.dumps(findings().as_dict(), allow_nan=False))
    assert document["predictor"]["r2"] == 0.98
    assert {"matrix", "defect", "bound"} <= set(document["generators"][0])
    assert document["next_defect"] == 0.4
    assert document["algebra"]["name"] == "so(2)"
    assert {"dimension", "killing_signature", "cosine"} <= set(document["algebra"])
    assert {"matrix", "order"} <= set(document["finite"][0])
    assert {"found", "of"} <= set(document["control"])
    assert document["inputs"]["symmetric"] is True
    assert document["models"][0]["gain"] == 2.0


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [v for k, v in attributes if k in ("href", "src", "action")]


def test_the_report_is_inert_and_offline(tmp_path):
    found = findings(source=EVIL, inputs=(EVIL, "b"), outputs=(EVIL,), space=(EVIL, "b"))
    written = write(found, tmp_path / "report")
    text = written.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert "script" not in reader.tags
    assert reader.links == ["style.css", "#main"]
    assert "\x1b" not in text
    assert "default-src 'none'" in text
    assert (tmp_path / "report" / "style.css").read_text(encoding="utf-8").startswith(":root")


def test_the_report_has_the_numbers_of_every_picture():
    text = render(findings())
    assert text.count("<figure>") == text.count("<figcaption>") == 3
    assert text.count('aria-hidden="true"') == 3
    assert re.search(r"<td>-?1\.000</td>", text)


def test_a_report_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="give a directory"):
        write(findings(), tmp_path / "file")


def test_names_cannot_send_commands_to_the_terminal():
    text = page(findings(source=EVIL, inputs=(EVIL, "b"), space=(EVIL, "b")), 100)
    assert "\x1b" not in text
