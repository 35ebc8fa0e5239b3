"""A protection of your own: the top bit of every word is stored three times and read by majority.

Copy this file, change the class, import it, and put the name behind any encoding: ``binary:16+top-bit-vote``.
A package that should work without the import names the class in its pyproject.toml:

    [project.entry-points."nvmsim.protection"]
    top-bit-vote = "my_package.own_protection:TopBitVote"

A protection that takes bits away from the encoding is registered as a function ``make(inner, bits)`` instead,
where ``inner(n)`` gives the protected encoding at n bits: see ``nvmsim.encoding.parity.parity_nulling``.
"""

from dataclasses import dataclass

import numpy as np

from nvmsim.encoding.base import Decoded, Protection, Range
from nvmsim.plugins import register


@dataclass(frozen=True)
class TopBitVote(Protection):
    """Two copies of the top bit above the word; ``inner`` is the encoding that is protected."""

    name = "top-bit-vote"

    @property
    def width(self) -> int:
        """Bits stored for a weight; nvmsim lays them on pages and flips the copies like all other bits."""
        return self.inner.width + 2

    def encode(self, values: np.ndarray, span: Range) -> np.ndarray:
        """Return words (uint32[n], below 2^width)."""
        words = self.inner.encode(values, span)
        top = words >> np.uint32(self.inner.width - 1)
        return words | (top * np.uint32(0b11)) << np.uint32(self.inner.width)

    def decode(self, words: np.ndarray, span: Range) -> Decoded:
        """Return what the word says with its top bit voted; flags are for weights set to 0, of which there are none."""
        top = np.uint32(self.inner.width - 1)
        voted = np.bitwise_count(words >> top) >= 2
        rest = words & np.uint32(2 ** (self.inner.width - 1) - 1)
        return self.inner.decode(rest | voted.astype(np.uint32) << top, span)


register("protection", TopBitVote.name, TopBitVote)
