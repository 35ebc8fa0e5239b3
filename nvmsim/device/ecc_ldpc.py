"""The waterfall of an LDPC decoder, calibrated to its stated correction limit."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from nvmsim.device.binomial import binomial_pmf
from nvmsim.errors import InputError

_STEEPEST, _FLATTEST = 1e-9, 1e3
_WIDEST_MIDDLE = math.log10(0.5)
_HALF = 0.4999  # of all codewords, but for the flattest curve's slope


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
    codeword_bits: int, *, limit_rber: float | None, waterfall_decades: float | None, uber_target: float, data_bits: int
) -> LdpcWaterfall:
    """Return the waterfall whose UBER at ``limit_rber`` is ``uber_target``, by the exact binomial sum.

    A codeword of ``codeword_bits`` holds ``data_bits``, and fails with the probability UBER times these. Raises
    InputError if a number is missing or no spread reaches the target.

    >>> curve = calibrate(9216, limit_rber=8e-3, waterfall_decades=0.5, uber_target=1e-15, data_bits=8192)
    >>> round(curve.spread_decades, 4), curve.failure([0, 233]).round(2).tolist()
    (0.06, [0.0, 0.5])
    """
    _check_numbers(limit_rber, waterfall_decades)
    pmf = binomial_pmf(codeword_bits, limit_rber)
    possible = np.flatnonzero(pmf)

    def failure(middle: float, spread: float) -> float:
        return float(pmf[possible] @ LdpcWaterfall(codeword_bits, middle, spread).failure(possible))

    middle, asked = math.log10(limit_rber) + waterfall_decades, uber_target * data_bits
    _check_most(asked, failure(middle, _FLATTEST), uber_target=uber_target, limit_rber=limit_rber)
    if asked <= failure(_WIDEST_MIDDLE, _STEEPEST):
        raise InputError(
            f"ecc.limit_rber: {limit_rber:g}: must be lower: with codewords of {codeword_bits} bits no waterfall keeps "
            f"UBER there below uber_target {uber_target:g}"
        )
    _check_middle(middle, limit_rber, waterfall_decades)
    if asked <= (least := failure(middle, _STEEPEST)):
        raise InputError(
            f"ecc.waterfall_decades: {waterfall_decades:g}: must be wider: with limit_rber {limit_rber:g} and "
            f"codewords of {codeword_bits} bits, UBER at the limit is {least / data_bits:.3g} at least, above "
            f"uber_target {uber_target:g}"
        )
    return LdpcWaterfall(codeword_bits, middle, _bisect(partial(failure, middle), asked))


def _check_numbers(limit_rber: float | None, waterfall_decades: float | None) -> None:
    limit_fits = limit_rber is not None and 0 < limit_rber < 0.5
    problems = [] if limit_fits else [f"ecc.limit_rber: {limit_rber}: an ldpc code needs a number above 0, below 0.5"]
    if waterfall_decades is None or waterfall_decades <= 0:
        problems.append(f"ecc.waterfall_decades: {waterfall_decades}: an ldpc code needs a number above 0")
    if problems:
        raise InputError(problems)


def _check_most(asked: float, most: float, *, uber_target: float, limit_rber: float) -> None:
    if asked >= _HALF:
        highest = _rounded_down(_HALF * uber_target / asked)
        raise InputError(
            f"ecc.uber_target: {uber_target:g}: must be at most {highest}: beyond, half of the codewords "
            f"fail at the limit"
        )
    if asked >= most:
        raise InputError(
            f"ecc.limit_rber: {limit_rber:g}: must be higher, or uber_target {uber_target:g} lower: too few codewords "
            f"have wrong bits there"
        )


def _check_middle(middle: float, limit_rber: float, waterfall_decades: float) -> None:
    if middle > _WIDEST_MIDDLE:
        widest, highest = (
            _rounded_down(_WIDEST_MIDDLE - math.log10(limit_rber)),
            _rounded_down(0.5 / 10**waterfall_decades),
        )
        raise InputError(
            f"ecc.waterfall_decades: {waterfall_decades:g}: must be at most {widest} with limit_rber {limit_rber:g}, "
            f"or that at most {highest} with this: half of the codewords fail at limit_rber x 10^waterfall_decades, "
            f"RBER {limit_rber * 10**waterfall_decades:.3g}, and none is above 0.5"
        )


def _rounded_down(most: float) -> str:
    """Write a bound so that what is written keeps to it."""
    return f"{most * (1 - 5e-5):.5g}"


def _bisect(failure: Callable[[float], float], target: float) -> float:
    """Halve between the steepest and the flattest curve until float64 ends; the failure rises with the spread."""
    low, high = _STEEPEST, _FLATTEST
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if failure(middle) < target else (low, middle)
    return high
