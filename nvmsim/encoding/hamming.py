"""Hamming-distance-based bijection: words in order of Hamming weight number the steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nvmsim.encoding.uniform import UniformEncoding


@cache
def words_by_weight(bits: int, *, descending: bool = False) -> NDArray[np.uint16]:
    """Return all words of 1 to 16 ``bits`` by Hamming weight, equal weights in ascending (or descending) order.

    Read-only uint16[2^bits]; element i is the word of index i. Ascending it is OEIS A294648.

    >>> words_by_weight(3).tolist(), words_by_weight(3, descending=True).tolist()
    ([0, 1, 2, 4, 3, 5, 6, 7], [0, 4, 2, 1, 6, 5, 3, 7])
    """
    words = np.arange(2**bits)
    ties = -words if descending else words
    return _read_only(np.lexsort((ties, np.bitwise_count(words))))


@cache
def rank_by_weight(bits: int, *, descending: bool = False) -> NDArray[np.uint16]:
    """Return the inverse of :func:`words_by_weight`: read-only uint16[2^bits], element w is the index of word w."""
    ranks = np.empty(2**bits, dtype=np.uint16)
    ranks[words_by_weight(bits, descending=descending)] = np.arange(2**bits)
    return _read_only(ranks)


def _read_only(table: NDArray[np.integer]) -> NDArray[np.uint16]:
    table = table.astype(np.uint16)
    table.setflags(write=False)
    return table


@dataclass(frozen=True)
class Hamming(UniformEncoding):
    """The paper's bijection: index = rank of the word by Hamming weight, then ascending.

    Source: Qin, Sun, Vucinic 2017, section V, construction 1.

    >>> Hamming(3).word_of(np.arange(8, dtype=np.uint32)).tolist()
    [0, 1, 2, 4, 3, 5, 6, 7]
    """

    name = "hamming"
    descending: ClassVar[bool] = False

    def word_of(self, indices: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Return the word of each index in [0, 2^bits)."""
        return words_by_weight(self.bits, descending=self.descending)[indices]

    def index_of(self, words: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Return the index in [0, 2^bits) of each word: its rank."""
        return rank_by_weight(self.bits, descending=self.descending)[words]


@dataclass(frozen=True)
class HammingDescending(Hamming):
    """The same with ties descending, which attains the least possible worst-case distortion of one flip.

    Source: Harper, Optimal numberings and isoperimetric problems on graphs, J. Comb. Theory 1 (1966) 385.

    >>> HammingDescending(3).word_of(np.arange(8, dtype=np.uint32)).tolist()
    [0, 4, 2, 1, 6, 5, 3, 7]
    """

    name = "hamming-descending"
    descending: ClassVar[bool] = True
