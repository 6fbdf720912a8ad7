"""Task data are drawn once: slow draws and fingerprints are cached under all they depend on."""

from __future__ import annotations

import importlib
import itertools
import math
import sys

import numpy as np
import pytest
import torch
import toys
from safetensors.torch import save

from symbench import Data, disk_cache, draws
from symbench.draws import Draws, fingerprint
from symbench.errors import InputError
from symbench.registry import edited

TASK = """
import torch
from symbench import Data, Task
{imports}

class Constant(Task):
    name, version, summary = "constant", "1", "one number"
    sizes = {{"smoke": (16,)}}
    input_shape, output_shape = (1,), (1,)
    symmetry = None

    def sample(self, n, seed, split):
        DRAWN.append((n, seed, split))
        return Data(torch.full((n, 1), {value}), {targets})

DRAWN = []
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(draws, "_SLOW", 0.0)
    # as if the process had started after the sources of the test were written
    monkeypatch.setattr("symbench.registry.edited._STARTED", math.inf)
    forget()
    yield tmp_path / "cache" / "draws"
    forget()


def forget():
    for cached in (draws._drawn, draws._fingerprint, draws._source, draws._surroundings):
        cached.cache_clear()


def task_of(folder, monkeypatch, value=1.0, imports="", targets="torch.zeros(n, 1)", **state):
    """Import the task from a file of its own, as a new process would."""
    folder.mkdir(exist_ok=True)
    (folder / "constant_task.py").write_text(
        TASK.format(value=value, imports=imports, targets=targets)
    )
    sys.modules.pop("constant_task", None)
    importlib.invalidate_caches()
    monkeypatch.syspath_prepend(folder)
    forget()
    module = importlib.import_module("constant_task")
    monkeypatch.delitem(sys.modules, "constant_task")
    monkeypatch.setitem(sys.modules, "constant_task", module)
    task = module.Constant()
    for name, held in state.items():
        setattr(task, name, held)
    return task, module.DRAWN


def drawn_by(folder, monkeypatch, n=64, seed=1, **how):
    """Draw as a process of its own would; return the data and what was sampled for it."""
    task, drawn = task_of(folder, monkeypatch, **how)
    return Draws(task, "f" * 16).train(n, seed), drawn


# Draws


def test_a_slow_draw_is_read_again(cache, tmp_path, monkeypatch):
    first, drawn = drawn_by(tmp_path / "a", monkeypatch)
    assert drawn == [(64, 1, "train")]
    second, drawn = drawn_by(tmp_path / "a", monkeypatch)
    assert not drawn
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.y, second.y)
    for other in ({"n": 32}, {"seed": 2}):
        assert len(drawn_by(tmp_path / "a", monkeypatch, **other)[1]) == 1
    assert len(list(cache.iterdir())) == 3


def test_the_splits_are_drawn_apart(cache, tmp_path, monkeypatch):
    task, drawn = task_of(tmp_path / "a", monkeypatch)
    own = Draws(task, "f" * 16)
    for _ in range(2):
        own.train(8, 1), own.valid(1), own.test()
    assert drawn == [(8, 1, "train"), (task.valid_size, 1, "valid"), (task.test_size, 0, "test")]


def test_labels_keep_their_type(cache, tmp_path, monkeypatch):
    for _ in range(2):
        data, drawn = drawn_by(
            tmp_path / "a",
            monkeypatch,
            loss="cross-entropy",
            targets="torch.zeros(n, dtype=torch.int64)",
        )
        assert data.y.dtype == torch.int64
    assert not drawn


def test_a_fast_draw_is_not_cached(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(draws, "_SLOW", 1e9)
    for _ in range(2):
        assert len(drawn_by(tmp_path / "a", monkeypatch)[1]) == 1
    assert not cache.exists()


def test_a_large_draw_is_not_cached(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(draws, "_LARGEST", 100)
    drawn_by(tmp_path / "a", monkeypatch)
    assert not cache.exists()


def test_another_fingerprint_is_drawn_anew(cache, tmp_path, monkeypatch):
    task, drawn = task_of(tmp_path / "a", monkeypatch)
    Draws(task, "f" * 16).train(64, 1)
    Draws(task, "0" * 16).train(64, 1)
    assert len(drawn) == 2


def test_a_broken_file_is_drawn_anew_and_replaced(cache, tmp_path, monkeypatch):
    whole = drawn_by(tmp_path / "a", monkeypatch)[0]
    (path,) = cache.iterdir()
    path.write_bytes(path.read_bytes()[:50])
    for times in (1, 0):
        data, drawn = drawn_by(tmp_path / "a", monkeypatch)
        assert torch.equal(data.x, whole.x)
        assert len(drawn) == times


def test_targets_that_are_the_inputs_are_cached_too(cache, tmp_path, monkeypatch):
    for times in (1, 0):
        data, drawn = drawn_by(tmp_path / "a", monkeypatch, targets="(x := torch.ones(n, 1))")
        assert len(drawn) == times
    assert torch.equal(data.y, torch.ones(64, 1))


def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path, cache, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "file"))
    assert len(drawn_by(tmp_path / "a", monkeypatch)[0]) == 64


def test_data_of_another_shape_or_with_nan_are_refused(cache, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="declares"):
        drawn_by(tmp_path / "a", monkeypatch, targets="torch.zeros(n, 2)")
    with pytest.raises(InputError, match="NaN"):
        drawn_by(tmp_path / "b", monkeypatch, value="float('nan')")


def test_a_tier_does_not_read_the_draws_of_another(cache):
    task = toys.Norms()
    small = type("Small", (toys.Norms,), {"tiers": {"quick": {"test_size": 7}}})()
    assert len(Draws.of(small.for_tier("quick")).test()) == 7
    assert len(Draws.of(small).test()) == len(Draws.of(task).test()) != 7


@pytest.mark.parametrize("declared", ["1.0", "cached_property(lambda self: 1.0)"])
def test_a_tier_does_not_read_the_cached_draws_of_another(cache, tmp_path, monkeypatch, declared):
    imports = (
        "from functools import cached_property\n"
        f"class Noisy:\n    noise = {declared}\n    tiers = {{'quick': {{'noise': 10.0}}}}"
    )
    task, drawn = task_of(tmp_path / "a", monkeypatch, imports=imports, value="self.noise")
    noisy = type("Noisy", (type(task), sys.modules["constant_task"].Noisy), {
        "__module__": "constant_task", "tiers": sys.modules["constant_task"].Noisy.tiers,
    })()  # fmt: skip
    for _ in range(2):
        for tier, noise in (("smoke", 1.0), ("quick", 10.0)):
            of_tier = noisy.for_tier(tier)
            forget()
            assert Draws(of_tier, "f" * 16).train(64, 1).x[0, 0] == noise
            assert fingerprint(of_tier) == of_tier.fingerprint()
    assert len([call for call in drawn if call[0] == 64]) == 2
    assert fingerprint(noisy.for_tier("smoke")) != fingerprint(noisy.for_tier("quick"))


@pytest.mark.parametrize(
    "made",
    [
        {"x": torch.zeros(3, 1), "y": torch.zeros(3, 1)},
        {"x": torch.full((64, 1), torch.nan), "y": torch.zeros(64, 1)},
        {"x": torch.zeros(64, 1, dtype=torch.float64), "y": torch.zeros(64, 1)},
        {"x": torch.zeros(64, 1)},
    ],
)
def test_cached_data_that_are_not_those_of_the_task_are_drawn_again(
    cache, tmp_path, monkeypatch, made
):
    whole = drawn_by(tmp_path / "a", monkeypatch)[0]
    (path,) = cache.iterdir()
    disk_cache.save(path, save(made))
    data, drawn = drawn_by(tmp_path / "a", monkeypatch)
    assert len(drawn) == 1
    assert torch.equal(data.x, whole.x)


def test_a_poisoned_draw_is_noticed_and_drawn_again(cache, tmp_path, monkeypatch, caplog):
    drawn_by(tmp_path / "a", monkeypatch, value=2.0)
    (other,) = cache.iterdir()
    whole = drawn_by(tmp_path / "b", monkeypatch)[0]
    (path,) = set(cache.iterdir()) - {other}
    path.write_bytes(other.read_bytes())
    data, drawn = drawn_by(tmp_path / "b", monkeypatch)
    assert torch.equal(data.x, whole.x)
    assert len(drawn) == 1
    assert "damaged" in caplog.text


def test_the_second_process_draws_nothing(cache, tmp_path, monkeypatch):
    first, drawn = task_of(tmp_path / "a", monkeypatch)
    found = fingerprint(first)
    assert len(drawn) == 6  # three splits, twice
    again, drawn = task_of(tmp_path / "a", monkeypatch)
    assert fingerprint(again) == found == first.fingerprint()
    assert not drawn


@pytest.mark.parametrize(
    "change", [{"value": 2.0}, {"imports": "import math"}, {"test_size": 7}], ids=str
)
def test_what_the_data_rest_on_names_what_is_kept(cache, tmp_path, monkeypatch, change):
    fingerprint(task_of(tmp_path / "a", monkeypatch)[0])
    other, drawn = task_of(tmp_path / "b", monkeypatch, **change)
    assert fingerprint(other) == other.fingerprint()
    assert len(drawn) == 6  # three splits, twice
    assert len(list(cache.iterdir())) == 2


def test_another_installation_draws_anew(cache, tmp_path, monkeypatch):
    fingerprint(task_of(tmp_path / "a", monkeypatch)[0])
    monkeypatch.setattr(draws, "_installed", lambda: ["torch-9.dist-info"])
    task, drawn = task_of(tmp_path / "a", monkeypatch)
    fingerprint(task)
    assert len(drawn) == 6  # three splits, twice


def test_nothing_is_kept_of_code_that_may_have_been_edited_since_it_was_loaded(
    cache, tmp_path, monkeypatch
):
    monkeypatch.undo()
    monkeypatch.setenv("SYMBENCH_CACHE", str(cache.parent))
    task, _ = task_of(tmp_path / "a", monkeypatch)  # younger than this process
    assert (tmp_path / "a" / "constant_task.py").stat().st_mtime > edited._STARTED
    assert fingerprint(task) == task.fingerprint()
    assert not cache.exists()


@pytest.mark.parametrize("method", ["fingerprint", "is_local", "available"])
def test_a_task_that_reads_files_is_asked_each_time(cache, tmp_path, monkeypatch, method):
    task, _ = task_of(tmp_path / "a", monkeypatch)
    monkeypatch.setattr(type(task), method, lambda self: "0" * 16)
    fingerprint(task)
    assert not cache.exists()


def test_a_task_that_is_not_all_in_its_source_is_not_cached(cache, tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "unversioned_helper.py").write_text("x = 1\n")
    held, _ = task_of(tmp_path / "a", monkeypatch, rotation=object())
    fingerprint(held)
    helped, _ = task_of(tmp_path / "a", monkeypatch, imports="import unversioned_helper")
    fingerprint(helped)
    patched, _ = task_of(tmp_path / "a", monkeypatch)
    monkeypatch.setattr(type(patched), "sample", toys.Norms.sample)
    monkeypatch.setattr(type(patched), "target", toys.Norms.target)
    monkeypatch.setattr(type(patched), "input_shape", (6,))
    fingerprint(patched)
    assert not cache.exists()


@pytest.mark.parametrize("content", [b"", b"../../x", b"\xff\xfe", b"0123456789ABCDEF"])
def test_a_damaged_file_is_drawn_again_and_replaced(cache, tmp_path, monkeypatch, content):
    task, _ = task_of(tmp_path / "a", monkeypatch)
    found = fingerprint(task)
    (cached,) = cache.iterdir()
    cached.write_bytes(content)
    forget()
    assert fingerprint(task) == found
    assert cached.read_text().partition("\n")[2] == found


def test_a_folder_that_cannot_be_written_is_no_matter(cache, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "file"))
    task, _ = task_of(tmp_path / "a", monkeypatch)
    assert fingerprint(task) == task.fingerprint()


@pytest.mark.parametrize("source", ["torch", "numpy", "counter"])
def test_data_that_do_not_depend_on_the_arguments_alone_are_refused(cache, source):
    calls = itertools.count()

    class Unseeded(toys.Norms):
        name = "unseeded"

        def sample(self, n, seed, split):
            if source == "torch":
                x = torch.randn(n, 6)
            elif source == "numpy":
                x = torch.from_numpy(np.random.default_rng().normal(size=(n, 6))).float()
            else:
                x = super().sample(n, next(calls), split).x
            return Data(x, self.target(x))

    with pytest.raises(InputError, match=r"unseeded drew other data .* self.generator"):
        fingerprint(Unseeded())


def test_a_number_of_the_data_is_computed_once_and_kept(cache, tmp_path, monkeypatch):
    calls = []

    def compute(task):
        calls.append(task.name)
        return 0.25

    for _ in range(2):
        kept = Draws.of(task_of(tmp_path, monkeypatch)[0]).kept("quarter", compute)
        assert kept == 0.25
    assert calls == ["constant"]
    assert Draws.of(task_of(tmp_path, monkeypatch)[0]).kept("other", lambda _: None) is None


@pytest.mark.parametrize("content", [b"[]", b"{", b'"0.25"', b"true", b"\xff"])
def test_a_kept_number_of_another_form_is_computed_again(content, cache, tmp_path, monkeypatch):
    known = Draws.of(task_of(tmp_path, monkeypatch)[0])
    before = set(cache.rglob("*.json"))
    known.kept("quarter", lambda _: 0.5)
    (file,) = set(cache.rglob("*.json")) - before
    disk_cache.save(file, content)
    assert known.kept("quarter", lambda _: 0.25) == 0.25
