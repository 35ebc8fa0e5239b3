"""Quartiles, whiskers and outliers of a sample, as the paper draws them (Fig. 3)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """Quartiles, whiskers and outliers of a sample, as the paper draws them (Fig. 3)."""

    whisker_low: float
    low: float
    median: float
    high: float
    whisker_high: float
    outliers: tuple[float, ...]


def box(values: Sequence[float]) -> Box:
    """Return quartiles, the last values within 1.5 interquartile ranges of them, and the values beyond.

    >>> box([1, 2, 3, 4, 100])
    Box(whisker_low=1.0, low=2.0, median=3.0, high=4.0, whisker_high=4.0, outliers=(100.0,))
    """
    sample = np.sort(np.asarray(values, float))
    low, median, high = (float(q) for q in np.percentile(sample, (25, 50, 75)))
    reach = 1.5 * (high - low)
    inside = sample[(sample >= low - reach) & (sample <= high + reach)]
    beyond = sample[(sample < low - reach) | (sample > high + reach)]
    return Box(float(inside[0]), low, median, high, float(inside[-1]), tuple(map(float, beyond)))
