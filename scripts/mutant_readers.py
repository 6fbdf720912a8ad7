"""The documents that scripts/mutants.py spoils, and everything of symbench that reads them."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import torch
from mutations import spoil_bytes, spoil_json, spoil_tensors
from safetensors.torch import save

import symbench
from symbench import disk_cache, draws
from symbench.cli import cards, pages, tune
from symbench.cli import publish as publishing
from symbench.cli.loading import staleness
from symbench.cli.run import read_suite, select
from symbench.cli.verify import page
from symbench.files import parse_json
from symbench.groups import cache as bases
from symbench.publish import submission as submissions
from symbench.publish.submission.directory import files
from symbench.records.record import Record
from symbench.records.store import Store, records_of
from symbench.registry import Registry, code_facts, load
from symbench.registry.card_cache import CardCache
from symbench.results import leaderboard, report
from symbench.results.leaderboard import ParameterWindow
from symbench.results.leaderboard.over_tasks import summarise
from symbench.results.published.document import sha256, whole_sha256
from symbench.results.published.publication import Publication
from symbench.results.published.reading import parse
from symbench.results.report import FORMATS, SUMMARY_FORMATS, summaries
from symbench.results.report.escape import visible
from symbench.results.report.generators import draw_generators, drawable, heat_maps
from symbench.runs.plan import make_plan
from symbench.tuning.search import Search, _resumed, search
from symbench.tuning.study import Study, path_of, read
from symbench.tuning.tuned import tuned_cells

QUICK = Path(__file__).parents[1] / "leaderboards" / "quick"
TASKS, MODELS = ("o5-invariant", "double-well"), ("mlp", "constant")
SEARCHED = ("o5-invariant", "mlp")
PLUGIN = "symbench_lconv"
WIDTH = 100
Step = Callable[[str, Callable[[], Any]], Any]
"""(name of a reader, call) -> what the call returns; None if it refuses the document."""


@dataclass
class Bench:
    """A folder to work in, the registry, and the unspoiled documents by kind."""

    folder: Path
    originals: dict[str, list[bytes]]
    registry: Registry = field(default_factory=load)

    def emptied(self, name: str) -> Path:
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place


def originals(folder: Path) -> dict[str, list[bytes]]:
    """Make real documents of every kind, by one smoke run, one search and the quick leaderboard."""
    registry, store = load(), folder / "smoke"
    ran = symbench.run(TASKS, MODELS, "smoke", store, seeds=5, executor="inline", device="cpu")
    search(registry, *SEARCHED, Search(store, tier="smoke", attempts=3, seeds=1))
    small = submissions.make(ran.records, "smoke")
    published = Publication(QUICK).records()
    some = [one for one in published if one.identity.task == "csl"][:4]
    generators = {
        f"learned.{seed}": torch.randn(3, 9, 9, generator=torch.Generator().manual_seed(seed))
        for seed in range(2)
    }
    generators |= {"truth": torch.eye(9)[None].repeat(3, 1, 1), "pixel_order": torch.arange(9)}
    return {
        "record": [one.to_json().encode() for one in [*ran.records * 10, *published[::40]]],
        "submission": [made.to_json().encode()
                       for made in (small, submissions.make(some, "quick"))],
        "publication": [text.encode() for name, text in files(small).items()],
        "tuning": [path_of(store, *SEARCHED, "smoke").read_bytes()],
        "card": [_cards()],
        "cache": [
            save({"basis": torch.eye(4, dtype=torch.float64)}), b"0123456789abcdef",
            save({"x": torch.randn(20, 10), "y": torch.randn(20, 1)}),
            json.dumps(["ab" * 32, [[0, "json"], [1, "symbench"]]]).encode(),
        ],
        "tensors": [save(generators)],
        "suite": [b'tasks = ["o5-*", "double-well"]\nmodels = ["mlp"]\ntier = "smoke"\n'
                  b"seeds = 2\nsizes = [16, 64]\n"],
    }  # fmt: skip


def _cards() -> bytes:
    """Return the content of the cache file with the cards of a plugin."""
    Registry().add(import_module(PLUGIN), PLUGIN, "1", PLUGIN)
    return CardCache(PLUGIN)._path.read_bytes().partition(b"\n")[2]


def spoiled(kind: str, content: bytes, rng: Random) -> bytes:
    """Return a mutant of a document of that kind."""
    if kind == "tensors" or (kind == "cache" and content[8:9] == b"{"):
        return spoil_tensors(content, rng) if rng.random() < 0.6 else spoil_bytes(content, rng)
    with suppress(ValueError):
        document = json.loads(content)
        if rng.random() < 0.75:
            text = spoil_json(document, rng)
            return _forged(text) if kind == "submission" and rng.random() < 0.7 else text
    return spoil_bytes(content, rng)


def _forged(text: bytes) -> bytes:
    """Return a submission whose plan, tables and hashes fit its records, where that can be."""
    with suppress(Exception):
        document = json.loads(text)
        records = [Record.model_validate(one) for one in document["records"]]
        document["plan"] = [one["identity"] for one in document["records"]]
        board = leaderboard.make(records, document["tier"], planned=len(records))
        document["leaderboard"] = board.document()
        hashes = {r.key: sha256(d) for r, d in zip(records, document["records"], strict=True)}
        document["hashes"] = {"records": hashes, "whole": ""}
        document["hashes"]["whole"] = whole_sha256(document)
        return json.dumps(document).encode()
    return text


def clean(text: str) -> str:
    """Return text for a terminal.

    Raises:
        AssertionError: it holds a control or bidirectional character.
    """
    hidden = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs")} - {"\n", "\t"}
    if hidden:
        raise AssertionError(f"characters {sorted(map(ord, hidden))} reach the terminal")
    return text


def read_record(bench: Bench, content: bytes, number: int, step: Step) -> None:
    """Read a store with a spoiled record beside good ones, as every command does."""
    place = bench.emptied("store") / "cells"
    place.mkdir()
    for good in bench.originals["record"][: len(TASKS) * len(MODELS)]:
        (place / f"{Record.from_json(good.decode()).key}.json").write_bytes(good)
    key = "0123456789abcdef"
    with suppress(Exception):  # where it can be read, its name should fit
        key = Record.from_json(content.decode()).key
    (place / f"{key}.json").write_bytes(content)
    store = Store(place.parent)
    records = step("store", lambda: records_of([store]))
    for warning in store.warnings:
        step("warning", lambda warning=warning: clean(visible(warning)))
    if records is None or store.warnings:
        return
    tier = next((one.identity.tier for one in records if one.key == key), "smoke")
    stale = staleness(bench.registry)
    step("staleness", lambda: [stale(one) for one in records if one.key == key])
    for window in (None, ParameterWindow()):
        board = step("leaderboard", lambda w=window: leaderboard.make(records, tier, window=w))
        summary = step("summary", lambda w=window: summarise(records, tier, window=w))
        for form in FORMATS if board is not None and window is None else ("table",):
            step(form, lambda f=form, b=board: _shown(report.render(b, f, WIDTH), f))
        for form in SUMMARY_FORMATS if summary is not None else ():
            shown = lambda f=form, s=summary: _shown(summaries.render(s, f, WIDTH), f)  # noqa: E731
            step(f"summary {form}", shown)
    if number % 3:
        return
    site, to = number % 9 == 0, bench.emptied("published")
    write = publishing.write
    step(
        "publish and site" if site else "publish",
        lambda: write(
            [store], tier, lambda _: False, to, bench.registry, form="site" if site else "tables"
        ),
    )


def _shown(text: str, form: str) -> str:
    if form == "json":
        parse_json(text)
    return clean(text)


class _Echo(submissions.Rerunner):
    """Claims that each cell gives the submitted results again, without training."""

    def run(self, submitted: Record) -> Record:
        return submitted


def read_submission(bench: Bench, content: bytes, _: int, step: Step) -> None:
    """Parse, check and verify a spoiled submission without training."""
    made = step("parse", lambda: parse(content))
    if made is None:
        return
    checked = step("check", lambda: submissions.check(made))
    rerunner = _Echo(bench.registry)
    verdict = step("verify", lambda: submissions.verify(checked, rerunner, cells=99))
    if verdict is not None:
        step("page", lambda: clean(page(verdict)))
        step("document", lambda: json.dumps(verdict.document(), allow_nan=False))
    if not checked.contradictions:
        step("tables", lambda: files(made))


def read_publication(bench: Bench, content: bytes, number: int, step: Step) -> None:
    """Compare a publication with one spoiled table with what its submission gives."""
    texts = bench.originals["publication"]
    made = parse(texts[0])
    place = bench.emptied("publication")
    names = list(files(made))
    for name, text in zip(names, texts, strict=True):
        (place / name).write_bytes(text)
    (place / names[number % len(names)]).write_bytes(content)
    verdict = step("verify", lambda: submissions.verify_path(place, _Echo(bench.registry)))
    if verdict is not None:
        step("page", lambda: clean(page(verdict)))


def read_tuning(bench: Bench, content: bytes, _: int, step: Step) -> None:
    """Read a spoiled search, show it, go on with it, and plan a run with its result."""
    place, pair = bench.emptied("tuned"), SEARCHED
    tier = "smoke"
    with suppress(Exception):
        spec = Study.model_validate(parse_json(content.decode())).spec
        pair, tier = (spec.task, spec.model), spec.tier
    path = path_of(place, *pair, tier)
    path.parent.mkdir()
    path.write_bytes(content)
    study = step("read", lambda: read(path))
    if study is None:
        return
    how = Search(place, tier="smoke", attempts=3, seeds=1)
    if study.attempts:  # a search that is shown has made one
        shown = [tune.SearchResult(*pair, study)]
        step("page", lambda: clean(tune.page(shown, WIDTH, colour=False)))
        step("document", lambda: json.dumps(tune.document(shown, how), default=str))
    first = Study.model_validate_json(bench.originals["tuning"][0])
    step("resume", lambda: _resumed(first.spec, how))
    tuned = step("tuned", lambda: tuned_cells(bench.registry, [pair], tier, place))
    if tuned:
        selection = select({}, pair[:1], pair[1:], tier, (), None)
        chosen = replace(selection, tuned=tuned)
        step("plan", lambda: make_plan(bench.registry, chosen))


def read_card(_: Bench, content: bytes, number: int, step: Step) -> None:
    """List a plugin whose cards are read from a spoiled file of the cache."""
    package, path = PLUGIN, CardCache(PLUGIN)._path
    _store(path, content, sound=number % 4 > 0)
    registry = Registry()
    step("register", lambda: registry.add(import_module(package), package, "1", package))
    listed = step("list", lambda: {n: cards.section(registry, n) for n in cards.SECTIONS})
    if listed is not None:
        step("page", lambda: clean(pages.sections(listed, WIDTH, colour=False)))


def read_cache(bench: Bench, content: bytes, number: int, step: Step) -> None:
    """Load a spoiled file of the disk cache as each kind of cached result."""
    path = disk_cache.path_of("mutants", number % 50)
    _store(path, content, sound=number % 4 > 0)
    step("basis", lambda: bases.load(path, 4))
    step("fingerprint", lambda: disk_cache.load(path, draws._parsed_fingerprint))
    step("code", lambda: disk_cache.load(path, code_facts._parsed))
    parse = partial(draws._parsed, bench.registry.task("o5-invariant"), 20)
    step("draw", lambda: disk_cache.load(path, parse))


def read_tensors(bench: Bench, content: bytes, number: int, step: Step) -> None:
    """Read the spoiled tensors of a record, and draw them."""
    place, key = bench.emptied("tensors"), "0123456789abcdef"
    (place / "cells").mkdir()
    (place / "cells" / f"{key}.safetensors").write_bytes(content)
    tensors = step("read", lambda: Store(place).read_tensors(key))
    if tensors is None:
        return
    step("heat maps", lambda: heat_maps(tensors))
    if number % 20 == 0 and drawable(tensors):
        step("figure", lambda: draw_generators(tensors, "title", place / "figure.png") or True)


def read_suite_file(bench: Bench, content: bytes, _: int, step: Step) -> None:
    """Read a spoiled suite, and plan it."""
    path = bench.emptied("suite") / "suite.toml"
    path.write_bytes(content)
    suite = step("read", lambda: read_suite(str(path), bench.registry))
    if suite is not None:
        step("select", lambda: select(suite, None, None, None, (), None))


def _store(path: Path, content: bytes, *, sound: bool) -> None:
    disk_cache.save(path, content)
    if not sound:
        path.write_bytes(content)
