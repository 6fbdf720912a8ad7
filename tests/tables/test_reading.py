"""Reading tables: what is read, and one clear line for every kind of bad data."""

import hashlib
import logging

import numpy as np
import pandas as pd
import pytest
import torch

from symbench.errors import InputError
from symbench.tables import LEAST_ROWS, read

_ROWS = 40


@pytest.fixture
def frame():
    """Return three numbers a and b, y = a · b, and a class by the sign of y."""
    draw = np.random.default_rng(0)
    made = pd.DataFrame(draw.normal(size=(_ROWS, 2)), columns=["a", "b"])
    made["y"] = made["a"] * made["b"]
    made["kind"] = np.where(made["y"] > 0, "warm", "cold")
    return made


def _csv(frame, path, **options):
    frame.to_csv(path, index=False, **options)
    return path


def _refused(*arguments, **options):
    with pytest.raises(InputError) as raised:
        read(*arguments, **options)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_a_csv_file_is_read_exactly(frame, tmp_path):
    path = _csv(frame, tmp_path / "t.csv")
    table = read(path, inputs="a,b", outputs="y")
    assert table.inputs == ("a", "b")
    assert table.outputs == ("y",)
    # pandas 2 reads the last digit of some numbers wrongly
    np.testing.assert_allclose(table.x, frame[["a", "b"]], rtol=1e-15)
    np.testing.assert_allclose(table.y, frame[["y"]], rtol=1e-15)
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert table.source == "t.csv"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_that_of_the_first_line(frame, tmp_path, separator):
    path = _csv(frame, tmp_path / "t.txt", sep=separator)
    assert read(path, inputs=["a", "b"], outputs="y").x.shape == (_ROWS, 2)


def test_names_may_begin_with_a_byte_order_mark_or_spaces(frame, tmp_path):
    path = _csv(frame.rename(columns={"b": " b"}), tmp_path / "t.csv", encoding="utf-8-sig")
    assert read(path, inputs=["a", "b"], outputs="y").inputs == ("a", "b")


def test_globs_choose_columns_in_their_order(frame, tmp_path):
    wide = frame.rename(columns={"a": "x2", "b": "x1"})
    assert read(wide, inputs="x*", outputs="y").inputs == ("x2", "x1")


def test_all_columns_but_the_outputs_are_inputs(frame):
    assert read(frame[["a", "b", "y"]], outputs="y").inputs == ("a", "b")


def test_classes_are_numbered_in_their_order(frame):
    table = read(frame, inputs="a,b", outputs="kind", classes=True)
    assert table.classes == ("cold", "warm")
    assert table.y.dtype == torch.int64
    assert np.array_equal(table.y.numpy() == 1, frame["kind"] == "warm")


def test_a_class_may_be_named_na(frame, tmp_path):
    frame["kind"] = np.where(frame["y"] > 0, "NAM", "ZA")
    table = read(_csv(frame, tmp_path / "t.csv"), inputs="a,b", outputs="kind", classes=True)
    assert table.classes == ("NAM", "ZA")


def test_npz_and_arrays_and_parquet_and_frames_give_the_same_numbers(frame, tmp_path):
    x, y = frame[["a", "b"]].to_numpy(copy=True), frame["y"].to_numpy(copy=True)
    np.savez(tmp_path / "t.npz", x=x, y=y, times=np.arange(3.0))
    frame.to_parquet(tmp_path / "t.parquet")
    tables = [
        read(tmp_path / "t.npz"),
        read(tmp_path / "t.parquet", inputs="a,b", outputs="y"),
        read(x, y),
        read(torch.from_numpy(x), torch.from_numpy(y)),
        read(x.tolist(), y.tolist()),
        read(frame, inputs="a,b", outputs="y"),
        read(frame[["a", "b"]], frame["y"]),
    ]
    for table in tables:
        assert torch.equal(table.x, tables[0].x)
        assert torch.equal(table.y, tables[0].y)
        assert table.rows == tables[0].rows
    assert tables[0].inputs == ("x.0", "x.1")
    assert tables[0].outputs == ("y",)


def test_arrays_with_more_axes_are_flattened():
    stack = np.random.default_rng(0).normal(size=(_ROWS, 2, 3))
    assert read(stack, stack.sum((1, 2))).x.shape == (_ROWS, 6)


def test_other_numbers_give_another_checksum(frame):
    x, y = frame[["a", "b"]].to_numpy(), frame["y"].to_numpy()
    assert read(x, y).sha256 == read(x.copy(), y).sha256
    assert read(x, y).sha256 != read(x, y + 1).sha256
    changed = frame.assign(y=frame["y"] + 1)
    options = {"inputs": "a,b", "outputs": "y"}
    assert read(frame, **options).sha256 != read(changed, **options).sha256


def test_a_missing_value_is_named_by_column_and_row(frame, tmp_path):
    frame.loc[[6, 9], "b"] = None
    message = _refused(_csv(frame, tmp_path / "t.csv"), inputs="a,b", outputs="y")
    assert "t.csv: column 'b' has no value in row 7 (and in 1 more rows)" in message


@pytest.mark.parametrize("written", ["NA", "n/a", "nan", " null ", "?"])
def test_a_missing_value_may_be_written_in_words(frame, tmp_path, written):
    frame["b"] = frame["b"].astype(object)
    frame.loc[3, "b"] = written
    message = _refused(_csv(frame, tmp_path / "t.csv"), inputs="a,b", outputs="y")
    assert "column 'b' has no value in row 4:" in message


def test_text_among_numbers_is_named_by_column_and_row(frame, tmp_path):
    frame["b"] = frame["b"].astype(object)
    frame.loc[4, "b"] = "1,5 kg"
    message = _refused(_csv(frame, tmp_path / "t.csv"), inputs="a,b", outputs="y")
    assert "t.csv: column 'b' holds text: '1,5 kg' in row 5" in message


def test_decimal_commas_are_recognised(frame, tmp_path):
    path = _csv(frame, tmp_path / "t.csv", sep=";", decimal=",")
    assert "write decimal points, not commas" in _refused(path, inputs="a,b", outputs="y")


def test_text_as_a_target_suggests_classes(frame):
    message = _refused(frame, inputs="a,b", outputs="kind")
    assert "column 'kind' holds text" in message
    assert "--classes" in message


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_numbers_beyond_single_precision_are_refused(frame, value):
    frame.loc[2, "a"] = value
    assert "column 'a' has" in _refused(frame, inputs="a,b", outputs="y")
    assert "in row 3" in _refused(frame, inputs="a,b", outputs="y")


def test_constant_columns_are_refused(frame):
    frame["c"] = 4.0
    assert "column 'c' is constant (4" in _refused(frame, inputs="a,c", outputs="y")
    assert "column 'c' is constant (4" in _refused(frame, inputs="a,b", outputs="c")


def test_a_column_that_single_precision_makes_constant_is_refused(frame):
    frame["t"] = 1.7e9 + np.arange(_ROWS)
    assert "constant in single precision" in _refused(frame, inputs="a,t", outputs="y")


def test_too_few_rows_are_refused(frame):
    message = _refused(frame.head(LEAST_ROWS - 1), inputs="a,b", outputs="y")
    assert f"19 rows: at least {LEAST_ROWS} are needed" in message


def test_rows_that_repeat_do_not_count(frame):
    few = pd.concat([frame.head(10)] * 3)
    message = _refused(few, inputs="a,b", outputs="y")
    assert "10 rows with different inputs: at least 20" in message


def test_repeated_rows_are_named_in_a_warning(frame, caplog):
    with caplog.at_level(logging.WARNING):
        table = read(pd.concat([frame, frame.head(5)]), inputs="a,b", outputs="y")
    assert table.repeated == 5
    assert "5 of 45 rows have the inputs of another row" in caplog.text


def test_an_unknown_column_suggests_another(frame):
    frame = frame.rename(columns={"y": "strength"})
    message = _refused(frame, inputs="a,b", outputs="strenght")
    assert "output 'strenght' is no column: did you mean strength?" in message
    assert "it has a, b, strength, kind" in _refused(frame, inputs="q", outputs="strength")


def test_a_target_that_is_an_input_is_refused(frame):
    message = _refused(frame, inputs="a,y", outputs="y")
    assert "column 'y' is an input and the output" in message


def test_a_copy_of_the_target_among_the_inputs_is_refused(frame):
    frame["z"] = frame["y"]
    message = _refused(frame, inputs="a,z", outputs="y")
    assert "input 'z' equals output 'y' in every row" in message


def test_outputs_must_be_named(frame):
    assert "say which columns to predict" in _refused(frame)
    assert "no column is left for the inputs" in _refused(frame[["y"]], outputs="y")


def test_a_layout_that_does_not_fit_is_refused(frame):
    message = _refused(frame, inputs="a,b", outputs="y", layout="2 x 3")
    assert "layout '2 x 3' needs 6 inputs, the table has 2" in message


def test_numbers_are_not_classes(frame):
    message = _refused(frame, inputs="a,b", outputs="y", classes=True)
    assert "40 different values in 40 rows, too many for classes" in message


def test_a_class_of_one_row_and_one_class_are_refused(frame):
    frame["kind"] = "warm"
    assert "holds one class ('warm')" in _refused(frame, inputs="a,b", outputs="kind", classes=True)
    frame.loc[0, "kind"] = "cold"
    assert "class 'cold' has one row" in _refused(frame, inputs="a,b", outputs="kind", classes=True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"a,y\n", "0 rows: at least 20"),
        (b"1,2\n3,4\n", "the first line holds numbers"),
        (b"a,a,y\n1,2,3\n", "two columns are named 'a'"),
        (b"a,,y\n1,2,3\n", "column 2 has no name"),
        (b"a,y\n1,2\n1,2,3\n", "line 3 has 3 fields, the first line 2"),
        (b"a,y\n1,2,3\n1,2,3\n", "line 2 has more fields than the first line"),
        (b"a,y\n1,2\nB\xe9,3\n", "line 3 is not UTF-8 text"),
        (b"a,y\n1,2\n\x00,3\n", "null characters"),
    ],
)
def test_a_csv_file_that_is_no_table_is_refused(tmp_path, content, why):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert why in _refused(path, outputs="y")


@pytest.mark.parametrize("ending", [".npz", ".parquet", ".xlsx"])
def test_a_file_that_is_not_what_its_ending_says_is_refused(tmp_path, ending):
    path = tmp_path / f"t{ending}"
    path.write_bytes(b"PK\x03\x04 nothing of the kind")
    assert f"t{ending}: " in _refused(path, outputs="y")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert "No such file" in _refused(tmp_path / "t.csv", outputs="y")
    assert "directory" in _refused(tmp_path, outputs="y")


def test_pickled_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.array([{}] * _ROWS), y=np.arange(_ROWS))
    assert "not an npz file of plain arrays" in _refused(tmp_path / "t.npz")


def test_arrays_need_targets_and_equal_lengths():
    x = np.random.default_rng(0).normal(size=(_ROWS, 2))
    assert "targets are missing" in _refused(x)
    assert "x has 40, y has 39" in _refused(x, x[1:, 0])
    assert "rows of equal length" in _refused([[1.0], [1.0, 2.0]], [1.0, 2.0])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((60, 3)), "y": np.zeros(50)}, "x has 60, y has 50"),
        ({"x": np.zeros((0, 3)), "y": np.zeros(0)}, "0 rows: at least 20 are needed"),
    ],
)
def test_arrays_that_are_no_table_are_refused(tmp_path, arrays, said):
    np.savez(tmp_path / "t.npz", **arrays)
    assert said in _refused(tmp_path / "t.npz")


def test_what_is_no_npz_file_is_not_called_pickled(tmp_path):
    (tmp_path / "t.npz").write_text("hello")
    assert "not an npz file: write it by numpy.savez" in _refused(tmp_path / "t.npz")
