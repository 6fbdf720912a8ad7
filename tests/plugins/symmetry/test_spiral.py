"""Spirals under a told mirror: what an invariant classifier can reach, and where the data lie."""

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from symbench_symmetry.spiral import SpiralCorrect, SpiralExtrinsic, SpiralIncorrect

ALL = (SpiralCorrect, SpiralIncorrect, SpiralExtrinsic)


def nearest_error(task, columns):
    """The error of the nearest neighbour among 40,000 points in the given coordinates."""
    train, test = task.sample(40000, 0, "train"), task.sample(4000, 0, "test")
    fitted = KNeighborsClassifier(1).fit(train.x[:, columns].numpy(), train.y.numpy())
    return float((fitted.predict(test.x[:, columns].numpy()) != test.y.numpy()).mean())


@pytest.mark.parametrize("task", [cls() for cls in ALL], ids=lambda task: task.name)
def test_the_floor_is_the_error_without_the_third_coordinate(task):
    # in an incorrect piece the nearest neighbour has either class, with probability one half
    assert nearest_error(task, [0, 1]) == pytest.approx(task.incorrect / 2, abs=0.02)
    assert nearest_error(task, [0, 1, 2]) < 0.02
    assert (task.floor or 0) == task.incorrect / 2
    if task.floor:
        assert task.threshold < task.floor


def test_the_mirror_keeps_correct_labels_and_contradicts_incorrect_ones():
    for task, expected in ((SpiralCorrect(), 1.0), (SpiralIncorrect(), 0.5)):
        train, test = task.sample(40000, 0, "train"), task.sample(4000, 0, "test")
        fitted = KNeighborsClassifier(1).fit(train.x.numpy(), train.y.numpy())
        mirrored = task.told.input.act(task.told.group.discrete[0], test.x)
        agreed = torch.tensor(fitted.predict(mirrored.numpy())) == test.y
        assert float(agreed.double().mean()) == pytest.approx(expected, abs=0.02)


def test_the_mirror_moves_extrinsic_points_off_the_data():
    task = SpiralExtrinsic()
    train, test = task.sample(40000, 0, "train").x, task.sample(500, 0, "test").x
    outer = test[test[:, :2].norm(dim=1) > 0.3]
    mirrored = task.told.input.act(task.told.group.discrete[0], outer)
    assert float(torch.cdist(outer, train).min(1).values.max()) < 0.02
    assert float(torch.cdist(mirrored, train).min(1).values.min()) > 0.05


@pytest.mark.parametrize("task", [cls() for cls in ALL], ids=lambda task: task.name)
def test_classes_and_levels_are_balanced(task):
    data = task.sample(20000, 1, "train")
    assert float(data.y.double().mean()) == pytest.approx(0.5, abs=0.02)
    assert float(data.x[:, 2].mean()) == pytest.approx(0, abs=0.03)
    assert set(data.x[:, 2].unique().tolist()) == {-1.0, 1.0}


def test_only_the_correct_task_declares_the_mirror():
    assert SpiralCorrect().symmetry.group == SpiralCorrect().told.group
    assert SpiralIncorrect().symmetry is None
    assert SpiralExtrinsic().symmetry is None
    assert str(SpiralIncorrect().told.group) == "Trivial(2) × O(1)"
