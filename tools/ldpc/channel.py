"""What a 2-bit read says: the bit, and whether its cell lies near the read level (one more sense on each side)."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import norm

HARD = np.array([1.0, 1.0, 0.0, 0.0], np.float32)
"""Without a second bit all magnitudes are alike (min-sum does not ask how large)."""


def soft_levels(rber: float) -> NDArray[np.float32]:
    """Return (strong, weak, P(weak | wrong), P(weak | right)) of a cell with Gaussian noise and this RBER.

    The two magnitudes are log-likelihood ratios. The weak region about the read level is as wide as tells most
    (largest mutual information): an assumption, a controller would have to know the noise.

    >>> [round(float(level), 2) for level in soft_levels(0.01)]
    [6.64, 1.56, 0.88, 0.04]
    """
    mean = norm.isf(rber)  # noise of unit variance about +mean and -mean: RBER = P(noise > mean)
    best = minimize_scalar(lambda width: -_information(_regions(mean, width)), bounds=(0, 2 * mean), method="bounded")
    strong_right, weak_right, weak_wrong, strong_wrong = _regions(mean, best.x)
    ratios = np.log(strong_right / strong_wrong), np.log(weak_right / weak_wrong)
    return np.array([*ratios, weak_wrong / rber, weak_right / (1 - rber)], np.float32)


def _regions(mean: float, width: float) -> NDArray[np.float64]:
    """Return the probabilities of the four regions, from surely right to surely wrong."""
    return np.diff(norm.cdf([-np.inf, mean - width, mean, mean + width, np.inf]))


def _information(regions: NDArray[np.float64]) -> float:
    """Return bits of information of one read of an equiprobable bit."""
    other = regions[::-1]
    return float(np.sum(regions * np.log2(2 * regions / (regions + other))))
