"""The numpy samplers that injection is measured against, each written as fast as numpy allows.

All flip in place into a uint16 image with independent rate p per bit, by SFC64, numpy's fastest generator.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.uint16]
Sampler = Callable[[Image, float, Generator], None]

GAP_CHUNK = 2**15  # gaps drawn at once: the arrays stay in the second-level cache
MASK_CHUNK = 2**20  # bits masked at once
_BIT = (1 << np.arange(16)).astype(np.uint16)


def _flip(image: Image, places: NDArray) -> None:
    np.bitwise_xor.at(image, places >> 4, _BIT[places & 15])


def _gap_walk(total: int, rate: float, rng: Generator) -> Iterator[NDArray[np.int64]]:
    """Yield the places hit in [0, total), ascending: gaps are floors of exponentials, so exactly geometric."""
    scale, last = -1 / np.log1p(-rate), -1
    chunk = int(min(GAP_CHUNK, total * rate + 6 * np.sqrt(total * rate) + 8))
    while last < total:
        gaps = rng.standard_exponential(chunk)
        gaps *= scale
        places = gaps.astype(np.int64)
        places += 1
        np.cumsum(places, out=places)
        places += last
        last = int(places[-1])
        yield places if last < total else places[: np.searchsorted(places, total)]


def exponential_gaps(image: Image, rate: float, rng: Generator) -> None:
    """Walk from hit to hit by exponential gaps and XOR the hits with ``ufunc.at``."""
    for places in _gap_walk(image.size * 16, rate, rng):
        _flip(image, places)


def gaps_and_mask(image: Image, rate: float, rng: Generator) -> None:
    """Walk by exponential gaps, mark the hits in a boolean chunk, pack it and XOR whole bytes (best near 1e-2)."""
    octets = image.view(np.uint8)
    mask = np.zeros(MASK_CHUNK, bool)
    for start in range(0, octets.size, MASK_CHUNK // 8):
        part = octets[start : start + MASK_CHUNK // 8]
        hits = list(_gap_walk(part.size * 8, rate, rng))
        for places in hits:
            mask[places] = True
        part ^= np.packbits(mask[: part.size * 8], bitorder="little")
        for places in hits:
            mask[places] = False


def count_and_sort(image: Image, rate: float, rng: Generator) -> None:
    """Draw a binomial count, then that many distinct places: sort, drop repeats, draw the missing ones again."""
    total = image.size * 16
    kind = np.uint32 if total < 2**32 else np.int64
    count = rng.binomial(total, rate)
    places = np.zeros(0, kind)
    while places.size < count:
        more = rng.integers(0, total, count - places.size, dtype=kind)
        places = np.sort(np.concatenate((places, more)) if places.size else more)
        new = places[1:] != places[:-1]
        if not new.all():
            places = np.concatenate((places[:1], places[1:][new]))
    _flip(image, places)


def dense_mask(image: Image, rate: float, rng: Generator) -> None:
    """Compare a float32 random number with the rate for every bit (its rates are off below about 1e-5)."""
    octets = image.view(np.uint8)
    for start in range(0, octets.size, 2**17):
        part = octets[start : start + 2**17]
        part ^= np.packbits(rng.random(part.size * 8, dtype=np.float32) < rate)


SPARSE: tuple[Sampler, ...] = (exponential_gaps, gaps_and_mask, count_and_sort)
