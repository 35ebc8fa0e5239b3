"""The waterfall of an LDPC decoder, calibrated to its stated correction limit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from nvmsim.device.binomial import binomial_pmf
from nvmsim.errors import InputError

_STEEPEST, _FLATTEST = 1e-9, 1e3


@dataclass(frozen=True)
class LdpcWaterfall:
    """P(decoding fails | e errors) = Phi((log10(e / codeword_bits) - middle) / spread), 0 without errors."""

    codeword_bits: int
    middle_log10: float
    spread_decades: float

    def failure(self, errors: ArrayLike) -> np.ndarray:
        """Return the failure probability for every count of errors, float64."""
        with np.errstate(divide="ignore"):
            share = np.log10(np.asarray(errors, dtype=np.float64) / self.codeword_bits)
        return ndtr((share - self.middle_log10) / self.spread_decades)


@lru_cache
def calibrate(
    codeword_bits: int, *, limit_rber: float | None, waterfall_decades: float | None, codeword_failure: float
) -> LdpcWaterfall:
    """Return the waterfall whose failure at ``limit_rber`` is ``codeword_failure``, by the exact binomial sum.

    Raises InputError if a number is missing or no spread reaches the target.

    >>> curve = calibrate(9216, limit_rber=8e-3, waterfall_decades=0.5, codeword_failure=8.192e-12)
    >>> round(curve.spread_decades, 4), curve.failure([0, 233]).round(2).tolist()
    (0.06, [0.0, 0.5])
    """
    middle = _middle(limit_rber, waterfall_decades)
    pmf = binomial_pmf(codeword_bits, limit_rber)
    possible = np.flatnonzero(pmf)

    def failure(spread: float) -> float:
        return float(pmf[possible] @ LdpcWaterfall(codeword_bits, middle, spread).failure(possible))

    if not failure(_STEEPEST) < codeword_failure < failure(_FLATTEST):
        raise InputError(
            f"ecc.waterfall_decades: {waterfall_decades}: with limit_rber {limit_rber:g} and codewords of "
            f"{codeword_bits} bits, a codeword fails at the limit with a probability from {failure(_STEEPEST):.3g} to "
            f"{failure(_FLATTEST):.3g}, but uber_target asks for {codeword_failure:.3g}; must be wider"
        )
    return LdpcWaterfall(codeword_bits, middle, _bisect(failure, codeword_failure))


def _middle(limit_rber: float | None, waterfall_decades: float | None) -> float:
    limit_fits = limit_rber is not None and 0 < limit_rber < 0.5
    problems = [] if limit_fits else [f"ecc.limit_rber: {limit_rber}: an ldpc code needs a number above 0, below 0.5"]
    if waterfall_decades is None or waterfall_decades <= 0:
        problems.append(f"ecc.waterfall_decades: {waterfall_decades}: an ldpc code needs a number above 0")
    elif limit_fits and limit_rber * 10**waterfall_decades > 0.5:
        problems.append(f"ecc.waterfall_decades: {waterfall_decades}: the waterfall passes RBER 0.5; must be narrower")
    if problems:
        raise InputError(problems)
    return float(np.log10(limit_rber) + waterfall_decades)


def _bisect(failure: Callable[[float], float], target: float) -> float:
    """Halve between the steepest and the flattest curve until float64 ends; the failure rises with the spread."""
    low, high = _STEEPEST, _FLATTEST
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if failure(middle) < target else (low, middle)
    return high
