"""Distortion of a bijection under bit flips, exactly (Qin, Sun, Vucinic 2017, section V, definition 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.encoding.uniform import UniformEncoding
from nvmsim.errors import InputError

Bijection = UniformEncoding | ArrayLike


@dataclass(frozen=True)
class FlipProfile:
    """How far indices move over all pairs of words that differ in exactly t bits, each pair once, in index steps.

    ``largest`` is the greatest |f(b) - f(x)|, ``total`` the sum and ``total_of_squares`` the sum of squares over
    the ``pairs`` pairs.
    """

    largest: int
    total: int
    total_of_squares: int
    pairs: int


def index_table(bijection: Bijection) -> NDArray[np.int64]:
    """Return the index f(b) of every word b (int64[2^q]) of an encoding, or of a table that is such a list already.

    Raises InputError on a table that is no bijection of the words of q bits, 1 to 16, to 0 .. 2^q - 1.

    >>> from nvmsim.encoding.gray import Gray
    >>> index_table(Gray(2)).tolist()
    [0, 1, 3, 2]
    """
    if isinstance(bijection, UniformEncoding):
        bijection = bijection.index_of(np.arange(2**bijection.bits, dtype=np.uint32))
    table = np.asarray(bijection)
    size = table.size
    if size not in {2**q for q in range(1, 17)} or not np.array_equal(np.sort(table, axis=None), np.arange(size)):
        raise InputError("bijection: must list each of 0 .. 2^q - 1 once, with q 1 to 16")
    return table.astype(np.int64)


def flip_profile(bijection: Bijection, flips: int) -> FlipProfile:
    """Return how far exactly ``flips`` flipped bits (1 to q) move the index, over all pairs of words.

    >>> from nvmsim.encoding.binary import Binary
    >>> flip_profile(Binary(3), 1)
    FlipProfile(largest=4, total=28, total_of_squares=84, pairs=12)
    """
    table = index_table(bijection)
    largest = total = squares = 0
    for mask in _masks(table, flips):
        moved = np.abs(table - table[np.arange(table.size) ^ mask])
        largest = max(largest, int(moved.max()))
        total += int(moved.sum())
        squares += int(moved @ moved)
    pairs = table.size * comb(_bits(table), flips) // 2
    return FlipProfile(largest, total // 2, squares // 2, pairs)


def d_max_k(bijection: Bijection, k: int = 1) -> Fraction:
    """Return the largest |f(b) - f(x)| / 2^q over all words b and their neighbours x at Hamming distance 1 to ``k``.

    Source: Qin, Sun, Vucinic 2017, definition 1. Raises InputError unless ``k`` is 1 to q.

    >>> from nvmsim.encoding.binary import Binary
    >>> from nvmsim.encoding.hamming import Hamming
    >>> d_max_k(Binary(16)), d_max_k(Hamming(16))
    (Fraction(1, 2), Fraction(17875, 65536))
    """
    table = index_table(bijection)
    return Fraction(max(flip_profile(table, t).largest for t in _distances(table, k)), table.size)


def d_ave_k(bijection: Bijection, k: int = 1) -> Fraction:
    """Return the mean of |f(b) - f(x)| / 2^q over all words b and their neighbours x at Hamming distance 1 to ``k``.

    All neighbours of a word count alike, whatever their distance; the word itself is none. Source: Qin, Sun,
    Vucinic 2017, definition 1. Raises InputError unless ``k`` is 1 to q.

    >>> from nvmsim.encoding.binary import Binary
    >>> d_ave_k(Binary(3))
    Fraction(7, 24)
    """
    table = index_table(bijection)
    profiles = [flip_profile(table, t) for t in _distances(table, k)]
    return Fraction(sum(p.total for p in profiles), sum(p.pairs for p in profiles) * table.size)


def d_max_k_of_word(bijection: Bijection, word: int, k: int = 1) -> Fraction:
    """Return d_max,k(f, b): the largest |f(b) - f(x)| / 2^q over the neighbours x of one word b.

    >>> from nvmsim.encoding.gray import Gray
    >>> d_max_k_of_word(Gray(2), 0b00)
    Fraction(3, 4)
    """
    moved, size = _moves_of_word(bijection, word, k)
    return Fraction(int(moved.max()), size)


def d_ave_k_of_word(bijection: Bijection, word: int, k: int = 1) -> Fraction:
    """Return d_ave,k(f, b): the mean of |f(b) - f(x)| / 2^q over the neighbours x of one word b.

    >>> from nvmsim.encoding.gray import Gray
    >>> d_ave_k_of_word(Gray(2), 0b00)
    Fraction(1, 2)
    """
    moved, size = _moves_of_word(bijection, word, k)
    return Fraction(int(moved.sum()), moved.size * size)


def _moves_of_word(bijection: Bijection, word: int, k: int) -> tuple[NDArray[np.int64], int]:
    table = index_table(bijection)
    if not 0 <= word < table.size:
        raise InputError(f"word: {word}: must be 0 to {table.size - 1}")
    masks = np.array([mask for t in _distances(table, k) for mask in _masks(table, t)])
    return np.abs(table[word] - table[word ^ masks]), table.size


def _bits(table: NDArray[np.int64]) -> int:
    return table.size.bit_length() - 1


def _distances(table: NDArray[np.int64], k: int) -> range:
    if not 1 <= k <= _bits(table):
        raise InputError(f"k: {k}: must be 1 to {_bits(table)} flips")
    return range(1, k + 1)


def _masks(table: NDArray[np.int64], flips: int) -> Iterator[int]:
    """Yield the words of Hamming weight ``flips``."""
    if not 1 <= flips <= _bits(table):
        raise InputError(f"flips: {flips}: must be 1 to {_bits(table)}")
    return (sum(1 << bit for bit in chosen) for chosen in combinations(range(_bits(table)), flips))
