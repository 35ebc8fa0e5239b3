"""Uniform quantisation of a range into 2^q steps, and the encodings that number the steps by a bijection."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nvmsim.encoding.base import Decoded, Encoding, Range, nothing_nulled, require_bits
from nvmsim.errors import InputError

CHUNK = 1 << 14  # work arrays of 128 KiB stay in the cache and never reach the size of a model


def chunks(n: int) -> Iterator[slice]:
    """Yield slices that cover range(n) in pieces of CHUNK."""
    return (slice(start, start + CHUNK) for start in range(0, n, CHUNK))


def quantise(values: NDArray[np.float32], span: Range, bits: int) -> NDArray[np.uint32]:
    """Return the step min(floor((w - low) / delta), 2^bits - 1) of each value, delta = (high - low) / 2^bits.

    Values (float32[n]) outside the range take its first or last step; in a range of one point all take step 0.
    Raises InputError on NaN. Source: Qin, Sun, Vucinic 2017, section II-B2.

    >>> quantise(np.float32([-1, -0.1, 0.99, 1, 7]), Range(-1, 1), 2).tolist()
    [0, 1, 3, 3, 3]
    """
    scaled = values.astype(np.float64)
    if np.isnan(scaled).any():
        raise InputError("weights: NaN: cannot be quantised")
    if span.low == span.high:
        return np.zeros(values.shape, dtype=np.uint32)
    scaled -= span.low
    with np.errstate(over="ignore"):  # a value far outside a tiny range: infinity, then the last step
        scaled /= (span.high - span.low) / 2**bits
    return np.clip(scaled, 0, 2**bits - 1, out=scaled).astype(np.uint32)


def dequantise(steps: NDArray[np.unsignedinteger], span: Range, bits: int) -> NDArray[np.float32]:
    """Return the midpoint low + delta * (step + 1/2) of each step (float32[n], computed in float64).

    Source: Qin, Sun, Vucinic 2017, section II-B2.

    >>> dequantise(np.arange(4, dtype=np.uint32), Range(-1, 1), 2).tolist()
    [-0.75, -0.25, 0.25, 0.75]
    """
    middle = steps + np.float64(0.5)
    middle *= (span.high - span.low) / 2**bits
    middle += span.low
    return middle.astype(np.float32)


@dataclass(frozen=True)
class UniformEncoding(Encoding):
    """Uniform quantisation to 2^bits steps, stored as the words that a bijection gives to the steps' indices.

    A subclass adds the bijection: ``word_of`` and its inverse ``index_of``. ``bits`` is 2 to 16.
    A range costs 8 bytes: its two ends as float32.
    """

    bits: int = 16

    def __post_init__(self) -> None:
        require_bits(self, 2, 16)

    @abstractmethod
    def word_of(self, indices: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Return the word of each index in [0, 2^bits)."""

    @abstractmethod
    def index_of(self, words: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Return the index in [0, 2^bits) of each word: the paper's f."""

    @property
    def range_bytes(self) -> int:
        """Bytes of error-free side information that each range costs."""
        return 8

    def encode(self, values: NDArray[np.float32], span: Range) -> NDArray[np.uint32]:
        """Return the words (uint32[n]) of ``values`` (float32[n], outside the range clamped); InputError on NaN."""
        words = np.empty(values.shape, dtype=np.uint32)
        for part in chunks(values.size):
            words[part] = self.word_of(quantise(values[part], span, self.bits))
        return words

    def decode(self, words: NDArray[np.uint32], span: Range) -> Decoded:
        """Return the midpoints of the steps that ``words`` (uint32[n]) name; nothing is ever nulled."""
        values = np.empty(words.shape, dtype=np.float32)
        for part in chunks(words.size):
            values[part] = dequantise(self.index_of(words[part]), span, self.bits)
        return nothing_nulled(values)
