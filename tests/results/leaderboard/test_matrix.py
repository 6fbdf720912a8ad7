"""The matrix of tasks and classes of models."""

from __future__ import annotations

from made_records import cell

from symbench.results.leaderboard import make
from symbench.results.leaderboard.fitness import unfit
from symbench.results.leaderboard.matrix import matrix
from symbench.results.report import matrix as report


def on(model, level, prior="none", recipe=None, task="o5-invariant", **more):
    protocol = {"prior": prior, "recipe": recipe or {}, **more.pop("protocol", {})}
    return cell(model, (level,) * 3, identity={"task": task}, protocol=protocol, **more)


RECORDS = [
    on("mlp", 0.1),
    on("linear", 0.102),
    on("emlp", 0.001, "told", scores={"equivariance_error": 1e-15}),
    on("scalars", 0.002, "told", scores={"equivariance_error": 1e-15}),
    on("mlp-augmented", 0.05, "told", {"augment": True}),
    on("leaky", 0.04, "told", scores={"equivariance_error": 0.01}),
    on("liegan", 0.3, "discovers"),
]


def lines(records):
    return matrix(make(records, "quick"), records)


def test_each_class_has_its_best_model_beside_the_baseline():
    (line,) = lines(RECORDS)
    assert {one: best.model for one, best in line.best.items()} == {
        "told": "emlp", "soft": "leaky", "none": "mlp", "discovers": "liegan",
    }  # fmt: skip
    told = line.best["told"]
    assert (round(told.ratio), told.certain, line.first) == (100, True, "told")
    assert line.best["discovers"].certain
    assert line.best["none"].is_baseline
    assert [report.certainty(line.best[one]) for one in ("told", "none")] == ["certain", "baseline"]


def test_a_difference_that_the_seeds_do_not_show_is_not_certain():
    (line,) = lines([on("mlp", 0.1), on("twin", 0.099, "discovers")])
    assert (line.first, line.best["discovers"].certain) == ("discovers", False)
    assert report.sentence([line]) is None  # nothing is certain, so nothing is said
    assert "~1×" in report.text([line], 80)


def test_the_sentence_counts_tasks_and_certain_differences():
    assert report.sentence(lines(RECORDS)) == (
        "Of 1 tasks the smallest error is reached on 1 by a model told the symmetry (1 certain)."
    )


def test_a_task_that_counts_shows_counts_and_the_largest_is_best():
    protocol = {"headline": "pairs", "chance_error": None}
    counted = {"gin": ("told", 3.0), "wl": ("none", 1.0)}
    some = [
        on(model, 1.0, prior, protocol=protocol, scores={"pairs": count, "pairs.truth": 9.0})
        for model, (prior, count) in counted.items()
    ]
    (line,) = lines(some)
    assert line.first == "told"
    assert "3/9" in report.text([line], 80)


def test_an_exact_model_has_no_ratio_and_no_line_is_wider_than_the_terminal():
    long = "a-task-with-a-name-of-forty-characters-x"
    some = [on(m, e, task=long) for m, e in (("mlp", 0.1), ("a-model-of-25-characters-x", 0.0))]
    (line,) = lines(some)
    assert line.best["none"].ratio is None
    shown = report.text([line, *lines(RECORDS)], 80).splitlines()
    assert max(map(len, shown)) <= 80
    assert shown[0].split() == ["task", "told", "soft", "discovers", "none", "best", "model"]
    assert "…" in shown[1].split()[0]


def test_short_tiers_are_not_fit_to_compare_unless_all_is_known_to_have_converged():
    def verdicts(identity, _):
        return "converged" if identity.model == "mlp" else "unmeasured"

    assert "errors say nothing" in unfit("smoke", RECORDS, verdicts)
    assert "1 of 7 results are known to have converged" in unfit("quick", RECORDS, verdicts)
    assert unfit("quick", RECORDS[:1], verdicts) is None
    assert "0 of 0" in unfit("quick", [], verdicts)
    assert unfit("standard", RECORDS, verdicts) is unfit("full", RECORDS, verdicts) is None
