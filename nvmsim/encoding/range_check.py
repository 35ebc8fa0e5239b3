"""Range check: a weight outside the stored range, or no number at all, becomes 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nvmsim.encoding.base import Decoded, Protection, Range


@dataclass(frozen=True)
class RangeCheck(Protection):
    """Decodes to 0.0 and flags what is not finite or has |w| above w_max = max(|low|, |high|), as the format rounds it.

    A weight of exactly w_max must pass undamaged, so where the inner encoding rounds w_max up, the limit is the
    rounded value. A weight that overflows the format to infinity is nulled, undamaged or not. The check needs no bit
    of the word, and 4 bytes a range: w_max as float32.

    >>> from nvmsim.encoding.floating import Float16
    >>> RangeCheck(Float16()).decode(np.uint32([0x3C00, 0x7C00, 0x7800]), Range(-1, 1)).values.tolist()
    [1.0, 0.0, 0.0]
    """

    name = "range-check"

    @property
    def range_bytes(self) -> int:
        """Bytes of error-free side information that each range costs."""
        return self.inner.range_bytes + 4

    def encode(self, values: NDArray[np.float32], span: Range) -> NDArray[np.uint32]:
        """Return the inner encoding's words (uint32[n]) of ``values`` (float32[n])."""
        return self.inner.encode(values, span)

    def decode(self, words: NDArray[np.uint32], span: Range) -> Decoded:
        """Return values and flags of ``words`` (uint32[n]): 0.0 and true where the check fails."""
        values, nulled = self.inner.decode(words, span)
        outside = ~(np.abs(values) <= self._limit(span))  # the negation catches NaN
        values[outside] = 0
        return Decoded(values, nulled | outside)

    def _limit(self, span: Range) -> np.float32:
        largest = np.float32([-span.magnitude, span.magnitude])
        stored = np.abs(self.inner.decode(self.inner.encode(largest, span), span).values)
        return np.max([*largest, *stored[np.isfinite(stored)]])
