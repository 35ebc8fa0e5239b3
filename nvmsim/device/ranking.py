"""In which order the bits of stored words fill the pages, the most reliable first: every bit has a rank."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Spans = tuple[tuple[int, int], ...]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Ranking(ABC):
    """A bijection between (weight, bit), 0 the least significant, and ranks 0 to n_weights x width - 1."""

    n_weights: int
    width: int

    @property
    def n_bits(self) -> int:
        """Bits that have a rank."""
        return self.n_weights * self.width

    @abstractmethod
    def rank_of(self, weights: ArrayLike, bits: ArrayLike) -> Ints:
        """Return the rank (int64) of each weight's bit."""

    @abstractmethod
    def weight_and_bit(self, ranks: Ints) -> tuple[Ints, Ints]:
        """Return the weight and the bit of its word (int64 each) that have each rank."""

    @abstractmethod
    def bits_of(self, words: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
        """Return all bits of all ``words`` in the order of their ranks."""

    @abstractmethod
    def words_of(self, ranked: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """Return the words (uint32) of all bits in the order of their ranks."""


@dataclass(frozen=True)
class BitPlanes(Ranking):
    """The top bit of every word first, then the next of every word.

    >>> BitPlanes(n_weights=4, width=2).rank_of([0, 3, 0], [1, 1, 0]).tolist()
    [0, 3, 4]
    """

    def rank_of(self, weights: ArrayLike, bits: ArrayLike) -> Ints:
        """Return the rank (int64) of each weight's bit."""
        return (self.width - 1 - np.asarray(bits, np.int64)) * self.n_weights + np.asarray(weights, np.int64)

    def weight_and_bit(self, ranks: Ints) -> tuple[Ints, Ints]:
        """Return the weight and the bit of its word (int64 each) that have each rank."""
        upper, weights = np.divmod(ranks, max(self.n_weights, 1))
        return weights, self.width - 1 - upper

    def bits_of(self, words: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
        """Return all bits of all ``words`` in the order of their ranks."""
        return np.concatenate([_bit(words, bit) for bit in range(self.width - 1, -1, -1)])

    def words_of(self, ranked: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """Return the words (uint32) of all bits in the order of their ranks."""
        words = np.zeros(self.n_weights, dtype=np.uint32)
        for plane in ranked.reshape(self.width, -1):
            words = words << np.uint32(1) | plane
        return words


@dataclass(frozen=True)
class WordsFirst(Ranking):
    """The whole words of some weights first, one after the other, then those of all others, in their order too.

    ``first`` are those weights, (first, one behind the last), rising and apart. A word's bits follow each other, the
    least significant first.

    >>> WordsFirst(n_weights=4, width=2, first=((1, 2), (3, 4))).rank_of([1, 3, 3, 0], [0, 0, 1, 0]).tolist()
    [0, 2, 3, 4]
    """

    first: Spans

    def rank_of(self, weights: ArrayLike, bits: ArrayLike) -> Ints:
        """Return the rank (int64) of each weight's bit."""
        weights = np.asarray(weights, np.int64)
        by_start = np.argsort(self._starts)
        span = by_start[np.searchsorted(self._starts[by_start], weights, side="right") - 1]
        return (weights - self._starts[span] + self._places[span]) * self.width + np.asarray(bits, np.int64)

    def weight_and_bit(self, ranks: Ints) -> tuple[Ints, Ints]:
        """Return the weight and the bit of its word (int64 each) that have each rank."""
        place, bits = np.divmod(ranks, self.width)
        span = np.searchsorted(self._places, place, side="right") - 1
        return place - self._places[span] + self._starts[span], bits

    def bits_of(self, words: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
        """Return all bits of all ``words`` in the order of their ranks."""
        ranked, at = np.empty((self.n_weights, self.width), np.uint8), 0
        for start, stop in self._spans:
            for bit in range(self.width):
                ranked[at : at + stop - start, bit] = _bit(words[start:stop], bit)
            at += stop - start
        return ranked.reshape(-1)

    def words_of(self, ranked: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """Return the words (uint32) of all bits in the order of their ranks."""
        words, bits = np.zeros(self.n_weights, np.uint32), ranked.reshape(-1, self.width)
        for (start, stop), at in zip(self._spans, self._places.tolist(), strict=True):
            for bit in range(self.width):
                words[start:stop] |= bits[at : at + stop - start, bit].astype(np.uint32) << np.uint32(bit)
        return words

    @cached_property
    def _spans(self) -> Spans:
        """All weights in the order of their ranks."""
        edges = [0, *(edge for span in self.first for edge in span), self.n_weights]
        others = zip(edges[::2], edges[1::2], strict=True)
        return tuple((start, stop) for start, stop in (*self.first, *others) if start < stop)

    @cached_property
    def _starts(self) -> Ints:
        return np.array([start for start, _ in self._spans], np.int64)

    @cached_property
    def _places(self) -> Ints:
        """How many words lie before each span."""
        sizes = np.array([stop - start for start, stop in self._spans], np.int64)
        return np.cumsum(sizes) - sizes


def _bit(words: NDArray[np.unsignedinteger], bit: int) -> NDArray[np.uint8]:
    kind = words.dtype.type
    return (words >> kind(bit) & kind(1)).astype(np.uint8)
