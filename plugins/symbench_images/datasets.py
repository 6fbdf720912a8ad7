"""MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100: plain, rotated, and rotated and scrambled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

from symbench import Published
from symbench_images.archives import CIFAR10, CIFAR100, FASHION, MNIST
from symbench_images.from_files import FromFiles

_DEHMAMY = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv, appendix D"
_NOTEBOOK = (
    "released notebook of Dehmamy et al. 2021: best of 30 epochs, one seed, scored on the part of "
    "the training set that selected the epoch"
)
_PUBLISHED = (
    Published("lconv", "L-conv, 6 generators of rank 8, 188k", _NOTEBOOK, {48000: 0.0555}, "error"),
    Published("cnn", "CNN 5×5, 185k", _NOTEBOOK, {48000: 0.0741}, "error"),
    Published("cnn", "CNN 3×3, 217k", _NOTEBOOK, {48000: 0.0841}, "error"),
)


class _MNIST(FromFiles):
    source = MNIST
    reference = f"LeCun et al. 1998; {_DEHMAMY}"
    input_shape, output_shape = (1, 28, 28), (10,)
    ladders: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (100, 300),
        "quick": (),
        "standard": (300, 1000),
        "full": (1000, 10_000, 48_000),
    }


class _Fashion(_MNIST):
    source = FASHION
    reference = f"Xiao, Rasul, Vollgraf 2017 (arXiv:1708.07747); {_DEHMAMY}"


class _CIFAR10(FromFiles):
    source = CIFAR10
    reference = (
        f"Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images; {_DEHMAMY}"
    )
    input_shape, output_shape = (3, 32, 32), (10,)
    ladders: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (100, 300),
        "quick": (),
        "standard": (300, 1000),
        "full": (1000, 10_000, 40_000),
    }


class _CIFAR100(_CIFAR10):
    source = CIFAR100
    output_shape = (100,)


@final
class MNISTPlain(_MNIST):
    """MNIST without changes, the control: there is no symmetry to be told or discovered.

    With 1,000 images and 350 updates, the error of a perceptron is 12 % and that of ``cnn`` 11 %.
    The published files are read from ``MNIST/raw/`` in the data directory, compressed or
    extracted.
    """

    name = "scrambled-mnist-plain"
    summary = "MNIST without changes, the control"
    threshold = 0.1
    rotated = is_scrambled = False


@final
class MNISTRotated(_MNIST):
    """MNIST, each image rotated by its own angle from U(-90°, 90°), inside the disk.

    With 1,000 images and 350 updates, the error of a perceptron is 33 % and that of ``cnn`` 31 %.
    """

    name = "scrambled-mnist-rotated"
    summary = "MNIST, each image rotated by a random angle"
    threshold = 0.2
    rotated, is_scrambled = True, False


@final
class MNISTRotatedScrambled(_MNIST):
    """``scrambled-mnist-rotated`` with one permutation of the pixels of all images.

    With 1,000 images and 350 updates, the error of ``cnn`` is 38 %, 7 points more than without the
    permutation. The published results are for images rotated by cubic splines with continued
    borders, and were not measured on a test set.
    """

    name = "scrambled-mnist-rotated-scrambled"
    summary = "MNIST, rotated, then its pixels permuted by one fixed permutation"
    threshold = 0.2
    rotated = is_scrambled = True
    published = _PUBLISHED


@final
class FashionPlain(_Fashion):
    """Fashion-MNIST without changes, the control: there is no symmetry to be told or discovered.

    With 1,000 images and 350 updates, the error of a perceptron and of ``cnn`` is 22 %. The
    published files are read from ``FashionMNIST/raw/`` in the data directory, compressed or
    extracted.
    """

    name = "scrambled-fashion-mnist-plain"
    summary = "Fashion-MNIST without changes, the control"
    threshold = 0.25
    rotated = is_scrambled = False


@final
class FashionRotated(_Fashion):
    """Fashion-MNIST, each image rotated by its own angle from U(-90°, 90°), inside the disk.

    With 1,000 images and 350 updates, the error of a perceptron is 40 % and that of ``cnn`` 47 %.
    """

    name = "scrambled-fashion-mnist-rotated"
    summary = "Fashion-MNIST, each image rotated by a random angle"
    threshold = 0.35
    rotated, is_scrambled = True, False


@final
class FashionRotatedScrambled(_Fashion):
    """``scrambled-fashion-mnist-rotated`` with one permutation of the pixels of all images."""

    name = "scrambled-fashion-mnist-rotated-scrambled"
    summary = "Fashion-MNIST, rotated, then its pixels permuted by one fixed permutation"
    threshold = 0.35
    rotated = is_scrambled = True


@final
class CIFAR10Plain(_CIFAR10):
    """CIFAR-10 without changes, the control: there is no symmetry to be told or discovered.

    The files are read from ``cifar-10-batches-bin/`` in the data directory, which may contain
    fewer records than published, or from ``cifar-10-binary.tar.gz``.
    """

    name = "scrambled-cifar10-plain"
    summary = "CIFAR-10 without changes, the control"
    threshold = 0.5
    rotated = is_scrambled = False


@final
class CIFAR10Rotated(_CIFAR10):
    """CIFAR-10, each image rotated by its own angle from U(-90°, 90°), inside the disk."""

    name = "scrambled-cifar10-rotated"
    summary = "CIFAR-10, each image rotated by a random angle"
    threshold = 0.6
    rotated, is_scrambled = True, False


@final
class CIFAR10RotatedScrambled(_CIFAR10):
    """``scrambled-cifar10-rotated`` with one permutation of the pixels of all images."""

    name = "scrambled-cifar10-rotated-scrambled"
    summary = "CIFAR-10, rotated, then its pixels permuted by one fixed permutation"
    threshold = 0.6
    rotated = is_scrambled = True


@final
class CIFAR100Plain(_CIFAR100):
    """CIFAR-100 without changes, the control: there is no symmetry to be told or discovered.

    The files are read from ``cifar-100-binary/`` in the data directory, which may contain fewer
    records than published, or from ``cifar-100-binary.tar.gz``. The classes are the 100 fine ones.
    """

    name = "scrambled-cifar100-plain"
    summary = "CIFAR-100 without changes, the control"
    threshold = 0.75
    rotated = is_scrambled = False


@final
class CIFAR100Rotated(_CIFAR100):
    """CIFAR-100, each image rotated by its own angle from U(-90°, 90°), inside the disk."""

    name = "scrambled-cifar100-rotated"
    summary = "CIFAR-100, each image rotated by a random angle"
    threshold = 0.85
    rotated, is_scrambled = True, False


@final
class CIFAR100RotatedScrambled(_CIFAR100):
    """``scrambled-cifar100-rotated`` with one permutation of the pixels of all images."""

    name = "scrambled-cifar100-rotated-scrambled"
    summary = "CIFAR-100, rotated, then its pixels permuted by one fixed permutation"
    threshold = 0.85
    rotated = is_scrambled = True
