"""Draws that are dear are kept on disk, and nothing depends on it."""

from __future__ import annotations

import pytest
import torch
import toys

from symbench import draws as drawing
from symbench.contract import Data


class Counted(toys.Norms):
    def __init__(self):
        self.drawn, self.shift = [], 0.0

    def sample(self, n, seed, split):
        self.drawn.append((n, seed, split))
        data = super().sample(n, seed, split)
        return Data(data.x, data.y + self.shift)

    def fingerprint(self):
        return f"shifted by {self.shift}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(drawing, "_DEAR", 0.0)
    return tmp_path / "draws"


def again(task, *what):
    """Draw as a process of its own would."""
    drawing._draw.cache_clear()
    return drawing.draw(task, *what)


def test_a_dear_draw_is_read_again(folder):
    task = Counted()
    first, second = (again(task, 64, 1, "train") for _ in range(2))
    assert task.drawn == [(64, 1, "train")]
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.y, second.y)
    for what in ((32, 1, "train"), (64, 2, "train"), (64, 1, "valid")):
        again(task, *what)
    assert len(task.drawn) == 4 == len(list(folder.iterdir()))


def test_labels_keep_their_type(folder):
    task = toys.Labels()
    first, second = (again(task, 64, 1, "train") for _ in range(2))
    assert first.y.dtype == second.y.dtype == torch.int64
    assert torch.equal(first.y, second.y)
    assert len(list(folder.iterdir())) == 1


def test_a_cheap_draw_is_not_kept(folder, monkeypatch):
    monkeypatch.setattr(drawing, "_DEAR", 1e9)
    task = Counted()
    for _ in range(2):
        again(task, 64, 1, "train")
    assert len(task.drawn) == 2
    assert not folder.exists()


def test_a_large_draw_is_not_kept(folder, monkeypatch):
    monkeypatch.setattr(drawing, "_LARGEST", 100)
    again(Counted(), 64, 1, "train")
    assert not folder.exists()


def test_other_data_are_drawn_anew(folder):
    task = Counted()
    before = again(task, 64, 1, "train").y
    task.shift = 1.0
    assert torch.equal(again(task, 64, 1, "train").y, before + 1)


def test_a_broken_file_is_drawn_anew_and_replaced(folder):
    task = Counted()
    whole = again(task, 64, 1, "train")
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:50])
    for _ in range(2):
        assert torch.equal(again(task, 64, 1, "train").x, whole.x)
    assert len(task.drawn) == 2


def test_a_cache_that_cannot_be_written_is_left_alone(tmp_path, folder, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "file"))
    assert len(again(Counted(), 64, 1, "train")) == 64


def test_targets_that_are_the_inputs_are_kept_too(folder):
    class Copying(toys.Norms):
        output_shape = (6,)

        def sample(self, n, seed, split):
            x = super().sample(n, seed, split).x
            return Data(x, x)

    first, second = (again(Copying(), 64, 1, "train") for _ in range(2))
    assert torch.equal(first.y, second.y)
    assert len(list(folder.iterdir())) == 1
