"""The task of a table: its splits, its fingerprint, its sizes and its symmetry."""

from itertools import chain, combinations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import symbench
from symbench.draws import Draws
from symbench.errors import InputError
from symbench.groups import GL, O
from symbench.metrics.infinitesimal import is_control
from symbench.tables import TableTask, task
from symbench.tables.splits import groups_of, split_rows


def _arrays(n=60, d=6, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, d))
    return x, (x[:, :3] * x[:, 3:6]).sum(1)


def test_the_public_name_is_that_class():
    assert symbench.TableTask is TableTask


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80))
def test_splits_hold_each_row_once_and_equal_rows_together(values):
    x = np.array(values, float)[:, None]
    rows = split_rows(groups_of(x))
    assert sorted(chain(*rows.values())) == list(range(len(x)))
    for one, other in combinations(rows, 2):
        assert not set(x[rows[one], 0]) & set(x[rows[other], 0])
    assert len(rows["test"]) <= round(0.2 * len(x))
    assert len(rows["valid"]) <= round(0.1 * len(x))


def test_splits_do_not_depend_on_the_order_of_the_rows():
    x, y = _arrays()
    one, other = TableTask(x, y), TableTask(x[::-1].copy(), y[::-1].copy())
    for split, n in one.rows.items():
        if split != "train":
            assert torch.equal(one.sample(n, 0, split).x, other.sample(n, 0, split).x)


def test_rows_that_agree_in_single_precision_are_in_one_split():
    x, _ = _arrays(30)
    near = np.concatenate([x, x * (1 + 1e-12)])
    rows = split_rows(groups_of(near))
    for part in rows.values():
        assert {row % 30 for row in part if row < 30} == {row % 30 for row in part if row >= 30}


def test_seeds_choose_training_rows_and_the_test_split_stays():
    made = TableTask(*_arrays())
    draws = Draws.of(made)
    n = made.rows["train"]
    assert not torch.equal(draws.train(10, 0).x, draws.train(10, 1).x)
    assert torch.equal(draws.train(n, 0).x[:10], draws.train(10, 0).x)
    every = [{row.numpy().tobytes() for row in draws.train(n, seed).x} for seed in (0, 1)]
    assert every[0] == every[1]
    assert torch.equal(made.sample(12, 0, "test").x, made.sample(12, 1, "test").x)
    assert len(draws.test().x) == made.test_size == made.rows["test"] == 12


def test_more_rows_than_there_are_is_an_error():
    made = TableTask(*_arrays())
    with pytest.raises(InputError, match="43 rows of split train were asked for, the table has 42"):
        made.sample(43, 0, "train")


def test_the_fingerprint_changes_with_data_columns_and_symmetry():
    x, y = _arrays()
    tasks = [
        TableTask(x, y), TableTask(x, y + 1), TableTask(x, y, layout="2 x 3"),
        TableTask(x, y, layout="2 x 3", symmetry="O(3)"), TableTask(x, y, name="other"),
        TableTask(x, y, layout="2 x 3", symmetry="SO(3)"), TableTask(x, y, version="2"),
        TableTask(x, y, target=lambda x: x[:, :1]), TableTask(x, y > 0, classes=True),
    ]  # fmt: skip
    assert len({made.fingerprint() for made in tasks}) == len(tasks)
    assert TableTask(x, y).fingerprint() == tasks[0].fingerprint()


def test_a_changed_byte_that_changes_no_number_changes_the_fingerprint(tmp_path):
    x, y = _arrays()
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}).to_csv(path, index=False)
    before = TableTask(path, outputs="y")
    path.write_text(path.read_text().rstrip())
    after = TableTask(path, outputs="y")
    assert torch.equal(before.table.x, after.table.x)
    assert before.fingerprint() != after.fingerprint()
    assert before.files != after.files


@pytest.mark.parametrize(
    ("rows", "smoke", "quick", "full"),
    [
        (14, (14,), (14,), (14,)),
        (84, (30, 84), (30, 84), (30, 84)),
        (700, (30, 100), (30, 100, 300, 700), (30, 100, 300, 700)),
        (10**6, (30, 100), (30, 100, 300, 1000), (30, 100, 300, 1000, 3000, 10000, 30000)),
    ],
)
def test_the_ladder_ends_with_all_rows(rows, smoke, quick, full):
    assert task.ladder(rows) == {"smoke": smoke, "quick": quick, "full": full}


def test_large_tables_keep_small_test_splits():
    rows = split_rows([[row] for row in range(30_000)])
    assert [len(rows[split]) for split in ("train", "valid", "test")] == [25_000, 1000, 4000]


def test_a_group_acts_on_the_vectors_of_the_layout():
    made = TableTask(*_arrays(), layout="2 x 3", symmetry="O(3)")
    assert made.symmetry.group == O(3)
    assert str(made.symmetry.input) == "2 V"
    assert made.layout().group == GL(3)


def test_without_a_layout_all_inputs_are_one_vector():
    made = TableTask(*_arrays())
    assert made.symmetry is None
    assert made.layout().group == GL(6)
    with pytest.raises(InputError, match=r"O\(3\) acts on spaces of dimension 3"):
        TableTask(*_arrays(), symmetry="O(3)")


def test_a_symmetry_that_nobody_states_is_unknown_and_not_absent():
    class Known(TableTask):
        def target(self, x):
            return x[:, :1]

    x, y = _arrays()
    assert not TableTask(x, y).symmetry_known
    assert not is_control(TableTask(x, y))
    assert TableTask(x, y, layout="2 x 3", symmetry="O(3)").symmetry_known
    assert is_control(TableTask(x, y, target=lambda x: x[:, :1]))
    assert is_control(Known(x, y))


def test_a_space_of_many_dimensions_has_no_list_of_matrices():
    assert TableTask(*_arrays(d=40)).layout() is None


def test_a_class_may_state_the_facts_and_the_exact_target():
    class Dot(TableTask):
        name, version, summary, threshold = "dot", "3", "a · b", 0.5

        def __init__(self):
            super().__init__(*_arrays(), layout="2 x 3", symmetry="O(3)")

        def target(self, x):
            return (x[:, :3] * x[:, 3:]).sum(1, keepdim=True)

    made = Dot()
    assert (made.name, made.version, made.summary, made.threshold) == ("dot", "3", "a · b", 0.5)
    data = made.sample(12, 0, "test")
    assert torch.allclose(made.target(data.x), data.y, atol=1e-6)
