import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from known_tasks import Angle, Function, Labels, constant, score, trained

from symbench.metrics import Error, PaperError


def test_predicting_the_mean_has_error_one():
    task = Angle()
    mean = float(task.sample(task.test_size, 0, "test").y.double().mean())
    assert score(Error, task, constant(mean))["error"] == pytest.approx(1, abs=1e-6)


def test_the_exact_target_has_no_error():
    task = Angle()
    assert score(Error, task, Function(task.target))["error"] == 0


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3))
def test_an_offset_costs_its_square_in_units_of_the_variance(offset):
    task = Angle()
    y = task.sample(task.test_size, 0, "test").y.double()
    error = score(Error, task, Function(lambda x: task.target(x) + offset))["error"]
    assert error == pytest.approx(offset**2 / float(y.var(correction=0)), rel=1e-4, abs=1e-10)


def test_classification_counts_wrong_labels():
    task = Labels()
    y = task.sample(task.test_size, 0, "test").y
    shifted = trained(task, constant(0.0, 0.0, 1.0))
    assert Error().score(shifted, task, torch.Generator()) == pytest.approx(
        1 - float((y == 2).double().mean())
    )


def test_a_constant_target_has_no_error_of_its_own():
    class Constant(Angle):
        name = "constant"

        def target(self, x):
            return torch.ones(len(x), 1, dtype=x.dtype)

    assert score(Error, Constant(), constant(2.0)) == {}


def test_the_paper_error_is_absent_unless_the_task_has_one():
    class Published(Angle):
        name = "published"

        def paper_error(self, prediction, y):
            return float((prediction - y).abs().mean())

    assert score(PaperError, Angle(), constant(0.0)) == {}
    y = Published().sample(600, 0, "test").y.double()
    found = score(PaperError, Published(), constant(0.0))["paper_error"]
    assert found == pytest.approx(float(y.abs().mean()))
