"""Digits of which training shows some classes in all poses and the others upright.

Also the error of kernel regression at a pose that was left out, in closed form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Metric, Model, Scores, Split, Task, Trained
from symbench_images.tasks import Digits

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERYWHERE = (0, 2, 4, 6, 8)  # the classes that training shows in all poses


@final
class ClassesInAllPoses(Digits):
    """``scrambled-digits-rotated``, but training shows the odd digits upright only.

    The even digits are rotated by angles from U(-90°, 90°) in all splits, the odd ones only in the
    test. A network that learned from the even digits that rotations keep the class would know the
    odd ones in all poses, too. Perin and Deny report that perceptrons, convolutions and
    transformers do not. Training and selection never see a rotated odd digit.
    """

    name = "classes-in-all-poses"
    summary = "8×8 digits: even ones rotated in training, odd ones only in the test"
    reference = "Perin and Deny 2025 (arXiv:2412.11521), On the ability of deep networks to learn"
    threshold = 0.2
    rotated, is_scrambled = True, False
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (100, 300),
        "quick": (),
        "standard": (300,),
        "full": (100, 300, 1000),
    }

    def drawn(self, n: int, seed: int, split: Split) -> tuple[Tensor, Tensor]:
        """Return the indices of the images [n] and their angles [n], 0 for upright ones."""
        at, angles = super().drawn(n, seed, split)
        if split == "test":
            return at, angles
        return at, torch.where(everywhere(self.stock().y[at]), angles, 0.0)

    def upright(self, n: int) -> Data:
        """Return the first n test images without rotations; rotated by 0°, as training shows them.

        Args:
            n: number of images.
        """
        stock = self.stock()
        at, angles = super().drawn(n, 0, "test")
        x = self._moved(stock.images(at), torch.zeros_like(angles))
        return Data(x.float(), stock.y[at])


def everywhere(labels: Tensor) -> Tensor:
    """Return whether each class [n] is one that training shows in all poses."""
    return torch.isin(labels, torch.tensor(EVERYWHERE, device=labels.device))


class Transfer(Metric):
    """The error of the classes that training shows upright, in all poses and upright.

    - ``transfer.rotated``: the error of the odd digits in the test, in all poses. It is 0.8 or more
      for a network that takes every rotated digit for an even one.
    - ``transfer.upright``: the error of the same digits upright.
    - ``transfer.others``: the error of the even digits in all poses, of which as many were seen.
    """

    name, version, unit, direction = "transfer", "1", "", "lower"
    summary = "error of classes that training shows upright, in all poses"
    reference = ClassesInAllPoses.reference
    along_curve = False

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether training shows some classes upright only."""
        return isinstance(task, ClassesInAllPoses)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the three errors."""
        if not isinstance(task, ClassesInAllPoses):
            return {}
        test = trained.test
        upright = task.upright(len(test)).to(test.x.device)
        with torch.no_grad():
            wrong = trained.module(test.x).argmax(1) != test.y
            still = trained.module(upright.x).argmax(1) != upright.y
        seen = everywhere(test.y)
        return {
            "transfer.rotated": float(wrong[~seen].double().mean()),
            "transfer.upright": float(still[~seen].double().mean()),
            "transfer.others": float(wrong[seen].double().mean()),
        }


def missing_pose(gram: Tensor) -> Tensor:
    """Return what kernel regression predicts at one pose that only the second class lacks.

    Two classes, labelled 1 and -1, are the orbits of two images under the cyclic group C_n, and the
    kernel does not change when both images are moved. Its Gram matrix then consists of circulant
    blocks, which a Fourier transform diagonalises into 2×2 matrices K_f. The error of a regression
    at a point that is left out is (K⁻¹ y)_m / (K⁻¹)_mm, so that the prediction is -1 minus

        (K_0⁻¹ (1, -1))_2 / mean_f (K_f⁻¹)_22.

    Only the frequency 0 sees the labels: the average over poses decides for a class. The mean over
    frequencies says how densely the orbit is sampled, in the eyes of the kernel. A prediction below
    0 is right. The first class affects it only through its average.

    Args:
        gram: the first rows of the blocks [2, 2, n]: k(x_a, g^j x_b) of images a and b.
    """
    blocks = torch.fft.fft(gram.double()).movedim(-1, 0)  # [n, 2, 2]
    inverse = torch.linalg.inv(blocks)
    labels = torch.tensor([1.0, -1.0], dtype=torch.float64)
    whole = (inverse[0].real @ labels)[1]
    predicted: Tensor = -1 - whole / inverse[:, 1, 1].real.mean()
    return predicted
