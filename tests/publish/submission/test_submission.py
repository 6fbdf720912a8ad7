"""What a submission holds, which forgeries are found, and how figures are compared."""

from __future__ import annotations

import copy
import json
import pickle
import random
from pathlib import Path

import pytest
import toys

import symbench
from symbench import registry
from symbench.errors import InputError
from symbench.publish.submission import (
    Rerunner,
    Submission,
    check,
    differing_files,
    json_schema,
    make,
    parse,
    rerun,
    verify,
    write,
)
from symbench.publish.submission.contradictions import find
from symbench.publish.submission.document import sha256, whole_sha256
from symbench.publish.submission.reading import DEEPEST, LARGEST
from symbench.records.record import Failure, Identity, Record
from symbench.results import leaderboard
from symbench.results.report.escape import markdown
from symbench.results.report.tables import LEGEND
from symbench.runs.plan import make_plan

TOYS = Path(toys.__file__)
MODELS = ("small", "told", "raising", "declining")


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The submission of a run of four toys: two work, one fails, one declines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBENCH_PLUGINS", "none")
        records = symbench.run(
            ["norms"], MODELS, "smoke", tmp_path_factory.mktemp("store"), executor="inline",
            plugin_files=(TOYS,), device="cpu",
        ).records  # fmt: skip
    return make(records, "smoke")


@pytest.fixture
def rerunner(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    return Rerunner(registry.load((TOYS,)))


@pytest.fixture
def document(honest):
    return copy.deepcopy(honest.raw)


def cell(document, model):
    (found,) = [one for one in document["records"] if one["identity"]["model"] == model]
    return found


def rehashed(document):
    """What a forger does who knows the format: every hash and the tables fit again."""
    records = [Record.model_validate(one) for one in document["records"]]
    document["plan"] = [one["identity"] for one in document["records"]]
    table = leaderboard.make(records, document["tier"], planned=len(records))
    document["leaderboard"] = table.document()
    hashes = {r.key: sha256(one) for r, one in zip(records, document["records"], strict=True)}
    document["hashes"] = {"records": hashes, "whole": ""}
    document["hashes"]["whole"] = whole_sha256(document)
    return document


def read(document):
    return parse(json.dumps(document).encode())


def obstacle(rerunner, identity):
    return rerunner.obstacles([identity])[identity.key]


def found(document):
    return "; ".join(find(read(document)))


def test_an_honest_submission_is_verified(honest, rerunner):
    verdict = verify(check(parse(honest.to_json().encode())), rerunner, cells=2)
    assert verdict.line == "verified (2 of 2 cells, 1 of 1 failed)"
    assert verdict.exit_code == 0
    assert {cell.how for cell in verdict.cells} == {"exact", "status"}


def test_the_plan_keeps_failed_and_declined_cells_and_no_traceback(honest):
    statuses = {record.identity.model: record.status for record in honest.records}
    assert statuses == {
        "small": "ok", "told": "ok", "raising": "failed", "declining": "declined",
    }  # fmt: skip
    assert len(honest.plan) == 4
    assert "no network today" in honest.to_json()
    assert "Traceback" not in honest.to_json()
    assert str(TOYS.parent) not in honest.to_json()


def test_reading_gives_back_what_was_written(honest):
    again = parse(honest.to_json().encode())
    assert again.raw == honest.raw
    assert find(again) == []


def test_unknown_fields_are_kept_and_hashed(document):
    document["note"] = "of a later version"
    assert "document is not the one that was hashed" in found(document)
    document["hashes"]["whole"] = whole_sha256(document)
    assert find(read(document)) == []
    assert json.loads(read(document).to_json())["note"] == "of a later version"


@pytest.mark.parametrize("model", ["small", "told"])
def test_one_trial_improved_by_a_fifth_is_not_reproduced(document, rerunner, model):
    trial = cell(document, model)["trials"][-1]
    trial["scores"]["error"] *= 0.8
    assert "not the one that was hashed" in found(document)
    verdict = verify(check(read(rehashed(document))), rerunner, cells=2)
    assert verdict.exit_code == 1
    place = f"norms {model}: n_train {trial['n_train']}, seed {trial['seed']}, error"
    assert place in verdict.line
    assert "(-20 %)" in verdict.line


def test_figures_swapped_between_seeds_are_not_reproduced(document, rerunner):
    trials = cell(document, "small")["trials"]
    first, second = (trial for trial in trials if trial["n_train"] == 64)
    first["scores"], second["scores"] = second["scores"], first["scores"]
    verdict = verify(check(read(rehashed(document))), rerunner, cells=2)
    assert verdict.line.startswith("not reproduced (1 of 3 drawn cells; norms small:")


def test_a_dropped_failed_cell_is_missed(document):
    document["records"].remove(cell(document, "raising"))
    assert "norms raising: planned, and without a record" in found(document)
    document["plan"] = [one["identity"] for one in document["records"]]
    assert "there is a hash, and no record" in found(document)


def test_a_dropped_pair_is_missed_although_every_hash_fits(document):
    labels = copy.deepcopy(cell(document, "small"))
    labels["identity"]["task"] = "labels"
    document["records"].append(labels)
    wrong = found(rehashed(document))
    assert "labels raising: neither planned nor said to be absent" in wrong
    document["absent"] = [
        {"task": "labels", "model": model, "reason": "not run"} for model in MODELS[1:]
    ]
    assert found(rehashed(document)) == ""


def test_a_record_that_was_not_planned_is_found(document):
    stranger = copy.deepcopy(cell(document, "small"))
    stranger["identity"]["model"] = "stranger"
    document["records"].append(stranger)
    assert "norms stranger: a record that the plan does not have" in found(document)


@pytest.mark.parametrize(
    ("forge", "complaint"),
    [
        (lambda trials: trials[0].update(seed=1), "seed 1 is there twice"),
        (lambda trials: trials[0].update(seed=7), "seed 7 is none of its trials"),
        (lambda trials: trials[0].update(n_train=32), "n_train 32, seed 0 is none of its trials"),
        (lambda trials: trials.pop(), "n_train 64, seed 1 is missing"),
        (lambda trials: trials.append(trials[0]), "n_train 16, seed 0 is there twice"),
    ],
)
def test_swapped_missing_and_doubled_seeds_are_found(document, forge, complaint):
    forge(cell(document, "small")["trials"])
    assert complaint in found(rehashed(document))


def test_seeds_cannot_be_chosen(document):
    small = cell(document, "small")
    small["identity"]["seeds"] = [0, 7]
    for trial in small["trials"]:
        trial["seed"] *= 7
    assert "norms small: its seeds are not 0, 1, 2" in found(rehashed(document))


def test_one_task_in_two_versions_is_found(document):
    cell(document, "small")["identity"]["task_version"] = "0"
    assert "norms small: planned, and without a record" not in found(rehashed(document))
    assert "task norms: in 2 versions at once" in found(document)


def test_another_task_version_is_never_verified(document, rerunner):
    for record in document["records"]:
        record["identity"]["task_version"] = "0"
    verdict = verify(check(read(rehashed(document))), rerunner)
    assert verdict.exit_code == 2
    assert verdict.line == "not checkable (another version of the task is registered here)"


def test_an_edited_table_row_is_found(document):
    (row,) = [one for one in document["leaderboard"]["rows"] if one["model"] == "small"]
    row["scores"]["error"]["value"] *= 0.999
    document["hashes"]["whole"] = whole_sha256(document)
    assert found(document) == "norms small: the row is not what the trials give"
    document["leaderboard"]["rows"].remove(row)
    assert "coverage or length" in found(document)


def test_a_changed_coverage_is_found(document):
    document["leaderboard"]["coverage"]["failed"] = 0
    assert "coverage or length" in found(document)


def test_scores_of_a_failed_cell_are_found(document):
    cell(document, "small")["status"] = "failed"
    assert "norms small: scores, although it is failed" in found(rehashed(document))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_figure_that_is_not_finite_is_refused(document, text):
    cell(document, "small")["trials"][0]["scores"]["error"] = 12345
    forged = json.dumps(document).replace("12345", text)
    with pytest.raises(InputError, match="not a finite number"):
        parse(forged.encode())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b" " * (LARGEST + 1), "larger than"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
        (pickle.dumps({"schema": 1}), "not JSON"),
        (b'{"schema": 1, "schema": 1}', "given twice"),
        (b'{"tensors": {}}', "tensors"),
        (b'"' + b'\\"' * 1_000_000, "not JSON"),
        (b'"' + b'\\"' * 1_000_000 + b"\\", "not JSON"),
        (b"1" * 10_000, "not JSON"),
        (b"[]", "not of the schema"),
        (b"{}", "not of the schema: schema"),
        (b"", "not JSON"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_hostile_files_are_refused_without_harm(content, reason):
    with pytest.raises(InputError, match=reason):
        parse(content)


def test_brackets_inside_strings_do_not_count_as_depth(document):
    document["note"] = '\\"[{' * DEEPEST
    document["hashes"]["whole"] = whole_sha256(document)
    assert find(read(document)) == []


def places(node, path=()):
    """The path of every value inside a document."""
    parts = node if isinstance(node, dict | list) else ()
    for name, value in parts.items() if isinstance(parts, dict) else enumerate(parts):
        yield (*path, name)
        yield from places(value, (*path, name))


def test_any_damage_is_refused_or_found(honest):
    pick = random.Random(0)  # noqa: S311 - no secret
    odd = (None, True, -1, 1e308, 5e-324, 10**30, "", "\ud800", [], {}, [[]], "NaN")
    paths = list(places(honest.raw))
    for path in pick.sample(paths, 150):
        document = copy.deepcopy(honest.raw)
        node, value = document, pick.choice(odd)
        for name in path[:-1]:
            node = node[name]
        if node[path[-1]] == value:
            continue
        node[path[-1]] = value
        try:
            assert find(read(document)), path
        except InputError:
            continue


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(honest, share):
    text = honest.to_json()
    with pytest.raises(InputError, match="not JSON"):
        parse(text[: int(share * len(text))].encode())


@pytest.mark.parametrize(
    "forge",
    [
        lambda d: d.update(schema=2),
        lambda d: d.update(kind="else"),
        lambda d: d.update(tier="huge"),
        lambda d: d.pop("plan"),
        lambda d: d["records"][0]["identity"].update(seeds=["0", "1"]),
        lambda d: d["records"][0]["identity"].update(sizes=[True]),
        lambda d: d["records"][0].update(status="perfect"),
        lambda d: d["leaderboard"].update(rows={}),
    ],
)
def test_what_is_not_of_the_schema_is_refused(document, forge):
    forge(document)
    with pytest.raises(InputError, match="not of the schema"):
        read(document)


def test_the_json_schema_names_every_part_and_no_tensor():
    schema = json_schema()
    parts = {"plan", "absent", "records", "provenance", "leaderboard", "hashes", "tier"}
    assert parts <= set(schema["required"])
    assert "tensors" not in schema["$defs"]["Record"]["properties"]


def test_a_missing_plugin_makes_cells_uncheckable(honest, monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    verdict = verify(check(honest), Rerunner(registry.Registry()))
    assert verdict.line == "not checkable (the task is not registered here (plugin missing))"


@pytest.mark.parametrize(
    ("part", "value", "why"),
    [
        ("task_fingerprint", "0", "draws other data"),
        ("model_version", "0", "another version of the model"),
        ("model_source_sha256", "0", "source is another"),
        ("config", {"width": 999, "learning_rate": 0.01}, "settings are others"),
        ("protocol", {"version": "1", "updates": 10**9}, "protocol is another"),
        ("sizes", [16, 10**9], "more than 64 examples"),
        ("model", "unheard-of", "model is not registered"),
        ("sponsor", "x", "fields unknown"),
    ],
)
def test_a_cell_that_differs_from_what_is_here_is_not_run(honest, rerunner, part, value, why):
    own = honest.records[-1].identity.model_dump()
    assert obstacle(rerunner, Identity(**own)) is None
    assert why in obstacle(rerunner, Identity(**{**own, part: value}))


def test_data_that_are_not_here_are_not_fetched(honest, rerunner, monkeypatch):
    norms = type(rerunner.registry.task("norms"))
    monkeypatch.setattr(norms, "is_local", lambda self: False)
    assert obstacle(rerunner, honest.records[-1].identity) == "the task's data are not here"


def test_what_is_drawn_depends_on_the_reviewers_seed(honest, rerunner, monkeypatch):
    monkeypatch.setattr(Rerunner, "run", lambda self, record: record)
    drawn = {verify(check(honest), rerunner, 1, seed).cells[0].model for seed in range(20)}
    assert drawn == {"small", "told"}
    again = [verify(check(honest), rerunner, 1, seed=3).cells[0].model for _ in range(2)]
    assert again[0] == again[1]


def test_a_re_run_that_fails_says_nothing_of_the_figures(honest, rerunner, monkeypatch):
    lost = Record(
        identity=honest.plan[0], status="oom", error=Failure(type="MemoryError", message="full")
    )
    monkeypatch.setattr(Rerunner, "run", lambda self, record: lost)
    verdict = verify(check(honest), rerunner)
    assert verdict.line == "not checkable (the re-run oom: full)"


def test_another_machine_class_is_judged_by_the_spread(document, rerunner):
    for record in document["records"]:
        record["provenance"]["machine"] = "elsewhere"
    verdict = verify(check(read(rehashed(document))), rerunner, cells=2)
    assert verdict.line == "verified (2 of 2 cells, 1 of 1 failed)"
    assert {cell.how for cell in verdict.cells} == {"spread", "status"}


def test_outdated_records_are_absent_and_named(honest):
    def stale(record):
        return record.identity.model == "told"

    made = make(honest.records, "smoke", stale)
    assert [(one.model, one.reason) for one in made.absent] == [("told", "outdated")]
    assert find(made) == []
    with pytest.raises(InputError, match="no current smoke record"):
        make(honest.records, "smoke", lambda _: True)


def test_a_publication_replaces_its_own_files_alone(honest, tmp_path):
    place = tmp_path / "publication"
    names = {path.name for path in write(honest, place)}
    assert names == {
        "README.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.json", "submission.json",
    }  # fmt: skip
    (place / "notes.txt").write_text("kept")
    (place / "README.md").write_text("old")
    write(honest, place)
    assert (place / "notes.txt").read_text() == "kept"
    assert "norms" in (place / "README.md").read_text()
    assert {path.name for path in place.iterdir()} == names | {"notes.txt"}
    assert isinstance(parse((place / "submission.json").read_bytes()), Submission)


def test_a_directory_of_something_else_is_refused(honest, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(InputError, match="holds no submission"):
        write(honest, tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def with_cut_legend(text):
    for line in LEGEND:
        text = text.replace(markdown(line, limit=None), markdown(line))
    return text


EDITS = [  # of a published directory that change no result
    ("leaderboard.json", lambda text: json.dumps(json.loads(text), indent=1)),
    ("leaderboard.tex", lambda text: text.replace("% prior:", "% what was known:")),
    ("README.md", with_cut_legend),
]


@pytest.mark.parametrize(("name", "edit"), EDITS, ids=lambda one: str(one)[:20])
def test_files_of_an_earlier_version_are_accepted_if_their_results_are_equal(
    honest, tmp_path, name, edit
):
    write(honest, tmp_path)
    file = tmp_path / name
    text = file.read_text()
    file.write_text(edit(text))
    assert file.read_text() != text
    assert differing_files(honest, tmp_path) == []


@pytest.mark.parametrize(
    "name", ["README.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.json"]
)
def test_a_file_with_another_result_is_named(honest, tmp_path, name):
    write(honest, tmp_path)
    file = tmp_path / name
    file.write_text(file.read_text().replace("small", "large", 1))
    assert differing_files(honest, tmp_path) == [name]
    file.unlink()
    assert differing_files(honest, tmp_path) == [name]


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"a": 1, "a": 1}'])
def test_a_hostile_table_is_named_without_harm(honest, tmp_path, content):
    write(honest, tmp_path)
    (tmp_path / "leaderboard.json").write_bytes(content)
    assert differing_files(honest, tmp_path) == ["leaderboard.json"]


def test_the_cells_of_a_task_are_planned_together(honest, rerunner, monkeypatch):
    plans = []

    def counted(registry, selection):
        plans.append(selection.models)
        return make_plan(registry, selection)

    monkeypatch.setattr(rerun, "make_plan", counted)
    identities = [one for one in honest.plan if one.model in ("small", "told")]
    assert set(rerunner.obstacles(identities).values()) == {None}
    assert plans == [("small", "told")]


def test_a_cell_that_cannot_be_planned_is_no_obstacle_to_the_others(honest, rerunner, monkeypatch):
    def failing(registry, selection):
        if "told" in selection.models:
            raise RuntimeError("no plan today")
        return make_plan(registry, selection)

    monkeypatch.setattr(rerun, "make_plan", failing)
    identities = {one.model: one for one in honest.plan if one.model in ("small", "told")}
    found = rerunner.obstacles(list(identities.values()))
    assert found[identities["small"].key] is None
    assert "RuntimeError: no plan today" in found[identities["told"].key]
