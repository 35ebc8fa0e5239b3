"""Many trials on few images: every trial looks at a block of its own, so that together they see the whole test set.

A trial's accuracy on one block of 500 images differs from that on all of them by little beside what differs from trial
to trial. Blocks are parts of a random order, so trials on blocks of their own are draws of one distribution whose mean
is the accuracy on the whole test set (stratified by block, which only narrows it): no image part is left over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nvmsim.accuracy.records import TaskRows
from nvmsim.accuracy.stats import Interval, margins, t_half_width


@dataclass(frozen=True)
class Spread:
    """The first ``trials`` trials, trial t on block t modulo ``of_blocks``, the blocks of the test set.

    >>> list(Spread(3, of_blocks=2).pairs())
    [(0, 0), (1, 1), (2, 0)]
    """

    trials: int
    of_blocks: int

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Every (trial, block) of it."""
        return ((trial, trial % self.of_blocks) for trial in range(self.trials))


@dataclass(frozen=True, eq=False)
class Draws:
    """Accuracies of trials on blocks of their own, float64[trials], corrected for what their images are like.

    ``change_bound`` is an upper limit of P(a trial changes any weight).
    """

    accuracies: NDArray[np.float64]
    change_bound: float = 1.0

    @cached_property
    def limits(self) -> Interval:
        """The mean accuracy on this test set with its 95 % interval, which allows for collapses not seen yet."""
        return self.as_if(len(self.accuracies), mean=float(self.accuracies.mean()))

    def as_if(self, trials: int, *, mean: float) -> Interval:
        """Return the interval that ``trials`` trials with the same spread about ``mean`` would give."""
        moved = np.resize(self.accuracies, trials) - self.accuracies.mean() + mean
        values = np.clip(moved, 0.0, 1.0)
        below, above = margins(values, t=t_half_width(values), mass=self.change_bound)
        return Interval(mean, max(0.0, mean - float(below)), min(1.0, mean + float(above)))


def draws_of(rows: TaskRows, baseline: TaskRows, spread: Spread) -> Draws:
    """Return what ``spread`` of a task's stored counts says, beside its baseline on the same blocks.

    Each accuracy is the baseline's on the whole test set times the ratio of right answers on the trial's block (the
    ratio estimator of `stats.Sample.accuracies`).
    """
    correct = np.array([rows.blocks[pair].correct for pair in spread.pairs()], np.float64)
    reference = np.array([baseline.blocks[0, block].correct for _, block in spread.pairs()])
    images = np.array([baseline.blocks[0, block].images for _, block in spread.pairs()])
    ratio = np.where(
        reference > 0, correct / np.maximum(reference, 1) * undistorted_accuracy(baseline), correct / images
    )
    return Draws(np.minimum(ratio, 1.0), rows.facts.change_bound)


def undistorted_accuracy(baseline: TaskRows) -> float:
    """Return the accuracy of a baseline's first trial on all the blocks it has."""
    counts = [count for (trial, _), count in baseline.blocks.items() if trial == 0]
    return sum(count.correct for count in counts) / sum(count.images for count in counts)
