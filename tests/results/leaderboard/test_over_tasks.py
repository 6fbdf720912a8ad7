"""The summary over tasks: what is compared, what is ranked, and the sentences that say so."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symbench.cli import main
from symbench.errors import InputError
from symbench.records.record import Identity, Record, TrialRecord
from symbench.records.store import Store
from symbench.results.leaderboard import make
from symbench.results.leaderboard.over_tasks import Ranking, Standing, Summary, summarise
from symbench.results.report import SUMMARY_FORMATS
from symbench.results.report.summaries import render, sentences
from symbench.results.statistics import interquartile_mean
from symbench.runs.protocol import PROTOCOL_VERSION

PRIORS = {"mlp": "none", "linear": "none", "emlp": "told", "scalars": "told", "lie": "discovers"}
CENTRES = {"mlp": 0.3, "linear": 0.9, "emlp": 0.02, "scalars": 0.004, "lie": 0.1}
TASKS = ("t1", "t2", "t3", "t4")


def draws(task: str, model: str, seeds: int) -> list[float]:
    place = TASKS.index(task) * 10 + sorted(CENTRES).index(model) if task in TASKS else 99
    noise = np.random.default_rng(place).normal(0, 0.1, seeds)
    return [float(x) for x in CENTRES[model] * np.exp(noise)]


def cell(
    task: str, model: str, errors: list[float] | None = None, seeds: int = 5, **parts: Any
) -> Record:
    """A record of one model on one task; an error of infinity is a diverged trial."""
    protocol = {
        "version": PROTOCOL_VERSION, "updates": 800, "test_size": 1000,
        "prior": PRIORS.get(model, "none"), "threshold": 0.01, "baseline": "mlp",
        "chance_error": 1.0, **parts.pop("protocol", {}),
    }  # fmt: skip
    identity = {
        "task": task, "task_version": "1", "task_fingerprint": "ab", "model": model,
        "task_source_sha256": "ef", "model_version": "1", "model_source_sha256": "cd",
        "config": {}, "tier": "quick", "sizes": [10, 100], "seeds": list(range(seeds)),
        "protocol": protocol,
        **parts.pop("identity", {}),
    }  # fmt: skip
    parts["provenance"] = {"metrics": {}, **parts.get("provenance", {})}
    values = draws(task, model, seeds) if errors is None else errors
    trials = [
        TrialRecord(n_train=n, seed=s, status="ok", scores={"error": e if n == 100 else 1.0})
        if np.isfinite(e)
        else TrialRecord(n_train=n, seed=s, status="diverged")
        for n in (10, 100)
        for s, e in enumerate(values)
    ]
    return Record(identity=Identity(**identity), **{"status": "ok", "trials": trials, **parts})


def store(models: Any = CENTRES, tasks: Any = TASKS) -> list[Record]:
    return [cell(task, model) for task in tasks for model in models]


def overall(records: list[Record]) -> Ranking:
    return summarise(records, "quick").rankings[0]


def standing(board: Ranking, model: str) -> Standing:
    (found,) = [one for one in board.standings if one.model == model]
    return found


def told(board: Ranking) -> str:
    return "; ".join(sentences(board))


def test_there_is_a_board_for_all_and_one_for_each_prior_class() -> None:
    boards = {b.name: [s.model for s in b.standings] for b in summarise(store(), "quick").rankings}
    assert boards == {
        "overall": ["scalars", "emlp", "lie", "mlp", "linear"],
        "none": ["mlp", "linear"],
        "told": ["scalars", "emlp"],
        "discovers": ["lie"],
    }


def test_one_prior_class_alone_needs_no_second_board() -> None:
    assert [b.name for b in summarise(store(["mlp", "linear"]), "quick").rankings] == ["overall"]


def test_the_interquartile_mean_is_that_of_the_errors_at_the_largest_size() -> None:
    expected = interquartile_mean([draws(task, "emlp", 5) for task in TASKS])
    found = standing(overall(store()), "emlp").iqm
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )


def test_models_far_apart_have_places_and_letters_in_their_order() -> None:
    found = overall(store()).standings
    places = [(s.place.low, s.place.high, s.group) for s in found if s.place]
    assert places == [(i + 1, i + 1, "abcde"[i]) for i in range(5)]


def test_errors_are_divided_by_the_error_of_chance_and_never_pass_it() -> None:
    protocol = {"chance_error": 0.9}
    errors = [0.09, 0.18, 0.27, 0.45, 3.0]
    board = overall([cell("t1", m, errors, protocol=protocol) for m in ("mlp", "linear")])
    assert standing(board, "mlp").mean.value == pytest.approx((0.1 + 0.2 + 0.3 + 0.5 + 1) / 5)


def test_the_order_of_records_does_not_matter() -> None:
    records = store()
    assert summarise(records[::-1], "quick") == summarise(records, "quick")


def test_only_models_with_the_same_tasks_are_compared() -> None:
    """Four tasks with three models beat four models on two tasks, and two tasks with five."""
    records = store(["mlp", "linear", "emlp"]) + store(["scalars"], ["t1", "t2"])
    board = overall([*records, cell("t9", "lie")])
    assert board.tasks == list(TASKS)
    assert [s.model for s in board.standings] == ["emlp", "mlp", "linear"]
    assert board.outside == {"scalars": ["t3", "t4"], "lie": list(TASKS)}
    assert board.available == 5
    assert "not compared, with the number of tasks that each lacks: scalars (2), lie (4)" in told(
        board
    )


def test_what_two_models_share_is_compared_where_neither_has_all_of_the_others_tasks() -> None:
    records = store(["mlp"], ["t1", "t2", "t3"]) + store(["emlp"], ["t2", "t3", "t4"])
    board = overall(records)
    assert board.tasks == ["t2", "t3"]
    assert [(s.model, s.covered) for s in board.standings] == [("emlp", 3), ("mlp", 3)]
    assert "fewer than 4 tasks" in told(board)


def test_fewer_than_five_seeds_are_shown_marked_and_not_ranked() -> None:
    records = [*store(["mlp", "linear"]), *(cell(t, "scalars", seeds=4) for t in TASKS)]
    summary = summarise(records, "quick")
    few = standing(summary.rankings[0], "scalars")
    assert (few.seeds, few.place, few.group) == (4, None, None)
    assert few.iqm.low is not None
    line = next(x for x in render(summary, "table").splitlines() if "scalars" in x)
    assert line.startswith("* ")
    assert [s.model for s in summary.rankings[0].standings] == ["mlp", "linear", "scalars"]


def test_without_two_models_of_five_seeds_nothing_is_ranked() -> None:
    board = overall([cell(t, m, seeds=3) for t in TASKS for m in ("mlp", "emlp")])
    assert board.comparisons is None
    assert "fewer than two models share 5 seeds on every task: none is ranked" in told(board)


def test_a_model_with_other_seeds_is_not_paired() -> None:
    odd = [cell(task, "emlp") for task in TASKS]
    for record in odd:
        for trial in record.trials:
            trial.seed += 100
    board = overall(store(["mlp", "linear"]) + odd)
    assert standing(board, "emlp").place is None
    assert standing(board, "mlp").place is not None


def test_models_trained_on_other_terms_are_not_compared() -> None:
    other = [cell(t, "emlp", protocol={"updates": 9}) for t in TASKS]
    board = overall(store(["mlp", "linear"]) + other)
    assert [s.model for s in board.standings] == ["mlp", "linear"]


def test_failed_stale_and_errorless_cells_and_other_tiers_do_not_count() -> None:
    records = store(["mlp", "linear", "emlp"])
    none = {"chance_error": None}
    extra = [
        cell("t1", "scalars", status="failed"),
        cell("t1", "lie", identity={"tier": "full"}),
        *(cell("t5", model, [0.1] * 5, protocol=none) for model in ("mlp", "linear", "emlp")),
    ]
    stale = {(record.identity.task, record.identity.model) for record in records[2::3]}
    summary = summarise(
        records + extra, "quick", stale=lambda r: (r.identity.task, r.identity.model) in stale
    )
    assert [s.model for s in summary.rankings[0].standings] == ["mlp", "linear"]
    assert summary.rankings[0].tasks == list(TASKS)


def test_one_model_has_nothing_to_be_compared_with() -> None:
    board = overall(store(["mlp"]))
    assert board.comparisons is None
    assert "one model: nothing to compare it with" in told(board)


def test_one_task_is_told_to_show_nothing() -> None:
    board = overall(store(["mlp", "scalars"], ["t1"]))
    assert {s.group for s in board.standings} == {"a"}
    text = told(board)
    assert "no difference can show: 5 paired runs allow no p below 0.062" in text
    assert "one task: nothing is averaged over tasks; the table of t1 says more" in text


def test_equal_errors_tie() -> None:
    board = overall([cell(t, m, [0.1] * 5) for t in TASKS for m in ("mlp", "emlp", "lie")])
    assert {(s.place.low, s.place.high, s.group) for s in board.standings if s.place} == {
        (1, 3, "a")
    }
    assert "all errors are equal: every model ties with every other" in told(board)


def test_errors_of_zero_count_as_the_floor_and_are_named() -> None:
    exact = [cell(t, "emlp", [0.0] * 5) for t in TASKS]
    board = overall(store(["mlp"]) + exact)
    assert standing(board, "emlp").iqm.value == pytest.approx(1e-12)
    assert standing(board, "emlp").group == "a"
    assert "count as the floor: emlp on t1, emlp on t2" in told(board)


def test_a_diverged_trial_counts_as_a_guess_and_is_named() -> None:
    lost = [cell(t, "emlp", [0.01] * 4 + [float("inf")]) for t in TASKS]
    board = overall(store(["mlp"]) + lost)
    assert standing(board, "emlp").mean.value == pytest.approx((4 * 0.01 + 1) / 5)
    assert "diverged trials, counted as a guess: emlp 4" in told(board)


def test_a_model_told_nothing_that_is_equivariant_untrained_is_marked() -> None:
    records = store(["mlp", "linear"])
    for record in records:
        if record.identity.model == "linear":
            for trial in record.trials:
                trial.scores["equivariance_error.untrained"] = 1e-15
    board = overall(records)
    assert standing(board, "linear").built_in == list(TASKS)
    assert standing(board, "mlp").built_in == []
    assert (
        "built in: not told the symmetry, and equivariant without learning it: linear on t1"
        in told(board)
    )
    line = next(x for x in render(summarise(records, "quick"), "md").splitlines() if "linear" in x)
    assert "none, built in" in line


def test_the_board_says_what_the_seeds_could_have_shown() -> None:
    board = overall(store())
    assert board.comparisons is not None
    assert board.comparisons.seeds == [5, 5, 5, 5]
    ratio = board.comparisons.detectable_ratio
    assert ratio is not None
    assert f"show, with power 80 %, an error ratio of {ratio:.2f}" in told(board)


def test_the_board_holds_the_numbers_of_every_diagram() -> None:
    board = overall(store())
    assert board.comparisons is not None
    assert len(board.comparisons.pairs) == 10
    assert {pair.improvement.value for pair in board.comparisons.pairs} == {1.0}
    assert board.comparisons.nemenyi is not None
    assert board.comparisons.nemenyi.difference == pytest.approx(6.1 / 2, abs=0.01)
    assert standing(board, "mlp").profile[-1].value == 1


def test_the_document_is_json_of_every_board() -> None:
    document = json.loads(render(summarise(store(), "quick"), "json"))
    assert document["schema"] == 1
    assert [board["name"] for board in document["boards"]] == [
        "overall", "none", "told", "discovers",
    ]  # fmt: skip
    first = document["boards"][0]["standings"][0]
    assert (first["model"], first["place"]["low"], first["group"]) == ("scalars", 1, "a")
    assert len(first["profile"]) == len(document["thresholds"])


def test_the_table_has_a_line_a_model() -> None:
    text = render(summarise(store(), "quick"), "table", 100)
    assert "overall · quick · 4 of 4 tasks · 5 seeds" in text
    line = next(x for x in text.splitlines() if "scalars" in x).split()
    assert line[:3] == ["1", "scalars", "told"]
    assert line[-4:] == ["1.0", "[1.0–1.0]", "a", "4/4"]
    assert max(map(len, text.splitlines())) <= 100


def test_names_cannot_break_out_of_markdown_or_the_terminal() -> None:
    hostile = "<b>|x|\u202e\x1b[31m"
    records = store(["mlp"]) + [cell(t, hostile, [0.1] * 5) for t in TASKS]
    summary = summarise([*records, cell("t7", "[a](http://x)", [0.1] * 5)], "quick")
    text = render(summary, "md")
    assert "<b>" not in text
    assert "\\|x\\|" in text
    assert "](http://" not in text
    assert "\x1b" not in render(summary, "table")
    assert "\u202e" not in render(summary, "table")


def test_the_sentences_of_a_document_are_whole() -> None:
    assert "…" not in render(summarise(store(), "quick"), "md")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InputError, match="table, md, csv, json"):
        render(Summary("quick", []), "tex")


@pytest.mark.parametrize("form", SUMMARY_FORMATS[:2])
def test_nothing_to_summarise_is_said(form: str) -> None:
    assert "nothing to summarise: no smoke cell has errors" in render(
        summarise(store(), "smoke"), form
    )


@pytest.fixture
def written(tmp_path: Path) -> str:
    for record in store():
        Store(tmp_path).write(record)
    return str(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setenv("SYMBENCH_PLUGINS", "")
    monkeypatch.setattr(sys, "argv", ["symbench", "leaderboard", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_the_command_prints_the_summary(written, capsys, monkeypatch) -> None:
    assert run(monkeypatch, "--store", written, "--summary") == 0
    out = capsys.readouterr().out
    assert "mean rank" in out
    assert "n to solve" not in out


def test_the_command_narrows_tasks_and_models_before_it_compares(
    written, capsys, monkeypatch
) -> None:
    assert run(monkeypatch, "--store", written, "--summary", "--json", "-t", "t[12]", "-m", "*l*",
               "-m", "mlp") == 0  # fmt: skip
    (board, *_) = json.loads(capsys.readouterr().out)["boards"]
    assert board["tasks"] == ["t1", "t2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "tex"], "choose one of table, md, csv, json"),
        (["-t", "zz"], "matches -t and -m"),
    ],
)
def test_the_command_refuses_in_one_line(arguments, message, written, capsys, monkeypatch) -> None:
    assert run(monkeypatch, "--store", written, "--summary", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.slow
def test_a_summary_of_300_models_takes_seconds_and_more_are_refused() -> None:
    tasks = [f"t{place}" for place in range(20)]
    records = [
        cell(task, f"m{i}", [0.1 + ((i * 7 + place * 3 + s) % 11) / 20 for s in range(5)])
        for place, task in enumerate(tasks)
        for i in range(300)
    ]
    started = time.process_time()
    board = overall(records)
    assert time.process_time() - started < 40  # 4 s on an idle machine
    assert board.comparisons is not None
    assert len(board.comparisons.pairs) == 300 * 299 / 2
    assert board.comparisons.pairs[0].improvement.low is not None
    with pytest.raises(InputError, match="301 models: rank at most 300 together; choose with -m"):
        summarise([*records, cell("t0", "another", [0.1] * 5)], "quick")


def test_more_than_200_tasks_or_4000_runs_are_refused() -> None:
    many = [cell(f"t{i}", "mlp", [0.1]) for i in range(201)]
    with pytest.raises(InputError, match="201 tasks: rank at most 200 together; choose with -t"):
        summarise(many, "quick")
    long = [cell(f"t{i}", "mlp", [0.1] * 100) for i in range(41)]
    with pytest.raises(InputError, match="4100 runs of a model: rank at most 4000"):
        summarise(long, "quick")


def test_of_more_than_a_hundred_seeds_the_first_hundred_count() -> None:
    errors = [0.1 + 0.001 * seed for seed in range(130)]
    long, short = (cell("t1", "mlp", errors[:count]) for count in (130, 100))
    assert standing(overall([long]), "mlp") == standing(overall([short]), "mlp")


@pytest.mark.parametrize("name", ["chance_error", "test_size", "threshold"])
@pytest.mark.parametrize("number", [10**400, -(10**400), 10**200])
def test_a_huge_number_in_a_protocol_is_no_number(name: str, number: int) -> None:
    records = [cell("t1", model, protocol={name: number}) for model in ("mlp", "emlp")]
    assert make(records, "quick").rows
    summarise(records, "quick")
