"""Trained networks in a store: what is kept, what is declined, and what is rebuilt."""

from __future__ import annotations

import pytest
import torch
from odd_networks import PLUGIN as ODD
from toy_runs import TOYS

import symbench
from symbench.errors import InputError, StoreError
from symbench.records.store import Store
from symbench.runs import networks as kept_networks


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with networks of models that can be kept, and of some that cannot."""
    path = tmp_path_factory.mktemp("networks")
    symbench.run(
        ["norms"], ["small", "exploding", "odd-*"], "smoke", path, device="cpu",
        plugin_files=(TOYS, ODD), keep_networks="all",
    )  # fmt: skip
    return path


def load(path):
    return symbench.load(path, plugin_files=(TOYS, ODD))


def record_of(path, model):
    (record,) = [one for one in Store(path).records() if one.identity.model == model]
    return record


def test_a_rebuilt_network_is_the_one_that_was_scored(store):
    # trained in a fleet: each network is its own
    task, record = load(store).registry.task("norms"), record_of(store, "small")
    assert record.provenance.fleet > 1
    test = task.sample(task.test_size, 0, "test")
    for trial in record.trials:
        network = load(store).network("norms", "small", trial.n_train, trial.seed)
        assert not network.training
        with torch.no_grad():
            error = (network(test.x) - test.y).square().mean() / test.y.var(correction=0)
        assert float(error) == pytest.approx(trial.scores["error"], rel=1e-4)


def test_buffers_of_a_calibrated_network_are_kept(store):
    network = load(store).network("norms", "odd-calibrated", 64, 1)
    assert float(network.mean.abs().sum()) > 0


def test_what_is_more_than_parameters_and_buffers_is_declined_with_the_reason(store):
    declined = {
        model: set(record_of(store, model).provenance.networks.declined.values())
        for model in ("exploding", "odd-attribute", "odd-foreign", "odd-forgetful")
    }
    assert declined["exploding"] == {"it diverged"}
    assert all(".offset" in why for why in declined["odd-attribute"])
    assert all("differs from the trained" in why for why in declined["odd-foreign"])
    assert declined["odd-forgetful"] == {"RuntimeError: built once only"}
    with pytest.raises(InputError, match=r"n_train 64, seed 0 is not kept: it diverged"):
        load(store).network("norms", "exploding", 64, 0)


def test_a_network_that_is_not_there_is_refused_with_what_is_there(store):
    stored = load(store)
    with pytest.raises(InputError, match=r"sizes are \[16, 64\], its seeds \[0, 1\]"):
        stored.network("norms", "small", 32, 0)
    with pytest.raises(InputError, match="did you mean norms small"):
        stored.network("norms", "smal", 64, 0)


def test_a_tier_without_records_and_a_task_by_name_are_refused(store):
    with pytest.raises(InputError, match="no full record of norms small: its tiers are smoke"):
        load(store).network("norms", "small", 64, 0, tier="full")
    with pytest.raises(InputError, match="task 'norms': give a task itself"):
        symbench.load(store, tasks=["norms"])


def test_a_changed_file_is_refused(store, tmp_path):
    source, copy = Store(store), Store(tmp_path)
    record = record_of(store, "small")
    copy.write(record)
    with pytest.raises(StoreError, match="copy it beside the record"):
        copy.read_networks(record)
    name = f"{record.key}.networks.safetensors"
    content = bytearray((source.cells / name).read_bytes())
    content[-1] ^= 1
    (copy.cells / name).write_bytes(content)
    with pytest.raises(StoreError, match="not the file that the record names"):
        load(tmp_path).network("norms", "small", 64, 0)


def test_other_outputs_than_the_kept_ones_are_refused(store, monkeypatch):
    record = record_of(store, "small")
    tensors = Store(store).read_networks(record)
    tensors["outputs/64.0"] = tensors["outputs/64.0"] * 1.01
    monkeypatch.setattr(Store, "read_networks", lambda *_: tensors)
    with pytest.raises(InputError, match="gives other outputs: they differ by"):
        load(store).network("norms", "small", 64, 0)


def test_networks_of_the_largest_n_train_alone(tmp_path):
    symbench.run(
        ["norms"], ["small"], "smoke", tmp_path, device="cpu", plugin_files=(TOYS,),
        keep_networks="largest",
    )  # fmt: skip
    stored = load(tmp_path)
    assert stored.cells()["networks"].tolist() == [2]
    stored.network("norms", "small", 64, 1)
    with pytest.raises(InputError, match="the run kept largest only"):
        stored.network("norms", "small", 16, 0)


def test_networks_too_large_together_are_declined_from_the_smallest_n_train(store, monkeypatch):
    record = record_of(store, "small")
    one = sum(t.nbytes for name, t in Store(store).read_networks(record).items() if "/64.0" in name)
    inputs = 16 * 6 * 4
    monkeypatch.setattr(kept_networks, "LARGEST", inputs + 3 * one)
    result = symbench.run(
        ["norms"], ["small"], "smoke", store, device="cpu", plugin_files=(TOYS,),
        keep_networks="all", fresh=True,
    )  # fmt: skip
    known = result.records[0].provenance.networks
    assert known.trials == ["64.0", "64.1", "16.0"]
    assert set(known.declined) == {"16.1"}
    assert "exceed" in known.declined["16.1"]


def test_a_later_run_without_the_option_leaves_them_and_a_fresh_one_removes_them(tmp_path):
    how = {"device": "cpu", "plugin_files": (TOYS,)}
    symbench.run(["norms"], ["small"], "smoke", tmp_path, keep_networks="all", **how)
    name = f"{record_of(tmp_path, 'small').key}.networks.safetensors"
    symbench.run(["norms"], ["small"], "smoke", tmp_path, **how)
    assert (tmp_path / "cells" / name).is_file()
    symbench.run(["norms"], ["small"], "smoke", tmp_path, fresh=True, **how)
    assert not (tmp_path / "cells" / name).exists()
    with pytest.raises(StoreError, match="--keep-networks, and with --fresh"):
        load(tmp_path).network("norms", "small", 64, 0)


def test_a_worker_sends_networks_as_inline_makes_them(tmp_path):
    contents = []
    for executor in ("inline", "local"):
        store = Store(tmp_path / executor)
        symbench.run(
            ["norms"], ["small"], "smoke", store.path, device="cpu", plugin_files=(TOYS,),
            keep_networks="all", executor=executor, jobs=1,
        )  # fmt: skip
        contents.append(store.read_networks(record_of(store.path, "small")))
    assert contents[0].keys() == contents[1].keys()
    for name, tensor in contents[0].items():
        torch.testing.assert_close(tensor, contents[1][name])


def test_an_unknown_choice_is_refused(tmp_path):
    with pytest.raises(InputError, match="choose all or largest"):
        symbench.run(["norms"], ["small"], "smoke", tmp_path, keep_networks="some",
                     plugin_files=(TOYS,))  # fmt: skip
