"""What a task's flips are drawn from: integer tables for given rates and page size.

For a page of n bits and rate p per bit let lambda = -ln(1-2p)/2. A page gets K ~ Poisson(n lambda_max) events at
uniform places; an event is kept with probability lambda(p of its bit) / lambda_max; kept events flip their bit. A
Poisson count is odd with probability (1 - exp(-2 lambda)) / 2 = p, so every bit flips independently with its rate.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.errors import InputError
from nvmsim.inject.thresholds import dense_threshold, keep_threshold, poisson_thresholds

SAMPLER_VERSION = 1
LADDER = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
DENSE_ABOVE = 0.25
LOWEST_RUNG = 1e-18
EVENTS_PER_CELL = 32
GUIDE_BITS = 10


@dataclass(frozen=True, eq=False)
class FlipTables:
    """Integer tables of one task: the rung, the count thresholds and what is kept.

    ``cell_pages`` consecutive pages (a power of two) share one event count. ``cdf`` is uint64: a count is
    ``first_count`` + (thresholds <= word); ``guide`` (uint32, 2^10) starts that search. ``keep`` is uint64 of shape
    (page types, 2 stored bits): an event (dense: a bit) flips if its mark < keep, 2^64-1 means always.
    """

    page_bits: int
    rung_rber: float
    dense: bool
    cell_pages: int
    cdf: NDArray[np.uint64]
    keep: NDArray[np.uint64]
    first_count: int
    guide: NDArray[np.uint32]

    @property
    def silent(self) -> bool:
        """Whether nothing can flip, so that nothing is drawn."""
        return not self.keep.any()


def rung_for(max_rate: float) -> float:
    """Return the lowest rung 1, 1.5, 2, 3, 5, 7 x 10^k that is not below ``max_rate``; 1.0 (dense) above 0.25.

    >>> rung_for(4e-3), rung_for(5e-3), rung_for(0.22), rung_for(0.26)
    (0.005, 0.005, 0.3, 1.0)
    """
    if max_rate > DENSE_ABOVE:
        return 1.0
    if max_rate <= LOWEST_RUNG:
        return LOWEST_RUNG
    exponent = math.floor(math.log10(max_rate))
    rungs = (float(f"{step}e{power}") for power in range(exponent - 1, exponent + 2) for step in LADDER)
    return next(rung for rung in rungs if rung >= max_rate)


def cell_pages_for(rung_rber: float, page_bits: int) -> int:
    """Return how many pages share one count: the largest power of two with at most 32 events a cell on average.

    >>> cell_pages_for(1e-2, 148_736), cell_pages_for(1e-6, 148_736)
    (1, 128)
    """
    mean = -math.log1p(-2 * rung_rber) / 2 * page_bits
    pages = 1
    while pages * mean * 2 <= EVENTS_PER_CELL and pages * 2 * page_bits < 2**32:
        pages *= 2
    return pages


def flip_tables(rates: ArrayLike, *, page_bits: int, rung_rber: float | None = None) -> FlipTables:
    """Build the tables for ``rates`` (float64, shape (page types, 2 stored bits), each in [0, 1]), cached.

    ``rung_rber`` names the rung; a sweep that names one rung draws one set of events, from which higher rates keep
    more. Raises InputError on a rate outside [0, 1] or above the rung.

    >>> tables = flip_tables([[1e-3, 1e-3]], page_bits=148_736)
    >>> tables.rung_rber, tables.cell_pages, tables.dense
    (0.001, 1, False)
    """
    table = np.atleast_2d(np.asarray(rates, np.float64))
    _check(table, page_bits, rung_rber)
    top = float(table.max())
    rung = rung_for(top) if rung_rber is None else float(rung_rber)
    return _build(tuple(map(tuple, table.tolist())), page_bits, rung)


def _check(rates: NDArray[np.float64], page_bits: int, rung_rber: float | None) -> None:
    problems = []
    if rates.ndim != 2 or rates.shape[1] != 2 or not rates.size:
        raise InputError(f"flip rates: shape {rates.shape}: must be (page types, 2)")
    if not ((rates >= 0) & (rates <= 1)).all():
        problems.append(f"flip rates: {rates.tolist()}: each must lie in [0, 1]")
    elif rung_rber is not None and not rates.max() <= rung_rber <= 1:
        problems.append(f"rung_rber: {rung_rber}: must lie between the highest rate {rates.max()} and 1")
    if not 0 < page_bits < 2**32:
        problems.append(f"page_bits: {page_bits}: must lie in [1, 2^32)")
    if problems:
        raise InputError(problems)


@lru_cache(maxsize=256)
def _build(rates: tuple[tuple[float, float], ...], page_bits: int, rung: float) -> FlipTables:
    dense = rung > rung_for(DENSE_ABOVE)
    cell_pages = 1 if dense else cell_pages_for(rung, page_bits)
    first, cdf = (0, ()) if dense or not any(map(any, rates)) else poisson_thresholds(rung, cell_pages * page_bits)
    threshold = dense_threshold if dense else lambda rate: keep_threshold(rate, rung)
    keep = np.array([[threshold(rate) for rate in pair] for pair in rates], np.uint64)
    counts = np.array(cdf, np.uint64)
    for array in (keep, counts):
        array.flags.writeable = False
    return FlipTables(page_bits, rung, dense, cell_pages, counts, keep, first, _guide(counts))


def _guide(cdf: NDArray[np.uint64]) -> NDArray[np.uint32]:
    starts = np.arange(2**GUIDE_BITS, dtype=np.uint64) << np.uint64(64 - GUIDE_BITS)
    guide = np.searchsorted(cdf, starts, side="right").astype(np.uint32)
    guide.flags.writeable = False
    return guide
