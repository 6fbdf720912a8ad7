"""The digits: three disjoint splits, one permutation and one distribution of rotations."""

from __future__ import annotations

import pytest
import symbench_images
import torch
from symbench_images.digits import PARTS, digits, parts
from symbench_images.rotation import disk
from symbench_images.tasks import Plain, Rotated, RotatedScrambled

from symbench import InputError
from symbench.contract import SPLITS
from symbench.registry import Registry

TASKS = [Plain, Rotated, RotatedScrambled]


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param()


def rows(images: torch.Tensor) -> set[tuple[float, ...]]:
    return {tuple(image.flatten().tolist()) for image in images}


def test_the_parts_hold_every_image_once():
    indices = torch.cat([parts()[split] for split in SPLITS])
    assert torch.equal(indices.sort().values, torch.arange(1797))
    assert {split: len(at) for split, at in parts().items()} == PARTS


def test_no_test_image_is_in_the_pools_to_train_or_select_on():
    images = digits()[0]
    train, valid, test = (rows(images[parts()[split]]) for split in SPLITS)
    assert not test & (train | valid)
    assert not valid & train


def test_every_part_has_the_classes_in_equal_shares():
    labels = digits()[1]
    for split, size in PARTS.items():
        share = labels[parts()[split]].bincount() / size
        assert torch.allclose(share, labels.bincount() / len(labels), atol=0.005)


def test_grey_values_lie_between_zero_and_one(task):
    x = task.sample(500, 0, "test").x
    assert x.shape == (500, 1, 8, 8)
    assert x.dtype == torch.float32
    assert float(x.min()) >= 0
    assert 0.9 < float(x.max()) <= 1


def test_training_images_are_drawn_without_replacement_by_the_seed():
    task = Plain()
    one, other = (task.sample(300, seed, "train") for seed in (0, 1))
    assert len(rows(one.x)) == 300
    assert rows(one.x) != rows(other.x)
    assert rows(one.x) <= rows(digits()[0][parts()["train"]].float())


def test_a_smaller_training_set_is_the_start_of_a_larger_one(task):
    small, large = (task.sample(n, 2, "train") for n in (100, 300))
    assert torch.equal(small.x, large.x[:100])
    assert torch.equal(small.y, large.y[:100])


def test_the_test_set_is_the_same_for_every_seed_and_every_task(task):
    first, second = (task.sample(500, seed, "test") for seed in (0, 7))
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.y, Plain().sample(500, 0, "test").y)


def test_a_part_smaller_than_asked_for_is_given_whole(task):
    assert len(task.sample(10_000, 0, "test")) == task.test_size == 500
    assert len(task.sample(10_000, 0, "valid")) == task.valid_size == 297


@pytest.mark.parametrize("n", [0, -1, 1001])
def test_asking_for_more_than_the_pool_is_refused_with_its_size(task, n):
    with pytest.raises(InputError, match="1000"):
        task.sample(n, 0, "train")


def test_the_ladders_fit_in_the_pool(task):
    assert all(n <= PARTS["train"] for ladder in task.sizes.values() for n in ladder)


def test_a_draw_depends_on_its_arguments_alone(task):
    first = task.sample(50, 3, "train")
    torch.manual_seed(0)
    second = type(task)().sample(50, 3, "train")
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.y, second.y)
    assert task.fingerprint() == type(task)().fingerprint()
    assert len({other().fingerprint() for other in TASKS}) == len(TASKS)


def test_the_plain_digits_are_the_images_themselves():
    data = Plain().sample(500, 0, "test", dtype=torch.float64)
    assert torch.equal(data.x.flatten(1), digits()[0][parts()["test"]])


def test_rotated_digits_differ_from_upright_ones_and_from_seed_to_seed():
    upright = Plain().sample(200, 0, "train", dtype=torch.float64)
    rotated = Rotated().sample(200, 0, "train", dtype=torch.float64)
    assert torch.equal(upright.y, rotated.y)
    change = (upright.x - rotated.x).flatten(1).norm(dim=1) / upright.x.flatten(1).norm(dim=1)
    assert float(change.median()) > 0.3
    first, second = (Rotated().sample(10, seed, "valid") for seed in (0, 1))
    assert torch.equal(first.y, second.y)
    assert not torch.equal(first.x, second.x)


def test_rotated_digits_lie_in_the_disk_that_holds_98_percent_of_the_grey():
    outside = ~disk(8)
    images = digits()[0]
    assert float(images[:, outside].sum() / images.sum()) < 0.02
    assert float(Rotated().sample(500, 0, "test").x.flatten(1)[:, outside].abs().max()) == 0


def test_rotated_digits_are_an_element_of_the_group_applied_to_the_upright_ones():
    """In every split, one angle reproduces the image, and most other angles do not."""
    group = Rotated().group
    angles = torch.linspace(-torch.pi / 2, torch.pi / 2, 1801, dtype=torch.float64)
    candidates = group.rotation(angles)
    for split in SPLITS:
        upright = Plain().sample(4, 0, split, dtype=torch.float64).x.flatten(1)
        rotated = Rotated().sample(4, 0, split, dtype=torch.float64).x.flatten(1)
        rest = (candidates @ upright.mT - rotated.mT).norm(dim=1) / rotated.norm(dim=1)
        assert float(rest.amin(0).max()) < 0.005
        assert float(rest.median(0).values.min()) > 0.1


@pytest.mark.parametrize("split", SPLITS)
def test_one_permutation_scrambles_every_image_of_every_split(split):
    upright, scrambled = (task().sample(250, 4, split) for task in (Rotated, RotatedScrambled))
    order = RotatedScrambled().group.permutation
    assert torch.equal(upright.x.flatten(1)[:, order], scrambled.x.flatten(1))
    assert torch.equal(upright.y, scrambled.y)
    assert not torch.equal(order, torch.arange(64))


def test_the_control_has_no_symmetry_and_the_others_declare_theirs():
    assert Plain().symmetry is None
    for task in (Rotated(), RotatedScrambled()):
        told = task.symmetry
        assert told.input.size == 64
        assert (told.output.size, told.output.is_trivial) == (10, True)


def test_the_true_generator_lies_in_the_candidate_algebra():
    for task in (Rotated(), RotatedScrambled()):
        flat = task.candidate_algebra().flatten(1)
        L = task.symmetry.group.algebra[0].flatten()
        assert torch.allclose(flat.mT @ (flat @ L), L, atol=1e-12)
    unscrambled = Plain().candidate_algebra().flatten(1)
    assert float((unscrambled @ L).norm() / L.norm()) < 0.5


def test_the_cards_agree_with_the_classes():
    registry = Registry()
    registry.add(symbench_images, "symbench_images", "1", "tests")
    for task in (task() for task in TASKS):
        card = registry.tasks[task.name]
        assert isinstance(registry.task(task.name), type(task))
        assert card.summary == task.summary
        for key, value in card.details.items():
            assert getattr(task, key) == value
