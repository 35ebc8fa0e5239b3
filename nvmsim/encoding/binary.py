"""Natural binary: the word is the index of the quantisation step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nvmsim.encoding.uniform import UniformEncoding


@dataclass(frozen=True)
class Binary(UniformEncoding):
    """Binary expansion of the step's index: optimal for the mean and the mean square error of one flip (Harper 1964).

    Source: Qin, Sun, Vucinic 2017, section II-B2.

    >>> from nvmsim.encoding.base import Range
    >>> Binary(8).encode(np.float32([-1, 0, 1]), Range(-1, 1)).tolist()
    [0, 128, 255]
    """

    name = "binary"

    def word_of(self, indices: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Return the word of each index in [0, 2^bits): the index itself."""
        return indices

    def index_of(self, words: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Return the index in [0, 2^bits) of each word: the word itself."""
        return words
