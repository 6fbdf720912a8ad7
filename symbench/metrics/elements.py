"""How well the group elements that a model announces match those of the true group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from symbench.contract import Direction, Metric, Model, Scores, Task, Trained
from symbench.metrics.generators import of_name
from symbench.metrics.infinitesimal import is_control, noted

if TYPE_CHECKING:
    import torch


class ElementScore(Metric):
    """Base of the scores of the elements that a model of prior ``discovers`` announces.

    Let H be the task's group, which is the identity alone for a control without symmetry. The
    identity always counts as announced. Distances are those of ``symbench.groups.geodesic``, in
    radians: in SO(2) and SO(3) the angle between two rotations. An announced element is correct if
    it is within a radius of an element of H: a quarter of the least distance between two elements
    of H, and at most 0.1. Announced elements within the radius of each other count as one, except
    for the Wasserstein distance. At most 65,536 pairs of an announced and a true element are
    compared: 1,092 elements with the icosahedral group.
    """

    version = "1"
    symmetry = True
    direction: ClassVar[Direction] = "higher"

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the model discovers, and the task acts on vectors by a group or is a control."""
        vectors = task.kind == "vectors" and task.symmetry is not None
        return model.prior == "discovers" and (vectors or is_control(task))

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the score and its annotations; nothing if the model announces no elements."""
        from symbench.metrics.announced_elements import verdicts

        return noted(trained, of_name(self.name, verdicts(trained, task)))

    def score_together(
        self, trials: Sequence[Trained], task: Task, generators: Sequence[torch.Generator]
    ) -> list[Scores]:
        """Return the scores of the trials."""
        pairs = zip(trials, generators, strict=True)
        return [self.score(trained, task, generator) for trained, generator in pairs]


class ElementsPrecision(ElementScore):
    """The share of the announced elements other than the identity that is correct.

    Absent if there is none, and where H is infinite.
    """

    name = "elements_precision"
    summary = "fraction of the announced group elements that is true"


class ElementsRecall(ElementScore):
    """The share of the elements of H other than the identity near which one is announced.

    Absent if H has no other element, and where H is infinite.
    """

    name = "elements_recall"
    summary = "fraction of the true group elements that is announced"


class ElementsCount(ElementScore):
    """How many elements are announced, with the identity; ``truth`` is the number in H."""

    name = "elements_count"
    summary = "number of group elements announced"


class ElementsWasserstein(ElementScore):
    """The Wasserstein-1 distance between the announced elements and H, each with a uniform law.

    An infinite compact H is represented by 128 elements of its Haar measure; ``floor`` is then the
    distance of a second such sample. ``guess`` is the score of the identity alone, and ``chance``
    that of the model before training (at the largest n_train).
    """

    name, direction = "elements_wasserstein", "lower"
    summary = "Wasserstein-1 distance of the announced elements from the true group, in radians"
    reference = "Park et al. 2026 (LieFlow)"
