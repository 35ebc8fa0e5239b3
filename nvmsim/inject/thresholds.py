"""Integer thresholds of the sampler, in 60-digit decimal: the same on every machine."""

import math
from decimal import Context, Decimal, localcontext
from functools import lru_cache

DIGITS = 60
ALWAYS = 2**64 - 1
_CONTEXT = Context(prec=DIGITS, Emin=-999_999_999, Emax=999_999_999)


def flip_intensity(rate: float) -> Decimal:
    """Return lambda = -ln(1 - 2 rate) / 2, 0 <= rate < 1/2: a Poisson(lambda) count is odd with this rate.

    >>> round(float(flip_intensity(0.25)), 6)
    0.346574
    """
    with localcontext(_CONTEXT):
        return -(1 - 2 * Decimal(rate)).ln() / 2


def keep_threshold(rate: float, rung_rber: float) -> int:
    """Return floor(2^64 lambda(rate) / lambda(rung)); 2^64 - 1 stands for always.

    >>> keep_threshold(1e-3, 1e-3) == ALWAYS, keep_threshold(0.0, 1e-3)
    (True, 0)
    """
    with localcontext(_CONTEXT):
        share = flip_intensity(rate) / flip_intensity(rung_rber)
        return min(int(share * 2**64), ALWAYS)


def dense_threshold(rate: float, of: float = 1.0) -> int:
    """Return floor(2^64 rate / of), 0 <= rate <= of; 2^64 - 1 stands for always.

    >>> dense_threshold(0.5) == 2**63, dense_threshold(1.0) == ALWAYS
    (True, True)
    """
    with localcontext(_CONTEXT):
        return min(int(Decimal(rate) / Decimal(of) * 2**64), ALWAYS)


@lru_cache(maxsize=64)
def poisson_thresholds(rung_rber: float, bits: int) -> tuple[int, tuple[int, ...]]:
    """Return (k, (T_k, T_k+1, ...)), T_i = floor(2^64 P(K <= i)), for K ~ Poisson(bits * lambda(rung_rber)).

    A uniform 64-bit word gives the count k + (how many thresholds are <= word). Thresholds below k are zero;
    the last one is 2^64 - 1.

    >>> first, table = poisson_thresholds(1e-3, 1000)
    >>> first, round(table[0] / 2**64, 4), table[-1] == ALWAYS
    (0, 0.3675, True)
    """
    with localcontext(_CONTEXT):
        mean = bits * flip_intensity(rung_rber)
        first, table = 0, []
        probability = total = (-mean).exp()
        for count in range(1, 2 * int(mean) + 1000):
            threshold = math.floor(total * 2**64)
            if threshold:
                table.append(min(threshold, ALWAYS))
            else:
                first = count
            if threshold >= ALWAYS:
                break
            probability = probability * mean / count
            total += probability
    return first, tuple(table)
