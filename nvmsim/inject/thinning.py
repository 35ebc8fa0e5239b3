"""Rates that differ from page to page: flips are drawn at the worst page's rates, and each is kept or dropped.

An event drawn at rate p_max is kept with probability lambda(p of its page) / lambda(p_max): what remains of a Poisson
process so thinned is one at the page's own rate. Dense flips, one a bit, are kept with probability p / p_max. A Philox
word named by trial, page, bit and how many-th event of the bit it is decides, in integers and here alone, so that all
backends give equal bits.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nvmsim.inject.philox import THIN, uniform64
from nvmsim.inject.reference import page_types, stored_bits
from nvmsim.inject.target import FlipTarget
from nvmsim.inject.thresholds import ALWAYS, dense_threshold, keep_threshold

_32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
CHUNK = 1 << 15  # events at a time: the words of a draw stay in the cache, and memory bounded
_OCCURRENCE = np.uint64(16)  # the stream's upper half counts the events of one bit
RatesByType = tuple[tuple[float, float], ...]


@lru_cache(maxsize=256)
def keep_by_class(rates: tuple[RatesByType, ...], dense: bool) -> NDArray[np.uint64]:
    """Return what is kept of flips drawn at the last class's rates, uint64 (classes, page types, 2 stored bits).

    ``rates`` are those of each class of pages, rising.

    >>> (keep_by_class((((0.125, 0.25),), ((0.25, 0.25),)), True) / 2.0**64).tolist()
    [[[0.5, 1.0]], [[1.0, 1.0]]]
    """
    found = [[list(map(_threshold(dense), *pair)) for pair in zip(one, rates[-1], strict=True)] for one in rates]
    keep = np.array(found, np.uint64)
    keep.flags.writeable = False
    return keep


def _threshold(dense: bool) -> Callable[[float, float], int]:
    share = dense_threshold if dense else keep_threshold
    return lambda rate, highest: share(rate, highest) if rate else 0


def thin(
    drawn: NDArray[np.uint64],
    *,
    keep: NDArray[np.uint64],
    classes: NDArray[np.int64],
    target: FlipTarget,
    seed: int,
    trial: int,
    offset: int,
) -> NDArray[np.uint64]:
    """Return those of the ``drawn`` addresses that are kept, sorted; repeats stay repeats.

    ``keep`` as from `keep_by_class`, ``classes`` (int64[pages]) is each page's; seed, trial and offset are those of the
    draw. ``target.buffer`` must hold the written image, on which each event is decided.
    """
    ordered = np.sort(drawn)
    which = np.arange(ordered.size, dtype=np.uint64) - np.searchsorted(ordered, ordered).astype(np.uint64)
    kept = np.empty(ordered.size, np.bool_)
    for start in range(0, ordered.size, CHUNK):
        part = slice(start, start + CHUNK)
        pages, bits = ordered[part] >> _32, ordered[part] & _LOW
        stream = np.uint64(THIN) | which[part] << _OCCURRENCE
        words = uniform64(bits, pages, trial=trial, stream=stream, seed=seed)
        limit = _limits(pages, bits, keep=keep, classes=classes, target=target, offset=offset)
        kept[part] = (words < limit) | (limit == np.uint64(ALWAYS))
    return ordered[kept]


def _limits(
    pages: NDArray[np.uint64],
    bits: NDArray[np.uint64],
    *,
    keep: NDArray[np.uint64],
    classes: NDArray[np.int64],
    target: FlipTarget,
    offset: int,
) -> NDArray[np.uint64]:
    stored = stored_bits(pages, bits, target) if (keep[..., 0] != keep[..., 1]).any() else 0
    return keep[classes[pages.astype(np.int64)], page_types(pages, target, offset), stored]
