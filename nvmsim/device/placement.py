"""Chosen bits or words on reliable pages: which bit of the stream holds which bit of which word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.device.ranking import Ranking

LINEAR, BIT_PLANE, LAYERS = "linear", "bit-plane", "layers"
EQUALLY_RELIABLE = "page types are equally reliable, so words lie one after the other"
PLACEMENT_VERSION = 2  # in the ids of tasks: the first started every load on page type 0


def plane_order(rates: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Return the page types from the lowest RBER to the highest, equal ones by number; none if all are equal.

    ``rates`` are (P(flip | stored 0), P(flip | stored 1)) a page type.

    >>> plane_order(((2e-3, 2e-3), (5e-3, 5e-3), (1e-3, 1e-3)))
    (2, 0, 1)
    """
    means = [sum(pair) / 2 for pair in rates]
    return tuple(int(kind) for kind in np.argsort(means, kind="stable")) if len(set(means)) > 1 else ()


def stripe_groups(pages: int, *, planes: int, channels: int, dies_per_channel: int, page_types: int) -> int:
    """Return over how many dies a model of ``pages`` pages is spread before the next page type comes.

    All dies, unless it is so small that it would not meet every type; then so few that it does: one on each of some
    channels, or as many on each of all.

    >>> device = {"planes": 4, "channels": 8, "dies_per_channel": 4, "page_types": 3}
    >>> [stripe_groups(pages, **device) for pages in (1, 41, 150, 4100)]
    [1, 3, 8, 32]
    """
    share = -(-pages // planes) // page_types
    return max(1, share if share < channels else min(share // channels, dies_per_channel) * channels)


def first_type(pages: int, *, round_pages: int, order: Sequence[int]) -> int:
    """Return the page type on which a load of ``pages`` pages starts, for its incomplete last turn to lie well.

    A turn is ``round_pages`` pages on each page type. The places of its pages in ``order``, the most reliable first,
    have the lowest sum; of equal starts it is the lowest number.

    >>> [first_type(pages, round_pages=1, order=(2, 0, 1, 3)) for pages in (1, 2, 3, 4, 5)]
    [2, 1, 0, 0, 2]
    """
    types = len(order)
    left = pages % (round_pages * types)
    counts = [min(max(left - round_pages * turn, 0), round_pages) for turn in range(types)]

    def places(start: int) -> int:
        return sum(count * order.index((start + turn) % types) for turn, count in enumerate(counts))

    return min(range(types), key=places)


@dataclass(frozen=True)
class ByPageType:
    """The bits of all words by their rank on the stream's bits, the most reliable page type first.

    A bijection between (weight, bit) and stream bits 0 to ``n_bits`` - 1: the stream fills the same pages as it does
    without. ``round_pages`` consecutive pages have one type, from ``first_type`` on, then comes the next; ``order``
    names the types from the most reliable on.

    >>> from nvmsim.device.ranking import BitPlanes
    >>> placed = ByPageType(BitPlanes(n_weights=4, width=2), usable_bits=4, round_pages=1, order=(1, 0))
    >>> placed.stream_of([0, 3, 0], [1, 1, 0]).tolist()  # the upper bits on page 1, of type 1
    [4, 7, 0]
    >>> placed.held(rank=2, count=3).tolist()  # bits on type 0, on type 1
    [1, 2]
    """

    ranking: Ranking
    usable_bits: int
    round_pages: int
    order: tuple[int, ...]
    first_type: int = 0

    @property
    def n_bits(self) -> int:
        """Bits that are placed."""
        return self.ranking.n_bits

    def page_type(self, pages: ArrayLike) -> NDArray[np.int64]:
        """Return the page type of each page."""
        return (np.asarray(pages, dtype=np.int64) // self.round_pages + self.first_type) % len(self.order)

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """How many bits the first, the first two ... page types of ``order`` hold."""
        pages = -(-self.n_bits // self.usable_bits)
        room = np.bincount(self.page_type(np.arange(pages)), minlength=len(self.order)) * self.usable_bits
        if pages:
            room[self.page_type(pages - 1)] -= pages * self.usable_bits - self.n_bits
        return np.cumsum(room[list(self.order)])

    def stream_of(self, weights: ArrayLike, bits: ArrayLike) -> NDArray[np.int64]:
        """Return the stream bit (int64) of each weight's bit, 0 the least significant."""
        rank = self.ranking.rank_of(weights, bits)
        place = np.searchsorted(self.ends, rank, side="right")
        within = rank - np.concatenate([[0], self.ends])[place]
        index, bit = np.divmod(within, self.usable_bits)
        turn, page = np.divmod(index, self.round_pages)
        since_first = (np.asarray(self.order)[place] - self.first_type) % len(self.order)
        return ((turn * len(self.order) + since_first) * self.round_pages + page) * self.usable_bits + bit

    def weight_and_bit(self, stream: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the weight and the bit of its word (int64 each) that each stream bit, below ``n_bits``, holds."""
        return self.ranking.weight_and_bit(self._rank(np.asarray(stream, dtype=np.int64)))

    def held(self, *, rank: int, count: int) -> NDArray[np.int64]:
        """Return how many of the ``count`` bits from a ``rank`` on each page type holds, int64[page types]."""
        edges = np.clip(np.concatenate([[0], self.ends]), rank, rank + count)
        return np.diff(edges)[np.argsort(self.order)]

    def to_stream(self, words: NDArray[np.unsignedinteger], *, room: int) -> NDArray[np.uint8]:
        """Return all bits of all ``words`` in the order of the stream, ``room`` of them, zeros behind ``n_bits``.

        Page by page, as :meth:`stream_of` would say for each bit.
        """
        stored, ranked = np.zeros(room, dtype=np.uint8), self.ranking.bits_of(words)
        for start, rank, length in self._runs():
            stored[start : start + length] = ranked[rank : rank + length]
        return stored

    def from_stream(self, stored: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """Return all words (uint32) of bits in the order of the stream."""
        ranked = np.empty(self.n_bits, dtype=np.uint8)
        for start, rank, length in self._runs():
            ranked[rank : rank + length] = stored[start : start + length]
        return self.ranking.words_of(ranked)

    def _rank(self, stream: NDArray[np.int64]) -> NDArray[np.int64]:
        page, bit = np.divmod(stream, self.usable_bits)
        turn = page // self.round_pages // len(self.order)
        before = np.concatenate([[0], self.ends])[np.argsort(self.order)[self.page_type(page)]]
        return before + (turn * self.round_pages + page % self.round_pages) * self.usable_bits + bit

    def _runs(self) -> Iterator[tuple[int, int, int]]:
        """Yield a page's first stream bit, its rank, and how many bits the page holds: within it both go on in step."""
        starts = np.arange(0, self.n_bits, self.usable_bits)
        for start, rank in zip(starts.tolist(), self._rank(starts).tolist(), strict=True):
            yield start, rank, min(self.usable_bits, self.n_bits - start)
