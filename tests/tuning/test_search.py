"""A search uses only the valid split, is the same for one seed, and resumes where it stopped."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest
import torch
from search_toys import search_registry

import symbench.tuning
from symbench.draws import fingerprint
from symbench.errors import InputError
from symbench.records.store import Store
from symbench.registry import Registry
from symbench.tuning.search import Search, search
from symbench.tuning.study import Study, path_of, read

pytest.importorskip("optuna")


@pytest.fixture
def registry() -> Registry:
    return search_registry()


def found(registry, how, task="norms", model="small") -> Study:
    study = search(registry, task, model, how)
    assert isinstance(study, Study)
    return study


def tried(study: Study) -> list[tuple[object, object]]:
    return [(attempt.config, attempt.loss) for attempt in study.attempts]


def how(store: Path, **changes) -> Search:
    return Search(**{"store": store, "tier": "smoke", "attempts": 4, "seeds": 1, **changes})


def test_the_test_split_and_the_seeds_of_runs_are_never_drawn(registry, tmp_path):
    task = registry.task("blind")
    fingerprint(task)
    task.shut = True
    task.drawn.clear()
    study = found(registry, how(tmp_path, seeds=2), "blind")
    assert [attempt.status for attempt in study.attempts] == ["ok"] * 4
    assert {split for split, _ in task.drawn} == {"train", "valid"}
    assert {seed for _, seed in task.drawn} == {1000, 1001}


def test_the_search_imports_nothing_that_sees_the_test_split():
    for file in Path(symbench.tuning.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in (
                    "symbench.runs.score",
                    "symbench.runs.cell",
                    "symbench.metrics",
                )
            assert not (isinstance(node, ast.Attribute) and node.attr == "test"), file


def test_the_loss_is_the_mean_square_on_the_valid_split(registry, tmp_path):
    from symbench.tuning import validation_loss as judging

    kept = []
    original = judging.train
    judging.train = lambda *args: kept.extend(original(*args)) or kept
    try:
        study = found(registry, how(tmp_path, attempts=1))
    finally:
        judging.train = original
    data = registry.task("norms").sample(64, 1000, "valid")
    with torch.no_grad():
        error = (kept[0].module(data.x) - data.y).square().sum(1).mean()
    assert study.attempts[0].loss == pytest.approx(float(error), rel=1e-5)


def test_the_first_attempt_is_the_models_own_configuration(registry, tmp_path):
    study = found(registry, how(tmp_path, attempts=1))
    assert study.attempts[0].config == {"learning_rate": 0.01, "width": 16}


def test_the_same_seed_gives_the_same_search_and_another_seed_another(registry, tmp_path):
    one, two = (found(registry, how(tmp_path / name)) for name in "ab")
    other = found(registry, how(tmp_path / "c", sampler_seed=1))
    assert tried(one) == tried(two)
    assert tried(one)[1:] != tried(other)[1:]


def test_a_search_in_parts_equals_one_in_one_piece(registry, tmp_path):
    whole = found(registry, how(tmp_path / "whole", attempts=13))  # TPE models from attempt 11 on
    for attempts in (2, 11, 13):
        parts = found(registry, how(tmp_path / "parts", attempts=attempts))
    assert tried(parts) == tried(whole)


def test_what_was_tried_is_not_trained_again(registry, tmp_path, monkeypatch):
    found(registry, how(tmp_path))
    monkeypatch.setattr("symbench.tuning.search._attempt", lambda *_: pytest.fail("trained"))
    assert len(found(registry, how(tmp_path)).attempts) == 4


def test_an_interrupted_search_keeps_its_attempts(registry, tmp_path):
    def interrupt(study):
        if len(study.attempts) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(registry, "norms", "small", how(tmp_path), interrupt)
    stored = read(path_of(tmp_path, "norms", "small", "smoke"))
    assert stored is not None
    assert (len(stored.attempts), stored.finished) == (2, False)
    assert tried(found(registry, how(tmp_path)))[:2] == tried(stored)


def test_a_configuration_that_fails_costs_an_attempt_and_says_why(registry, tmp_path):
    study = found(registry, how(tmp_path, attempts=14), model="moody")
    by_mood = {attempt.config["mood"]: attempt for attempt in study.attempts}
    assert {mood: attempt.status for mood, attempt in by_mood.items()} == {
        "calm": "ok", "broken": "failed", "picky": "declined", "nan": "diverged",
    }  # fmt: skip
    assert by_mood["broken"].reason == "ZeroDivisionError: mind the <gap>"
    assert study.best is not None
    assert study.best.config["mood"] == "calm"
    assert len(study.attempts) == 14


def test_where_nothing_works_nothing_is_best(registry, tmp_path):
    assert found(registry, how(tmp_path), model="hopeless").best is None


def test_a_model_that_trains_itself_is_searched_too(registry, tmp_path):
    assert found(registry, how(tmp_path, attempts=2), model="own").best is not None


@pytest.mark.parametrize(
    ("task", "model", "reason"),
    [
        ("flat", "small", "nothing to learn"),
        ("norms", "plain", "nothing to search"),
        ("norms", "declining", ""),
        ("norms", "rude", "ZeroDivisionError: no <answer>"),
    ],
)
def test_what_cannot_be_searched_says_why(registry, tmp_path, task, model, reason):
    found = search(registry, task, model, how(tmp_path))
    assert isinstance(found, str)
    assert reason in found
    assert reason in str(search(registry, task, model, how(tmp_path)))


def test_a_search_with_other_settings_is_not_mixed_in(registry, tmp_path):
    found(registry, how(tmp_path))
    with pytest.raises(InputError, match=r"another sampler_seed.*--fresh"):
        search(registry, "norms", "small", how(tmp_path, sampler_seed=1))
    assert found(registry, how(tmp_path, sampler_seed=1, fresh=True)).spec.sampler_seed == 1


def test_a_search_that_this_optuna_would_not_make_is_not_resumed(registry, tmp_path):
    study = found(registry, how(tmp_path))
    study.attempts[2].config["width"] = 17.5
    study.write(tmp_path)
    with pytest.raises(InputError, match="cannot be resumed"):
        search(registry, "norms", "small", how(tmp_path, attempts=5))


def test_two_processes_do_not_search_the_same(registry, tmp_path):
    key = found(registry, how(tmp_path)).spec.key
    other = Store(tmp_path)
    assert other.claim(key)
    with pytest.raises(InputError, match="another process tunes small on norms"):
        search(registry, "norms", "small", how(tmp_path))
    other.release(key)


@pytest.mark.parametrize("content", ["", "{}", "[" * 10**5, '{"schema": 2}', "\0"])
def test_a_damaged_file_is_refused_in_one_sentence(registry, tmp_path, content):
    found(registry, how(tmp_path))
    path_of(tmp_path, "norms", "small", "smoke").write_text(content)
    with pytest.raises(InputError, match=r"cannot be used.*--fresh"):
        search(registry, "norms", "small", how(tmp_path))


def test_the_file_holds_no_number_that_json_does_not_know(registry, tmp_path):
    found(registry, how(tmp_path, attempts=14), model="moody")
    text = path_of(tmp_path, "norms", "moody", "smoke").read_text()
    document = json.loads(text, parse_constant=pytest.fail)
    assert document["budget"] == 14
    assert document["plan"]["seeds"] == [1000]
    assert len(document["trials"]) == 14
    assert not {"spec", "attempts"} & set(document)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "1e999"])
def test_a_file_with_a_number_that_is_not_finite_is_refused(registry, tmp_path, constant):
    study = found(registry, how(tmp_path))
    path = path_of(tmp_path, "norms", "small", "smoke")
    assert read(path) == study
    path.write_text(path.read_text().replace('"width": 16', f'"width": {constant}', 1))
    with pytest.raises(InputError, match=f"{constant} is not a finite number.*--fresh"):
        read(path)


def test_the_global_generator_stays_as_it_was(registry, tmp_path):
    before = torch.get_rng_state()
    found(registry, how(tmp_path))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "changes", [{"attempts": 0}, {"seeds": 0}, {"tier": "huge"}, {"sampler_seed": -1}]
)
def test_settings_out_of_range_are_refused(tmp_path, changes):
    with pytest.raises(InputError):
        how(tmp_path, **changes)


def test_without_optuna_the_message_says_how_to_install_it(registry, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"pip install 'symbench\[tune\]'"):
        search(registry, "norms", "small", how(tmp_path))
