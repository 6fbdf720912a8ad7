"""The verb ``publish``: what it writes, what it refuses, and that names stay text."""

from __future__ import annotations

import csv
import json
import re

import pytest
import torch
from typer.testing import CliRunner

from symbench.cli import app
from symbench.cli.publish import write
from symbench.errors import InputError
from symbench.publish import submission
from symbench.publish.submission import directory as publication
from symbench.records.record import Failure, Identity, Record, TrialRecord
from symbench.records.store import Store
from symbench.runs.protocol import PROTOCOL_VERSION

HOSTILE = (
    "<img src=x onerror=alert(1)>", "a|b", "\\input{/etc/passwd} 100% & $x_1$",
    '=HYPERLINK("http://x")', "@SUM(A1)", "mlp\u202egnp\u2066", "[x](javascript:alert(1))",
    "line\none", "\x1b[31mred", "`x`",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_entry_points(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")


def publish(*arguments):
    return CliRunner().invoke(app, ["publish", *map(str, arguments)], standalone_mode=False)


def record(task="norms", model="small", status="ok", tier="quick", message="", **provenance):
    identity = Identity(
        task=task, task_version="1", task_fingerprint="", task_source_sha256="",
        model=model, model_version="1",
        model_source_sha256="", config={}, tier=tier, sizes=[100], seeds=[0, 1],
        protocol={"version": PROTOCOL_VERSION, "updates": 60, "prior": "none", "chance_error": 1.0},
    )  # fmt: skip
    trials = [
        TrialRecord(n_train=100, seed=seed, status="ok", scores={"error": 0.1 + seed, message: 1.0})
        for seed in identity.seeds
    ]
    failed = status != "ok"
    return Record(
        identity=identity, status=status, trials=[] if failed else trials,
        error=Failure(type="Error", message=message, traceback=message) if failed else None,
        provenance={
            "started": "2026-01-01T00:00:00+00:00", "seconds": 1.0, "metrics": {}, **provenance
        },
    )  # fmt: skip


def stored(place, *records):
    store = Store(place)
    for one in records:
        store.write(one)
    return place


def test_a_store_becomes_tables_and_a_submission(tmp_path):
    failed = record(model="broken", status="failed", message="no network today")
    stores = stored(tmp_path / "a", record()), stored(tmp_path / "b", failed)
    to = tmp_path / "leaderboards" / "mine"
    result = publish("--store", stores[0], "--store", stores[1], "--to", to)
    assert result.exit_code == 0, result.exception
    made = submission.read(to / "submission.json")
    assert submission.check(made).contradictions == ()
    assert [one.identity.model for one in made.records] == ["broken", "small"]
    assert made.hashes.whole in result.stdout
    assert "2 cells of tier quick (1 failed), 0 pairs without" in result.stdout
    readme = (to / "README.md").read_text()
    assert re.search(r"^\| norms .*\| small", readme, re.M)
    assert "1 failed" in readme
    assert made.hashes.whole in readme
    assert submission.differing_files(made, to) == []


def test_the_tier_is_the_latest_unless_it_is_named(tmp_path):
    late = record(tier="smoke", started="2026-02-01T00:00:00+00:00")
    store = stored(tmp_path / "store", record(), late)
    for name, options in (("smoke", ()), ("quick", ("--tier", "quick"))):
        publish("--store", store, "--to", tmp_path / name, *options)
        assert submission.read(tmp_path / name / "submission.json").tier == name


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--tier", "huge"), "unknown tier 'huge'"), (("--tier", "full"), "no current full record")],
)
def test_what_cannot_be_published_is_refused_before_anything_is_written(tmp_path, options, message):
    store = stored(tmp_path / "store", record())
    result = publish("--store", store, "--to", tmp_path / "new", *options)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert not (tmp_path / "new").exists()


def test_records_at_odds_with_themselves_are_refused(tmp_path):
    odd = record()
    odd.trials.pop()
    store = stored(tmp_path / "store", odd)
    result = publish("--store", store, "--to", tmp_path / "new")
    assert "n_train 100, seed 1 is missing" in str(result.exception)


def tree(place):
    return {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}


def written(store, to, **options):
    return write([Store(store)], "quick", lambda _: False, to, **options)


TABLES = {
    "README.md", "leaderboard.csv", "leaderboard.json", "leaderboard.tex", "scores.csv",
    "submission.json",
}  # fmt: skip


def test_a_site_is_written_beside_the_tables_unless_it_is_refused(tmp_path):
    store = stored(tmp_path / "store", record())
    shown, _ = written(store, tmp_path / "with")
    assert {path.name for path in shown} == TABLES | {"index.html"}
    found = tree(tmp_path / "with")
    assert {"compare.html", "about.html", "static/site.css", "static/vendor/LICENSES.txt"} <= found
    assert len([name for name in found if re.fullmatch(r"(tasks|models)/.*\.html", name)]) == 2
    written(store, tmp_path / "without", form="tables")
    assert tree(tmp_path / "without") == TABLES


def test_pages_of_an_earlier_publication_go_and_other_files_stay(tmp_path):
    to = tmp_path / "to"
    both = stored(tmp_path / "a", record(), record(model="other"))
    written(both, to)
    before = tree(to)
    (to / "tasks" / "notes.html").write_text("mine")
    (to / "figures" / "drawing.svg").write_text("mine")
    mine = {"tasks/notes.html", "figures/drawing.svg"}
    written(stored(tmp_path / "b", record()), to)
    gone = (before | mine) - tree(to)
    assert len(gone) == 1
    assert gone.pop().startswith("models/")
    written(both, to, form="tables")
    assert tree(to) == TABLES | mine
    (to / "index.html").write_text("mine")
    written(both, to, form="tables")
    assert (to / "index.html").read_text() == "mine"


def test_a_publication_that_was_interrupted_can_be_repeated(tmp_path, monkeypatch):
    store = stored(tmp_path / "store", record())

    def interrupted(path, content):
        write(path, content)
        if path.name == "index.html":
            raise KeyboardInterrupt

    write = publication.write_atomic
    with monkeypatch.context() as patched:
        patched.setattr(publication, "write_atomic", interrupted)
        with pytest.raises(KeyboardInterrupt):
            written(store, tmp_path / "to")
    assert "about.html" not in tree(tmp_path / "to")
    written(store, tmp_path / "to")
    assert "about.html" in tree(tmp_path / "to")


def test_learned_generators_are_drawn_and_damaged_ones_are_named(tmp_path, capsys):
    good, bad = record(), record(model="damaged")
    good.tensors = {"truth": torch.eye(2)[None], "learned.0": torch.eye(2)[None]}
    store = stored(tmp_path / "store", good, bad)
    (store / "cells" / f"{bad.key}.safetensors").write_bytes(b"not tensors")
    written(store, tmp_path / "to")
    assert {n for n in tree(tmp_path / "to") if n.endswith(".png")} == {f"figures/{good.key}-0.png"}
    page = next(p for p in (tmp_path / "to" / "models").iterdir() if good.key in p.read_text())
    assert "Learned generators" in page.read_text()
    assert f"{bad.key}.safetensors cannot be read" in capsys.readouterr().err


def test_the_site_leaves_what_verify_compares_alone(tmp_path):
    store = stored(tmp_path / "store", record())
    written(store, tmp_path / "to")
    made = submission.read(tmp_path / "to" / "submission.json")
    assert submission.check(made).contradictions == ()
    assert submission.differing_files(made, tmp_path / "to") == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_messages_and_versions_stay_text(tmp_path, text):
    failed = record(task=text, model="broken", status="failed", message=text)
    working = record(task=text, model=text, message=text, machine=text, plugin=text, git=text)
    store = stored(tmp_path / "store", working, failed)
    to = tmp_path / "new"
    result = publish("--store", store, "--to", to)
    assert result.exit_code == 0, result.exception
    assert submission.check(submission.read(to / "submission.json")).contradictions == ()
    texts = {path.name: path.read_text() for path in to.iterdir() if path.is_file()}
    texts |= {path.name: path.read_text() for path in to.glob("[tm]*s/*.html")}
    for shown in texts.values():
        assert not re.search("[\u202e\u2066\x1b]", shown)  # JSON writes them as \u escapes
    _no_markup(texts["README.md"])
    _no_command(texts["leaderboard.tex"])
    for name in ("leaderboard.csv", "scores.csv"):
        for row in csv.reader(texts[name].splitlines()):
            assert not any(field.startswith(("=", "+", "@", "\t")) for field in row)
    rows = json.loads(texts["leaderboard.json"])["rows"]
    assert {row["task"] for row in rows} == {text}  # a document for programs: nothing is changed


def _no_markup(readme):
    assert "<img" not in readme
    assert not re.search(r"(?<!\\)\]\(", readme)
    assert "http://" not in readme
    assert "@SUM" not in readme
    widths = {
        len(re.findall(r"(?<!\\)\|", line)) for line in readme.splitlines() if line[:1] == "|"
    }
    assert len(widths) == 1  # no name opens a column of its own


def _no_command(tex):
    assert "\\input{" not in tex
    body = [line for line in tex.splitlines() if not line.startswith("%")]
    bare = [re.sub(r"\\[%$&_#{}]", "", re.sub(r"\$([<>]|\\cdot)\$", "", line)) for line in body]
    assert not [line for line in bare if "%" in line or "$" in line]
    rows = [line for line in bare if line.endswith(r"\\")]
    assert len(rows) == 3  # the heading and two models
    assert len({line.count("&") for line in rows}) == 1  # no name opens a column of its own
