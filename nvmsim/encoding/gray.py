"""Reflected Gray code: neighbouring steps differ in one bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nvmsim.encoding.uniform import UniformEncoding


@dataclass(frozen=True)
class Gray(UniformEncoding):
    """Binary reflected Gray code of the step's index.

    Source: Qin, Sun, Vucinic 2017, section V, example 1 and remark 2.

    >>> Gray(2).word_of(np.arange(4, dtype=np.uint32)).tolist()
    [0, 1, 3, 2]
    """

    name = "gray"

    def word_of(self, indices: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Return the word index XOR (index >> 1) of each index in [0, 2^bits)."""
        return indices ^ (indices >> 1)

    def index_of(self, words: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Return the index in [0, 2^bits) of each word: every bit is the parity of the word's bits from there up."""
        indices = words ^ (words >> 1)
        for shift in (2, 4, 8):  # 16 bits: each pass doubles the run of bits that are summed
            indices ^= indices >> shift
        return indices
