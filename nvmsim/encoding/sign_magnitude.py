"""Sign-magnitude: weights near zero, the most common, lose little to a flip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nvmsim.encoding.base import Decoded, Encoding, Range, nothing_nulled, require_bits
from nvmsim.encoding.uniform import chunks
from nvmsim.errors import InputError


@dataclass(frozen=True)
class SignMagnitude(Encoding):
    """A sign bit (the top one) over bits - 1 magnitude bits, m = round(|w| / w_max * (2^(bits - 1) - 1)).

    The grid is symmetric: w_max = max(|low|, |high|). Ties round to even, larger |w| clamp, and both zeros
    decode to 0. ``bits`` is 2 to 16; a range costs 4 bytes, w_max as float32.

    >>> code = SignMagnitude(4)
    >>> words = code.encode(np.float32([-1, -0.5, 0, 1]), Range(-1, 0.5))
    >>> [format(word, "04b") for word in words]
    ['1111', '1100', '0000', '0111']
    >>> code.decode(np.uint32([0b1000, 0b1111]), Range(-1, 0.5)).values.tolist()
    [0.0, -1.0]
    """

    name = "sign-magnitude"
    bits: int = 16

    def __post_init__(self) -> None:
        require_bits(self, 2, 16)

    @property
    def range_bytes(self) -> int:
        """Bytes of error-free side information that each range costs."""
        return 4

    @property
    def bit_roles(self) -> tuple[str, ...]:
        """What each bit of a word is for, the least significant first."""
        return ("magnitude",) * (self.bits - 1) + ("sign",)

    @property
    def _largest(self) -> int:
        return 2 ** (self.bits - 1) - 1

    def encode(self, values: NDArray[np.float32], span: Range) -> NDArray[np.uint32]:
        """Return the words (uint32[n]) of ``values`` (float32[n], outside the range clamped); InputError on NaN."""
        words = np.zeros(values.shape, dtype=np.uint32)
        for part in chunks(values.size):
            words[part] = self._magnitude(values[part], span)
            words[part] |= (values[part] < 0).astype(np.uint32) << np.uint32(self.bits - 1)
        return words

    def _magnitude(self, values: NDArray[np.float32], span: Range) -> NDArray[np.float64]:
        scaled = np.abs(values, dtype=np.float64)
        if np.isnan(scaled).any():
            raise InputError("weights: NaN: cannot be quantised")
        if span.magnitude == 0:
            return np.zeros_like(scaled)
        np.minimum(scaled, span.magnitude, out=scaled)
        scaled *= self._largest
        scaled /= span.magnitude
        return np.rint(scaled, out=scaled)

    def decode(self, words: NDArray[np.uint32], span: Range) -> Decoded:
        """Return the values (float32[n]) of ``words`` (uint32[n]); nothing is ever nulled."""
        values = np.empty(words.shape, dtype=np.float32)
        for part in chunks(words.size):
            magnitude = (words[part] & np.uint32(self._largest)).astype(np.int32)
            signed = np.where(words[part] > self._largest, -magnitude, magnitude) * span.magnitude
            values[part] = signed / self._largest
        return nothing_nulled(values)
