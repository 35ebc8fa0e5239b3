"""Codewords as a decoder sees them: where each lies in a page, which of its bits are wrong, what it does with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nvmsim.device.layout import PageLayout, page_and_bit

CORRECTED, DETECTED, SILENT = range(3)
"""Outcomes of decoding: all is right; the decoder knows that it failed; bits are wrong and nobody knows."""

Addresses = NDArray[np.uint64]
Indices = NDArray[np.int64]


class ErrorPatterns(NamedTuple):
    """The wrong bits of some codewords, int64: word w has ``positions[starts[w] : starts[w + 1]]``, sorted.

    A position counts a codeword's bits in the order of their addresses, its ``data_bits[w]`` user bits first, then its
    parity bits.
    """

    positions: Indices
    starts: Indices
    data_bits: Indices

    @property
    def words(self) -> Indices:
        """The word of each wrong bit."""
        return np.repeat(np.arange(len(self.data_bits)), np.diff(self.starts))

    def without_unused(self, parity_bits: int) -> ErrorPatterns:
        """Return the patterns without the bits behind the first ``parity_bits`` of each word's parity.

        >>> first = ErrorPatterns(np.array([3, 9]), np.array([0, 2]), np.array([8]))
        >>> first.without_unused(1).positions.tolist(), first.without_unused(2).positions.tolist()
        ([3], [3, 9])
        """
        words = self.words
        used = self.positions < self.data_bits[words] + parity_bits
        counts = np.bincount(words[used], minlength=len(self.data_bits))
        return ErrorPatterns(self.positions[used], np.concatenate([[0], np.cumsum(counts)]), self.data_bits)


class Decoded(NamedTuple):
    """What a decoder did: the outcome of each word (int8), and the bits that it flipped (``words`` sorted)."""

    outcomes: NDArray[np.int8]
    words: Indices
    positions: Indices

    @classmethod
    def untouched(cls, words: int, *, outcome: int) -> Decoded:
        """Return the same outcome for all words, no bit flipped."""
        none = np.zeros(0, np.int64)
        return cls(np.full(words, outcome, np.int8), none, none)


@dataclass(frozen=True)
class CodewordMap:
    """Which codeword of its page a bit lies in.

    Codeword j covers user bytes [j codeword_bytes, (j + 1) codeword_bytes), the last cut at the page's end, and the
    parity bytes [user + metadata + j parity_bytes, + parity_bytes) of the spare. Other spare bytes are in none.
    A codeword's key is page * per_page + j.
    """

    user_bytes: int
    parity_from: int
    codeword_bytes: int
    parity_bytes: int

    @classmethod
    def of(cls, layout: PageLayout, *, codeword_bytes: int, parity_bytes: int) -> CodewordMap:
        """Return the map of a page layout: parity lies behind the metadata."""
        return cls(layout.user_bytes, layout.user_bytes + layout.metadata_bytes, codeword_bytes, parity_bytes)

    @property
    def per_page(self) -> int:
        """Codewords of a page."""
        return -(-self.user_bytes // self.codeword_bytes)

    def locate(self, addresses: Addresses) -> tuple[Addresses, Indices]:
        """Return the addresses that lie in codewords, user bits first, and their codewords' keys."""
        page, bit = page_and_bit(addresses)
        user, parity = bit >> 3, (bit >> 3) - self.parity_from
        among_user = user < self.user_bytes
        among_parity = (parity >= 0) & (parity < self.per_page * self.parity_bytes)
        first = page[among_user] * self.per_page + user[among_user] // self.codeword_bytes
        then = page[among_parity] * self.per_page + parity[among_parity] // max(self.parity_bytes, 1)
        return np.concatenate([addresses[among_user], addresses[among_parity]]), np.concatenate([first, then])

    def patterns(self, addresses: Addresses, keys: Indices, words: Indices) -> ErrorPatterns:
        """Return the error patterns of the codewords ``words`` (sorted keys), given all of their wrong bits."""
        order = np.argsort(keys, kind="stable")  # user bits come before parity bits, each in order
        bit, keys = page_and_bit(addresses[order])[1], keys[order]
        codeword = keys % self.per_page
        data = self._data_bits(codeword)
        parity = bit - 8 * (self.parity_from + codeword * self.parity_bytes)
        positions = np.where(bit < 8 * self.user_bytes, bit - 8 * codeword * self.codeword_bytes, data + parity)
        starts = np.append(np.searchsorted(keys, words), len(keys))
        return ErrorPatterns(positions, starts, self._data_bits(words % self.per_page))

    def user_addresses(self, keys: Indices, positions: Indices) -> Addresses:
        """Return the addresses of those positions of codewords that hold user bits."""
        codeword = keys % self.per_page
        here = positions < self._data_bits(codeword)
        bit = 8 * codeword * self.codeword_bytes + positions
        address = (keys // self.per_page).astype(np.uint64) << np.uint64(32) | bit.astype(np.uint64)
        return address[here]

    def _data_bits(self, codeword: Indices) -> Indices:
        return 8 * np.minimum(self.codeword_bytes, self.user_bytes - codeword * self.codeword_bytes)
