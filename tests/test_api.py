"""What a notebook gets: the registry's things by name, and a run as objects."""

from __future__ import annotations

from importlib.metadata import version

import pytest
import torch

import symbench
from symbench.cli.options import DEFAULT_STORE
from symbench.errors import InputError, UnknownNameError
from symbench.groups import O


def test_a_task_by_name_draws_what_its_card_says():
    task = symbench.task("o5-invariant")
    data = task.sample(1000, seed=0, split="test")
    assert data.x.shape == (1000, 10)
    torch.testing.assert_close(task.target(data.x.double()).float(), data.y, rtol=1e-4, atol=1e-4)
    assert task.symmetry.group == O(5)
    assert task.symmetry.group.algebra.shape == (10, 5, 5)


def test_the_built_in_plugins_are_all_well():
    from symbench.registry import load

    broken = [info for info in load().plugins if info.status != "ok"]
    assert not broken
    assert {"constant", "linear", "mlp", "mlp-augmented", "mlp-penalty", "cnn", "emlp", "scalars",
            "scalars-perm", "scalars-2021", "e3nn"} <= set(symbench.models())  # fmt: skip
    assert {"o5-invariant", "o3-inertia", "lorentz-scattering", "so3-cross", "so2-3-anisotropic",
            "o5-noisy", "scrambled-digits-rotated-scrambled"} <= set(symbench.tasks())  # fmt: skip


def test_a_problem_tells_the_symmetry_to_told_models_alone():
    task = symbench.task("o3-inertia")
    assert symbench.problem(task, symbench.model("mlp")).symmetry is None
    assert symbench.problem(task, symbench.model("scalars")).symmetry.bodies == 5


def test_a_problem_made_by_hand_has_no_backbones():
    problem = symbench.Problem("vectors", "mse", (3,), (1,))
    with pytest.raises(InputError, match=r"symbench\.problem"):
        problem.backbone("mlp")


def test_a_backbone_that_declines_the_problem_says_why():
    problem = symbench.problem(symbench.task("o3-inertia"), symbench.model("augerino"))
    with pytest.raises(InputError, match="cnn declines the problem: cnn reads images"):
        problem.backbone("cnn")


def test_unknown_names_suggest_near_ones():
    with pytest.raises(UnknownNameError, match="o5-invariant"):
        symbench.task("o5-invarient")


def test_every_metric_has_a_card():
    for metric in symbench.list_metrics():
        assert metric.name
        assert metric.direction in ("lower", "higher")
        assert metric.summary


def test_an_unknown_option_of_a_model_is_refused():
    with pytest.raises(InputError, match="no option 'wdth'"):
        symbench.model("mlp").for_tier("quick", wdth=3)


def test_the_command_line_and_the_library_share_the_default_store():
    from symbench.api import DEFAULT_STORE as LIBRARY

    assert LIBRARY == DEFAULT_STORE


def test_a_name_that_symbench_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tsk'"):
        _ = symbench.tsk


def test_the_version_is_that_of_the_installed_distribution():
    assert symbench.__version__ == version("symbench")


def test_the_former_name_of_list_metrics_is_deprecated():
    with pytest.warns(DeprecationWarning, match="list_metrics"):
        assert symbench.api.metrics() == symbench.list_metrics()


def test_every_public_name_can_be_imported():
    for name in symbench.__all__:
        assert getattr(symbench, name) is not None


def test_a_result_is_one_line_a_table_in_a_notebook_and_data_frames(tmp_path):
    pytest.importorskip("pandas")
    result = symbench.run(["o5-invariant"], ["constant"], "smoke", tmp_path / "store")
    assert repr(result) == (
        f"<Result of {result.run.name!r}, tier smoke: 1 of 1 cells finished, 0 failed, 0 stale.>"
    )
    page = result._repr_html_()
    assert page.startswith("<h2>o5-invariant")
    assert "<script" not in page
    assert list(result.frame().model) == ["constant"]
    errors = [trial.scores["error"] for trial in result.records[0].trials]
    frame = result.trials()
    assert list(frame[frame.score == "error"].value) == errors
