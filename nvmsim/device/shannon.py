"""What no code can do: Shannon's limits of hard and soft reads, and the sphere-packing bound of a finite codeword."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.special import entr, gammaln, logsumexp, ndtri

from nvmsim.device.binomial import binomial_pmf

SLACK = 1e-6
"""In bits: keeps perfect codes in spite of rounding."""
_HERMITE = np.polynomial.hermite_e.hermegauss(96)


@lru_cache
def hard_limit(rate: float) -> float:
    """Return the RBER up to which some code of this rate decodes hard reads: where 1 - H2(RBER) is the rate (BSC).

    Of endless codewords. ``rate`` is data over all bits, above 0 and below 1.

    >>> f"{hard_limit(0.9):.1e}"
    '1.3e-02'
    """
    return _falling(lambda rber: 1 - (entr(rber) + entr(1 - rber)) / np.log(2), rate)


@lru_cache
def soft_limit(rate: float) -> float:
    """Return the RBER of the hard bits up to which some code of this rate decodes reads of endless softness (BI-AWGN).

    >>> f"{soft_limit(0.9):.1e}"
    '2.6e-02'
    """
    return _falling(_soft_capacity, rate)


def log2_sphere(bits: int, errors: int) -> float:
    """Return log2 of how many patterns of at most so many errors there are in ``bits``.

    >>> round(2 ** log2_sphere(7, 1))
    8
    """
    weights = np.arange(min(errors, bits) + 1)
    patterns = gammaln(bits + 1) - gammaln(weights + 1) - gammaln(bits - weights + 1)
    return float(logsumexp(patterns) / np.log(2))


def least_failure(bits: int, parity_bits: int, rber: float) -> float:
    """Return a lower limit of P(a codeword fails) with any code and decoder of hard reads (sphere packing).

    At most 2^``parity_bits`` error patterns are told apart, at best the lightest; all others fail.

    >>> f"{least_failure(7, 3, 0.01):.2e}"  # Hamming's code is perfect: it fails at two errors and more
    '2.03e-03'
    """
    full = _most_packed(bits, parity_bits)
    pmf = binomial_pmf(bits, rber)
    between, unpacked = pmf[full + 1 : full + 2].sum(), _unpacked(bits, parity_bits, full)
    lighter = float(pmf[: full + 1].sum() + between * (1 - unpacked))
    if lighter < 0.5:  # the smaller part is summed, whose rounding does not reach the last digits of the other
        return 1.0 - lighter
    return float(pmf[full + 2 :].sum() + between * unpacked)


@lru_cache
def half_limit(bits: int, parity_bits: int) -> float:
    """Return the RBER up to which some code of this length decodes half of its hard reads (sphere packing).

    Shannon's limit for long codewords, and somewhat above it for short ones.

    >>> f"{half_limit(9216, 1024):.3g}", f"{hard_limit(8192 / 9216):.3g}"
    ('0.0149', '0.0148')
    """
    return _falling(lambda rber: 1 - least_failure(bits, parity_bits, rber), 0.5)


@lru_cache
def _most_packed(bits: int, parity_bits: int) -> int:
    """Return the most errors of which all patterns can be told apart."""
    low, high = 0, bits
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if log2_sphere(bits, middle) <= parity_bits + SLACK else (low, middle - 1)
    return low


def _unpacked(bits: int, parity_bits: int, full: int) -> float:
    """Return the share of the patterns of one error more for which no room is left."""
    room = 1 - 2 ** (log2_sphere(bits, full) - parity_bits)
    shell = 2 ** (log2_sphere(bits, full + 1) - parity_bits) - 2 ** (log2_sphere(bits, full) - parity_bits)
    return float(np.clip(1 - room / shell, 0, 1)) if shell > 0 else 0.0


def _soft_capacity(rber: float) -> float:
    """Return bits a read of a Gaussian channel carries whose signs are wrong at this rate: 1 - E[log2(1 + e^-L)]."""
    sigma = -1 / float(ndtri(rber))
    noise, weight = _HERMITE
    llr = 2 * (1 + sigma * noise) / sigma**2
    return float(1 - weight @ np.logaddexp(0, -llr) / np.log(2) / weight.sum())


def _falling(capacity: Callable[[float], float], rate: float) -> float:
    """Return where a capacity that falls with the RBER (1e-12 to 0.5) is the rate, by bisection of its logarithm."""
    low, high = np.log(1e-12), np.log(0.5)
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if capacity(float(np.exp(middle))) > rate else (low, middle)
    return float(np.exp(low))
