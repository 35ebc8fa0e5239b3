"""Pages that differ: a log-normal factor on the rates of each page, in classes of equal probability."""

from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

CLASSES = 64


@lru_cache(maxsize=256)
def page_factors(sigma: float) -> tuple[float, ...]:
    """Return the factor of each class of pages, rising; the classes are equally likely and their mean is 1.

    ``sigma``, at least 0, is the standard deviation of the natural logarithm. A class has the mean of its part of the
    log-normal distribution, so that no page is worse than the mean of the worst 64th; without variation there is one
    class. Rounded to 12 digits, so that every machine has the same.

    >>> page_factors(0.0)
    (1.0,)
    >>> [round(page_factors(0.5)[i], 3) for i in (0, 32, 63)]
    [0.255, 0.891, 3.141]
    """
    if sigma == 0:
        return (1.0,)
    edges = ndtri(np.arange(CLASSES + 1) / CLASSES) - sigma
    left, right = edges[:-1], edges[1:]
    # Differences of probabilities near 1 lose digits: above the middle both are mirrored.
    share = np.where(right > 0, ndtr(-left) - ndtr(-right), ndtr(right) - ndtr(left))
    return tuple(float(f"{CLASSES * part:.12g}") for part in share)
