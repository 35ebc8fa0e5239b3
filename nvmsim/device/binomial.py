"""Binomial probabilities, accurate far into the tails."""

from functools import lru_cache

import numpy as np
from scipy.special import gammaln, kl_div

# Above this count Stirling's series is exact in float64; below it the gamma function loses no digits.
_SERIES_FROM = 16


def binomial_pmf(n: int, p: float) -> np.ndarray:
    """Return P(e of n bits are wrong) for e = 0 .. n, float64 (n + 1), each to a relative 1e-11 down to 1e-300.

    ``p`` is in [0, 1]. Saddle-point form (Loader, "Fast and accurate computation of binomial probabilities", 2000).

    >>> binomial_pmf(2, 0.5).round(12).tolist()
    [0.25, 0.5, 0.25]
    """
    if p in (0, 1):
        return np.eye(1, n + 1, k=round(n * p))[0]
    wrong, right, log, root = _of_count(n)
    with np.errstate(invalid="ignore"):
        pmf = np.exp(log - (kl_div(wrong, n * p) + kl_div(right, n * (1 - p)))) * root
    pmf[[0, n]] = np.exp(n * np.log1p(-p)), np.exp(n * np.log(p))
    return pmf


@lru_cache(maxsize=16)
def _of_count(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return what does not depend on p: e, n - e, Stirling's errors, and the root before the exponential."""
    wrong = np.arange(n + 1, dtype=np.float64)
    right = n - wrong
    log = _stirling_error(np.array([n]))[0] - _stirling_error(wrong) - _stirling_error(right)
    with np.errstate(divide="ignore", invalid="ignore"):
        return wrong, right, log, np.sqrt(n / (2 * np.pi * wrong * right))


def _stirling_error(count: np.ndarray) -> np.ndarray:
    """Return log(count!) less Stirling's formula for it."""
    large = np.maximum(count, _SERIES_FROM)
    inverse = 1 / large**2
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / large
    small = np.clip(count, 1, _SERIES_FROM)
    exact = gammaln(small + 1) - (small + 0.5) * np.log(small) + small - 0.5 * np.log(2 * np.pi)
    return np.where(count < _SERIES_FROM, exact, series)
