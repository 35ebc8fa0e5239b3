"""An encoding of your own: symmetric fixed point in two's complement, for example 8 bits a weight.

Copy this file, change ``encode`` and ``decode``, import it, and use the name wherever nvmsim takes an encoding:
``--schemes`` on the command line or ``make_encoding("fixed-point:8+parity-nulling")``. A package that should
work without the import names the class in its pyproject.toml instead of calling ``register``:

    [project.entry-points."nvmsim.encoding"]
    fixed-point = "my_package.own_encoding:FixedPoint"
"""

from dataclasses import dataclass

import numpy as np

from nvmsim.encoding.base import Decoded, Encoding, Range
from nvmsim.plugins import register


@dataclass(frozen=True)  # frozen: an encoding is a value, equal to another one with the same bits
class FixedPoint(Encoding):
    """Level round(w / w_max * (2^(bits - 1) - 1)), stored in two's complement."""

    name = "fixed-point"  # the name it is registered by
    bits: int = 8  # the default when a specification says "fixed-point" alone

    @property
    def range_bytes(self) -> int:
        """Bytes stored free of errors for each range: w_max as float32."""
        return 4

    def encode(self, values: np.ndarray, span: Range) -> np.ndarray:
        """Return words (uint32[n], below 2^bits) for values (float32[n])."""
        levels = np.rint(np.clip(values / self._step(span), -self._top, self._top))
        return levels.astype(np.int32).astype(np.uint32) & np.uint32(2**self.bits - 1)

    def decode(self, words: np.ndarray, span: Range) -> Decoded:
        """Return values and flags; every word must mean something, also one that ``encode`` never makes."""
        levels = words.astype(np.int32)
        levels[levels > self._top] -= 2**self.bits
        return Decoded((levels * self._step(span)).astype(np.float32), np.zeros(words.shape, dtype=bool))

    @property
    def _top(self) -> int:
        return 2 ** (self.bits - 1) - 1

    def _step(self, span: Range) -> np.float64:
        return np.float64(span.magnitude or 1.0) / self._top  # a range of zeros only has no step of its own


register("encoding", FixedPoint.name, FixedPoint)
