"""The rate each sampler delivers, over the rate asked for."""

import math

import numpy as np

from nvmsim.bench.row import BenchRow
from nvmsim.inject.backend import get_backend
from nvmsim.inject.draws import net_flips
from nvmsim.inject.sampler import flip_tables
from nvmsim.inject.target import FlipTarget

PAGE_BITS = 8 * (16_384 + 2_208)
RBERS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
FLOAT32_GRID = 2**24  # numpy, torch and CuPy draw float32 as multiples of 2^-24
MODEL_BITS = 16 * 329_962  # the bundled MNIST network at 16 bits a weight


def float32_delivers(rate: float) -> float:
    """Return P(u < rate) / rate for u uniform on the multiples of 2^-24 and a float32 comparison, exactly.

    >>> round(float32_delivers(1e-7), 2), round(float32_delivers(1e-8), 2)
    (1.19, 5.96)
    """
    return math.ceil(float(np.float32(rate)) * FLOAT32_GRID) / FLOAT32_GRID / rate


def count_delivers(rate: float, bits: int = MODEL_BITS) -> float:
    """Return int(rate * bits) / (rate * bits): what an injector of a fixed count delivers.

    >>> count_delivers(1e-7)
    0.0
    """
    return int(rate * bits) / (rate * bits)


def rate_rows(*, quick: bool = False) -> list[BenchRow]:
    """Measure flips over expected flips for rates 1e-9 ... 1e-1, beside two common idioms (computed exactly)."""
    return [_row(rate, expected=2e4 if quick else 4e6) for rate in RBERS]


def _row(rate: float, *, expected: float) -> BenchRow:
    pages = int(min(200_000, max(1, expected / 4 / rate / PAGE_BITS)))
    trials = math.ceil(expected / (pages * PAGE_BITS * rate))
    flips = sum(_flips(rate, pages, trial) for trial in range(trials))
    mean = trials * pages * PAGE_BITS * rate
    error = math.sqrt(mean * (1 - rate)) / mean
    figures = {
        "ours": flips / mean,
        "standard_error": error,
        "float32_rand_below_p": float32_delivers(rate),
        "int_p_n": count_delivers(rate),
    }
    return BenchRow("rates", f"RBER {rate:g}", figures, "within 4 errors of 1", abs(flips / mean - 1) < 4 * error)


def _flips(rate: float, pages: int, trial: int) -> int:
    target = FlipTarget(np.zeros(0, np.uint16), pages=pages, page_bits=PAGE_BITS, usable_bits=PAGE_BITS)
    tables = flip_tables([[rate, rate]], page_bits=PAGE_BITS)
    return net_flips(get_backend("cpu").draw(tables, target, seed=2, trial=trial)).size
