"""What a task's measurements amount to."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from nvmsim.accuracy.allocation import Plan
from nvmsim.accuracy.records import TaskRows, TrialCounts
from nvmsim.accuracy.stats import TEST_SET, Interval, Sample, accuracy_interval


@dataclass(frozen=True)
class Estimate:
    """The mean accuracy of a task with its 95 % interval, what it rests on, and why sampling stopped.

    ``mean``, ``low``, ``high`` and ``baseline_accuracy`` (float32 on the whole test set) are fractions. ``reason`` is a
    key of ``allocation.REASONS``, ``target`` what the interval is about, ``seconds`` the workers' time.
    """

    task_id: str
    mean: float
    low: float
    high: float
    reason: str
    target: str
    baseline_accuracy: float
    sample: Sample
    counts: tuple[TrialCounts, ...]
    weights: int
    seconds: float

    @property
    def half_width(self) -> float:
        """Half the interval's width, a fraction."""
        return (self.high - self.low) / 2

    @property
    def trials(self) -> int:
        """Trials it rests on."""
        return self.sample.trials

    @property
    def images(self) -> int:
        """Images that each trial classified."""
        return self.sample.prefix_images

    @property
    def drop(self) -> Interval:
        """Accuracy lost against float32 on the whole test set, a fraction with its 95 % interval."""
        base = self.baseline_accuracy
        return Interval(base - self.mean, base - self.high, base - self.low)

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Accuracy of each trial, corrected for the images it saw: the data of a box plot."""
        return tuple(self.sample.accuracies.tolist())

    @property
    def raw_rber(self) -> float:
        """Wrong bits among the bits read from the pages, before correction; 0 for the baseline."""
        return _ratio(self._sum("raw_flips"), self._sum("raw_bits"))

    @property
    def residual_rber(self) -> float:
        """Wrong bits among the model's data bits, after correction."""
        return _ratio(self._sum("residual_flips"), self._sum("data_bits"))

    @property
    def nulled_weights(self) -> float:
        """Mean number of weights that a trial nulls."""
        return self._sum("nulled") / self.trials

    @property
    def failed_codewords(self) -> float:
        """Mean number of codewords that a trial cannot correct."""
        return self._sum("failed_codewords") / self.trials

    def _sum(self, name: str) -> int:
        return sum(getattr(counts, name) for counts in self.counts)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def sample_of(rows: TaskRows, baseline: TaskRows, *, plan: Plan) -> Sample:
    """Return the rectangle ``plan`` of a task's stored counts beside its baseline's; both must be complete."""
    correct = [[rows.blocks[trial, block].correct for block in range(plan.blocks)] for trial in range(plan.trials)]
    reference = [count for (trial, _), count in sorted(baseline.blocks.items()) if trial == 0]
    return Sample(
        np.array(correct, dtype=np.int64),
        np.array([count.correct for count in reference], dtype=np.int64),
        np.array([count.images for count in reference], dtype=np.int64),
        rows.facts.change_bound,
    )


def estimate_of(rows: TaskRows, sample: Sample, *, reason: str, target: str = TEST_SET) -> Estimate:
    """Return the estimate that ``sample``, the first trials and blocks of ``rows``, gives."""
    interval = accuracy_interval(sample, target=target)
    return Estimate(
        task_id=rows.facts.id,
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        reason=reason,
        target=target,
        baseline_accuracy=sample.baseline_accuracy,
        sample=sample,
        counts=tuple(rows.trials[trial] for trial in range(sample.trials)),
        weights=rows.facts.weights,
        seconds=sum(rows.blocks[cell].seconds for cell in product(range(sample.trials), range(sample.blocks))),
    )
