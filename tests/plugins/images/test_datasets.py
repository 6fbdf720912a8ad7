"""Tasks with images from files: splits, draws, rotations, permutations and cards."""

from __future__ import annotations

import pytest
import symbench_images
import torch
from symbench_images import datasets
from symbench_images.from_files import FromFiles
from symbench_images.rotation import PixelRotation, disk, uniform_angles
from symbench_images.scrambled import turned
from symbench_images.stock import Source

from symbench import InputError, seeded
from symbench.contract import SPLITS
from symbench.registry import Registry

VARIANTS = ("Plain", "Rotated", "RotatedScrambled")


@pytest.fixture(params=["idx", "cifar"])
def trio(request):
    """The three tasks of a small data set on disk."""
    source: Source = request.getfixturevalue(f"small_{request.param}")()
    stem = {"idx": "MNIST", "cifar": "CIFAR10"}[request.param]

    def small(variant: str) -> FromFiles:
        task = getattr(datasets, f"{stem}{variant}")()
        task.source = source
        return task

    return [small(variant) for variant in VARIANTS]


def rows(images: torch.Tensor) -> set[tuple[float, ...]]:
    return {tuple(image.flatten().tolist()) for image in images}


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("side", "channels"), [(7, 1), (8, 3), (28, 1)])
def test_turned_images_are_the_group_elements_applied_to_them(side, channels):
    angles = uniform_angles(6, generator())
    images = torch.rand(6, channels, side, side, generator=generator(), dtype=torch.float64)
    g = PixelRotation(side).rotation(angles)
    expected = torch.einsum("nij,ncj->nci", g, images.flatten(2)).view_as(images)
    assert torch.allclose(turned(images, angles), expected, atol=1e-10)
    assert float((turned(images, angles) - images).abs().max()) > 0.1


def test_the_three_parts_share_no_image(trio):
    plain = trio[0]
    pool = plain.stock().parts
    train, valid, test = (rows(plain.stock().x[pool[split]]) for split in SPLITS)
    assert not test & (train | valid)
    assert not valid & train
    assert len(valid) == (len(train) + len(valid)) // 10


def test_the_official_test_images_are_the_test_set(trio):
    decoded = trio[0].source.load()
    data = trio[0].sample(10_000, 5, "test", dtype=torch.float64)
    assert rows(data.x) == rows(torch.from_numpy(decoded.test.x.copy()).double() / 255)
    assert len(data) == len(decoded.test.x)


def test_labels_stay_with_their_images(trio):
    decoded = trio[0].source.load()
    images = torch.from_numpy(decoded.train.x.copy()).double() / 255
    label = {
        tuple(x.flatten().tolist()): int(y) for x, y in zip(images, decoded.train.y, strict=True)
    }
    data = trio[0].sample(20, 0, "train", dtype=torch.float64)
    assert [label[tuple(x.flatten().tolist())] for x in data.x] == data.y.tolist()


def test_a_smaller_training_set_is_the_start_of_a_larger_one_of_its_seed(trio):
    for task in trio:
        small, large, other = (
            task.sample(n, seed, "train") for n, seed in ((10, 2), (30, 2), (30, 3))
        )
        assert torch.equal(small.x, large.x[:10])
        assert torch.equal(small.y, large.y[:10])
        assert len(rows(large.x)) == 30
        assert rows(large.x) != rows(other.x)


def test_the_test_set_is_the_same_for_every_seed(trio):
    for task in trio:
        first, second = (task.sample(10, seed, "test") for seed in (0, 7))
        assert torch.equal(first.x, second.x)


def test_every_image_is_an_element_of_the_group_applied_to_the_upright_one(trio):
    plain, rotated, _ = trio
    group = rotated.group
    for split in SPLITS:
        upright, moved = (t.sample(4, 1, split, dtype=torch.float64) for t in (plain, rotated))
        key, seed = rotated.key, 0 if split == "test" else 1
        pool = rotated.stock().parts[split]
        at = torch.arange(len(pool))
        if split == "train":
            at = torch.randperm(len(pool), generator=seeded(key, seed, "draw"))
        angles = uniform_angles(len(pool), seeded(key, seed, split, "angles"))[at[:4]]
        expected = torch.einsum("nij,ncj->nci", group.rotation(angles), upright.x.flatten(2))
        assert torch.allclose(moved.x.flatten(2), expected, atol=1e-6)
        assert torch.equal(upright.y, moved.y)


def test_one_permutation_scrambles_all_channels_of_every_split(trio):
    _, rotated, scrambled = trio
    order = scrambled.group.permutation
    assert not torch.equal(order, torch.arange(len(order)))
    for split in SPLITS:
        upright, mixed = (task.sample(4, 1, split) for task in (rotated, scrambled))
        assert torch.equal(upright.x.flatten(2)[..., order], mixed.x.flatten(2))


def test_data_sets_of_one_image_size_share_their_scramble():
    mnist, fashion, cifar, other = (
        getattr(datasets, f"{stem}RotatedScrambled")().group
        for stem in ("MNIST", "Fashion", "CIFAR10", "CIFAR100")
    )
    assert torch.equal(mnist.permutation, fashion.permutation)
    assert torch.equal(cifar.permutation, other.permutation)


def test_values_lie_between_zero_and_one_and_in_the_disk(trio):
    plain, rotated, _ = trio
    x = plain.sample(10, 0, "test").x
    assert (x.dtype, x.shape[1:]) == (torch.float32, plain.input_shape)
    assert float(x.min()) >= 0
    assert 0.9 < float(x.max()) <= 1
    outside = ~disk(x.shape[-1])
    assert float(rotated.sample(10, 0, "test").x.flatten(2)[..., outside].abs().max()) == 0


@pytest.mark.parametrize("n", [0, 10_000])
def test_more_images_than_there_are_is_refused_with_their_number(trio, n):
    pool = len(trio[0].stock().parts["train"])
    with pytest.raises(InputError, match=f"has {pool} training images"):
        trio[0].sample(n, 0, "train")


def test_the_fingerprint_covers_every_image(trio):
    prints = [task.fingerprint() for task in trio]
    assert len(set(prints)) == 3
    file = trio[0].source.locate()[0].path
    if file.suffix == ".bin":  # a subset of images may change, but MNIST does not
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
        assert not set(prints) & {task.fingerprint() for task in trio}


def test_a_draw_depends_on_its_arguments_alone(trio):
    for task in trio:
        first = task.sample(20, 3, "train")
        torch.manual_seed(0)
        assert torch.equal(first.x, task.sample(20, 3, "train").x)


def test_ladders_are_cut_at_the_images_that_a_subset_has(small_cifar):
    task = datasets.CIFAR10Plain()
    assert task.ladders["full"] == (1000, 10_000, 40_000)
    task.source = small_cifar()
    assert task.sizes == {"smoke": (45,), "quick": (), "standard": (45,), "full": (45,)}
    assert len(task.sample(45, 0, "train")) == 45


def test_tasks_without_their_files_are_declined_and_still_described(data_directory):
    for stem in ("MNIST", "Fashion", "CIFAR10", "CIFAR100"):
        task = getattr(datasets, f"{stem}Rotated")()
        assert "SYMBENCH_DATA" in task.available()
        assert task.sizes == task.ladders
        assert task.symmetry.input.size == torch.Size(task.input_shape).numel()
        assert (task.symmetry.output.size, task.symmetry.output.is_trivial) == (
            task.output_shape[0],
            True,
        )
        with pytest.raises(InputError, match="SYMBENCH_DATA"):
            task.fingerprint()


def test_the_control_has_no_symmetry_but_candidates():
    assert datasets.MNISTPlain().symmetry is None
    assert datasets.MNISTPlain().candidate_algebra().shape == (12, 784, 784)


def test_the_true_generator_lies_in_the_scrambled_candidate_algebra():
    task = datasets.MNISTRotatedScrambled()
    flat = task.candidate_algebra().flatten(1)
    L = task.symmetry.group.algebra[0].flatten()
    assert torch.allclose(flat.mT @ (flat @ L), L, atol=1e-10)
    unscrambled = datasets.MNISTPlain().candidate_algebra().flatten(1)
    assert float((unscrambled @ L).norm() / L.norm()) < 0.5


def test_the_cards_agree_with_the_classes(data_directory):
    registry = Registry()
    registry.add(symbench_images, "symbench_images", "1", "tests")
    names = {
        f"scrambled-{short}-{variant}"
        for short in ("mnist", "fashion-mnist", "cifar10", "cifar100")
        for variant in ("plain", "rotated", "rotated-scrambled")
    }
    assert names <= set(registry.tasks)
    for name in names:
        task, card = registry.task(name), registry.tasks[name]
        assert card.summary == task.summary
        for key, value in card.details.items():
            assert getattr(task, key) == value


def test_published_errors_are_those_of_48000_images():
    figures = datasets.MNISTRotatedScrambled().published
    assert {one.score for one in figures} == {"error"}
    accuracies = sorted(1 - one.values[48_000] for one in figures)
    assert accuracies == pytest.approx([0.9159, 0.9259, 0.9445])
    assert 48_000 in datasets.MNISTRotatedScrambled().ladders["full"]
