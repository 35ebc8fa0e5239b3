"""Intervals for a mean accuracy when most trials are fine and a few collapse, or most collapse and a few survive.

Two things are sampled: error patterns (trials) and test images (a prefix of the permuted test set).
Student's t fails where the rare trial has not been seen yet. Both limits are therefore at least the Stringer bound's:
every loss (or gain) seen is weighted by the growth of the Clopper-Pearson limit, and the limit of what was not seen
counts as a total one.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit

ALPHA = 0.05
Z = 1.959963984540054
TEST_SET = "this test set"
TASK = "the task"
NEVER = 1e-6  # below this P(change), a trial not run is taken as unchanged; the limit itself still counts it


@dataclass(frozen=True)
class Interval:
    """A mean between its 95 % limits, all fractions (an accuracy in [0, 1], a difference in [-1, 1]).

    >>> Interval(0.75, 0.5, 0.875).half_width
    0.1875
    """

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the width, which is what a wanted precision is compared with."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, eq=False)
class Sample:
    """What was counted for one task: a rectangle of trials x blocks beside the baseline on every block.

    ``correct`` is int[trials, blocks], ``baseline`` and ``images`` are int[all blocks of the test set] (images right
    without any noise, images in the block), ``change_bound`` is an upper limit of P(a trial changes any weight).
    """

    correct: NDArray[np.int64]
    baseline: NDArray[np.int64]
    images: NDArray[np.int64]
    change_bound: float = 1.0

    @property
    def trials(self) -> int:
        """Trials counted."""
        return self.correct.shape[0]

    @property
    def blocks(self) -> int:
        """Blocks of images that every trial saw."""
        return self.correct.shape[1]

    @cached_property
    def prefix_images(self) -> int:
        """Images that every trial saw."""
        return int(self.images[: self.blocks].sum())

    @cached_property
    def baseline_accuracy(self) -> float:
        """Accuracy without any noise on the whole test set."""
        return float(self.baseline.sum() / self.images.sum())

    @cached_property
    def drops(self) -> NDArray[np.float64]:
        """Accuracy lost against the baseline on the same images, float64[trials]."""
        return (self.baseline[: self.blocks].sum() - self.correct.sum(axis=1)) / self.prefix_images

    @cached_property
    def accuracies(self) -> NDArray[np.float64]:
        """Accuracy of each trial on all images, by its ratio to the baseline on the same images, float64[trials].

        The ratio estimator (Cochran, Sampling Techniques, 3rd ed., ch. 6) is the baseline less the drop where little is
        lost, and no less than 0 where everything is.
        """
        right, reference = self.correct.sum(axis=1), int(self.baseline[: self.blocks].sum())
        if not reference:
            return right / self.prefix_images
        return np.minimum(self.baseline_accuracy * right / reference, 1.0)

    def part(self, trials: int, blocks: int) -> "Sample":
        """Return the first ``trials`` and ``blocks`` of this sample."""
        if (trials, blocks) == (self.trials, self.blocks):
            return self
        return Sample(self.correct[:trials, :blocks], self.baseline, self.images, self.change_bound)


@lru_cache(maxsize=256)
def stringer_weights(trials: int) -> NDArray[np.float64]:
    """Return the weights of (a total loss, the largest loss, the next ...) in the Stringer bound, float64[trials + 1].

    They are the increments of the one-sided 97.5 % Clopper-Pearson limits for 0, 1, 2 ... of ``trials`` and sum to 1.
    (Stringer 1963; P. J. Bickel, Int. Statistical Review 60, 1992, eq. 1.2.)

    >>> stringer_weights(64)[0].round(4)
    np.float64(0.056)
    """
    seen = np.arange(trials)
    limits = np.append(betaincinv(seen + 1, trials - seen, 1 - ALPHA / 2), 1.0)
    return np.diff(limits, prepend=0.0)


def stringer_bound(losses: ArrayLike) -> NDArray[np.float64]:
    """Return an upper 97.5 % limit for the mean of losses in [0, 1], float64[...] over the last axis.

    >>> float(stringer_bound(np.zeros(64)).round(3))
    0.056
    """
    losses = np.asarray(losses, dtype=np.float64)
    weights = stringer_weights(losses.shape[-1])
    return weights[0] + np.sort(losses, axis=-1)[..., ::-1] @ weights[1:]


def t_half_width(values: ArrayLike) -> NDArray[np.float64]:
    """Return half the width of the 95 % t-interval of a mean, float64[...] over the last axis; infinite for one value.

    >>> float(t_half_width([0.9, 0.95, 1.0]).round(4))
    0.1242
    """
    values = np.asarray(values, dtype=np.float64)
    n = values.shape[-1]
    if n < 2:
        return np.full(values.shape[:-1], np.inf)
    return stdtrit(n - 1, 1 - ALPHA / 2) * values.std(axis=-1, ddof=1) / np.sqrt(n)


def margin_below(values: ArrayLike, *, floor: float, t: ArrayLike, mass: float = 1.0) -> NDArray[np.float64]:
    """Return how far the lower limit lies below the mean of trials that can fall to ``floor``, float64[...].

    ``t`` is their t half-width. ``mass`` is an upper limit of P(a trial can fall at all), known from a closed form:
    what was not seen then weighs no more than that.
    """
    values = np.asarray(values, dtype=np.float64)
    top = values.max(axis=-1, keepdims=True)
    reach = np.maximum(top - floor, np.finfo(float).tiny)
    fallen = values.mean(axis=-1) - top[..., 0] + reach[..., 0] * stringer_bound((top - values) / reach)
    below = np.maximum(fallen, np.where(np.isfinite(t), t, 0.0))
    return below if mass >= 1.0 else np.minimum(below, t + mass * reach[..., 0])


def margins(values: ArrayLike, *, t: ArrayLike, mass: float = 1.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far the limits of a mean accuracy lie below and above it, float64[...] each; see `margin_below`."""
    values = np.asarray(values, dtype=np.float64)
    return margin_below(values, floor=0.0, t=t, mass=mass), margin_below(-values, floor=-1.0, t=t, mass=mass)


def image_margin(sample: Sample, *, seen: int, lost: float, target: str = TEST_SET) -> float:
    """Return the 95 % half-width that comes from having looked at only ``seen`` of the images.

    An image's expected drop lies in [-1, 1] and is negative only where the baseline is wrong, so its mean square is at
    most the mean ``lost`` + 2 x the baseline's error rate; z^2 images are added because no loss seen is not no loss.
    Without replacement the part vanishes when every image was seen (Cochran, Sampling Techniques, 3rd ed., eq. 2.20).
    """
    total, wrong, lost = int(sample.images.sum()), 1.0 - sample.baseline_accuracy, float(np.clip(lost, 0.0, 1.0))
    variance = min(1.0, lost * (1 - lost) + 2 * wrong + Z**2 / seen)
    if target == TASK:
        return Z * float(np.sqrt(variance / seen + (sample.baseline_accuracy * wrong + Z**2 / total) / total))
    return Z * float(np.sqrt(variance / seen * (1 - seen / total)))


def accuracy_interval(sample: Sample, *, target: str = TEST_SET, as_if: tuple[int, int] | None = None) -> Interval:
    """Return the mean accuracy with its 95 % interval, clipped to [0, 1].

    The mean is the baseline on the whole test set minus the mean drop on the images seen. ``target`` says whether the
    interval is about this test set or about the task that the test set was drawn from. ``as_if`` = (trials, blocks)
    predicts the interval that so much of the same would give.

    >>> blocks = np.full(20, 495), np.full(20, 500)
    >>> accuracy_interval(Sample(np.full((64, 20), 490), *blocks)).low.__round__(3)
    0.925
    >>> accuracy_interval(Sample(np.full((1, 20), 490), *blocks, change_bound=0.0))
    Interval(mean=0.98, low=0.98, high=0.98)
    """
    trials, blocks = as_if or (sample.trials, sample.blocks)
    values, mass = np.resize(sample.accuracies, trials), sample.change_bound
    t = t_half_width(values) if mass > 0 else np.float64(0.0)
    below, above = margins(values, t=t, mass=mass)
    seen = int(sample.images[:blocks].sum())
    image = image_margin(sample, seen=seen, lost=float(sample.drops.mean()), target=target)
    return _interval(sample.accuracies.mean(), below=np.hypot(below, image), above=np.hypot(above, image), least=0.0)


def paired_difference(a: Sample, b: Sample, *, target: str = TEST_SET) -> Interval:
    """Return the mean of accuracy ``a`` - accuracy ``b`` with its 95 % interval, from the trials and blocks both have.

    Both must have one baseline and one order of images; equal trials share their error patterns where the bit addresses
    are equal. Either side may collapse without the other, so the interval is widened both ways.

    >>> blocks = np.full(20, 495), np.full(20, 500)
    >>> noisy, safe = Sample(np.full((64, 20), 470), *blocks), Sample(np.full((8, 20), 495), *blocks, change_bound=0.0)
    >>> paired_difference(safe, noisy).low.__round__(3)
    0.05
    """
    a, b = _aligned(a, b)
    difference, varies = a.accuracies - b.accuracies, max(a.change_bound, b.change_bound) > 0
    t = t_half_width(difference) if varies else np.float64(0.0)
    below = margin_below(difference, floor=-1.0, t=t, mass=a.change_bound)
    above = margin_below(-difference, floor=-1.0, t=t, mass=b.change_bound)
    lost = float(np.abs(a.drops).mean() + np.abs(b.drops).mean())
    image = image_margin(a, seen=a.prefix_images, lost=lost, target=target)
    return _interval(difference.mean(), below=np.hypot(below, image), above=np.hypot(above, image), least=-1.0)


def _aligned(a: Sample, b: Sample) -> tuple[Sample, Sample]:
    """Cut both to the trials and blocks they share; trials that next to never change anything are filled up."""
    trials = max(a.trials, b.trials)
    a, b = (_filled(s, trials) if s.change_bound <= NEVER else s for s in (a, b))
    trials, blocks = min(a.trials, b.trials), min(a.blocks, b.blocks)
    return a.part(trials, blocks), b.part(trials, blocks)


def _filled(sample: Sample, trials: int) -> Sample:
    totals = sample.correct.sum(axis=1)
    unchanged = sample.correct[totals == np.sort(totals)[len(totals) // 2]][:1]
    missing = np.repeat(unchanged, trials - sample.trials, axis=0)
    return Sample(np.concatenate([sample.correct, missing]), sample.baseline, sample.images, sample.change_bound)


def _interval(mean: float, *, below: float, above: float, least: float) -> Interval:
    return Interval(float(mean), max(least, float(mean - below)), min(1.0, float(mean + above)))
