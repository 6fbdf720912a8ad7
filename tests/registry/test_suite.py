"""Suites as files: those of the package can be planned, and a plugin can bring its own."""

from __future__ import annotations

import pytest

from symbench import registry
from symbench.contract.board import Board
from symbench.errors import InputError, PluginError
from symbench.registry import suite as suites
from symbench.registry.registration import Registration

GOOD = 'name = "mine"\nsummary = "My question"\ntasks = ["o5-*"]\nmodels = ["mlp"]\n'


@pytest.fixture(scope="module")
def known():
    return registry.load()


@pytest.mark.parametrize("name", ["vectors", "discovery", "dynamics"])
def test_the_suites_of_the_package_name_tasks_and_models_that_exist(known, name):
    content = suites.checked(name, known.suites[name].load())
    assert known.suites[name].summary == content["summary"]
    for kind in ("task", "model"):
        for one in content[f"{kind}s"]:
            assert known.select(kind, [one]) == [one]
    for tier in ("smoke", content["tier"]):
        for task in content["tasks"]:
            assert known.task(task).sizes_in(tier), f"{task} is not in tier {tier}"


BOARD = GOOD.replace("o5-*", "o5-invariant") + 'ranks = "error"\n'
CLAIM = '[[findings]]\nclaim = "by {ratio}"\nlarger = "mlp"\nsmaller = "emlp"\n'


def test_the_boards_of_the_package_name_tasks_and_models_that_exist_in_their_order(known):
    boards = list(known.boards.values())
    assert [board.name for board in boards] == [
        "known-group", "wrong-group", "bodies", "graphs-solved", "graphs-apart", "images",
        "discovery", "stochastic",
    ]  # fmt: skip
    for board in boards:
        assert board.question.endswith("?")
        assert len(board.question) <= 62  # a line of `symbench list boards` in 80 columns
        for task in board.tasks:
            assert known.select("task", [task]) == [task]
            assert known.task(task).sizes_in("standard"), f"{task} is not in tier standard"
        assert any(known.task(task).sizes_in("quick") for task in board.tasks)
        for finding in board.findings:
            for model in (finding.larger, finding.smaller):
                assert known.select("model", [model]) == [model]


def test_a_suite_that_ranks_is_a_board_with_its_findings():
    suite = suites.tomllib.loads(BOARD + CLAIM)
    board = Board.of("mine", suite)
    assert (board.question, board.tasks, board.ranks) == ("My question", ("o5-invariant",), "error")
    (finding,) = board.findings
    assert (finding.larger, finding.score, finding.tasks) == ("mlp", "error", ("o5-invariant",))
    assert Board.of("mine", suites.tomllib.loads(GOOD)) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + 'ranks = "error"', "names, without globs"),
        (BOARD.replace('"error"', '"speed"'), "ranks must be one of error, headline, discovery"),
        (BOARD.replace('["o5-invariant"]', "[]"), "tasks must be a list of names"),
        (BOARD.replace('["o5-invariant"]', '["a", "a"]'), "named twice"),
        (GOOD + "order = 1", "order needs ranks"),
        (BOARD + 'order = "first"', "order must be a whole number"),
        (BOARD + "findings = [1]", "findings must be tables"),
        (BOARD + CLAIM + "bar = 1", "no key 'bar'"),
        (BOARD + CLAIM.replace("{ratio}", "much"), "has no {ratio}"),
        (BOARD + CLAIM.replace('larger = "mlp"', ""), "needs claim, larger, smaller"),
        (BOARD + CLAIM.replace('"mlp"', "1"), "larger of a finding must be a str"),
        (BOARD + CLAIM + 'tasks = ["other"]', "'other' of a finding is no task of the board"),
    ],
)
def test_an_unsound_board_is_refused_with_its_reason(content, message):
    with pytest.raises(InputError, match=message):
        suites.checked("mine", suites.tomllib.loads(content))


def test_a_mapping_that_is_no_suite_is_an_error_of_its_plugin():
    with pytest.raises(PluginError, match="has no key 'taks'"):
        Registration("plugin").suite("mine", {"taks": []})


def test_a_plugin_registers_the_suite_of_a_file(tmp_path):
    (tmp_path / "mine.toml").write_text(GOOD)
    registration = Registration("plugin")
    registration.suite_file(tmp_path / "mine.toml")
    (card,) = registration.cards
    assert (card.kind, card.name, card.summary) == ("suite", "mine", "My question")
    assert card.load()["tasks"] == ["o5-*"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("tasks = [", "is not TOML"),
        ("tasks = []", "name and summary must be strings"),
        (GOOD + "colour = 1", "has no key 'colour'"),
        (GOOD + "sizes = ['a']", "sizes must be a list of int"),
        (GOOD.replace("mine", "../mine"), "does not match"),
    ],
)
def test_a_bad_file_is_an_error_of_its_plugin(tmp_path, content, message):
    if content is not None:
        (tmp_path / "mine.toml").write_text(content)
    with pytest.raises(PluginError, match=message):
        Registration("plugin").suite_file(tmp_path / "mine.toml")


def test_a_suite_of_an_unknown_key_is_refused():
    with pytest.raises(InputError, match="has no key 'taks'"):
        suites.checked("s", {"taks": []})
