"""A binary BCH code that decodes: what its decoder makes of the wrong bits of a codeword."""

from dataclasses import dataclass

import numpy as np

from nvmsim.device.codewords import CORRECTED, DETECTED, SILENT, Decoded, ErrorPatterns
from nvmsim.device.galois_field import bch_parity_bits, field_bits, galois_field

_CHUNK = 1 << 14


@dataclass(frozen=True)
class BchCode:
    """The shortened primitive narrow-sense binary BCH code over GF(2^m) built to correct ``t`` errors.

    A codeword of n bits is a polynomial with its first bit at x^(n-1) and its last at x^0: user bits first, then the
    ``parity_bits``, as a systematic encoder sends them.
    """

    m: int
    t: int
    parity_bits: int

    @classmethod
    def least(cls, data_bits: int, t: int) -> "BchCode":
        """Return the code with the least m that holds this many data bits.

        >>> BchCode.least(8192, 40)
        BchCode(m=14, t=40, parity_bits=560)
        """
        m = field_bits(data_bits)
        while (1 << m) - 1 < data_bits + bch_parity_bits(m, t):
            m += 1
        return cls(m, t, bch_parity_bits(m, t))

    def decode(self, patterns: ErrorPatterns) -> Decoded:
        """Decode as a bounded-distance decoder does, which sees the syndromes alone.

        It flips the one pattern of at most t bits that fits them, be it right or wrong; where none fits, or one with a
        bit that the shortened code does not have, it gives up.

        >>> code = BchCode.least(4, 1)  # Hamming's (7, 4)
        >>> code.decode(ErrorPatterns(np.array([0, 1]), np.array([0, 2]), np.array([4]))).positions.tolist()
        [5]
        """
        used = patterns.without_unused(self.parity_bits)
        starts = range(0, len(used.data_bits), _CHUNK)
        parts = [self._decode(_part(used, first, first + _CHUNK)) for first in starts]
        words = [part.words + first for part, first in zip(parts, starts, strict=True)]
        return Decoded(*map(np.concatenate, ([p.outcomes for p in parts], words, [p.positions for p in parts])))

    def _decode(self, used: ErrorPatterns) -> Decoded:
        from nvmsim.device.bch_kernels import decode_words  # compiles: only where codewords fail

        field, size = galois_field(self.m), len(used.data_bits)
        found, roots = np.empty(size, np.int64), np.zeros((size, self.t), np.int32)
        bits = used.data_bits + self.parity_bits
        decode_words(used.positions, used.starts, bits, self.m, field.powers, field.logarithms, found, roots)
        right = np.diff(used.starts) <= self.t
        outcomes = np.select([found < 0, right], [DETECTED, CORRECTED], SILENT).astype(np.int8)
        words, nth = np.nonzero(np.arange(self.t) < found[:, None])
        return Decoded(outcomes, words, roots[words, nth].astype(np.int64))


def _part(patterns: ErrorPatterns, first: int, last: int) -> ErrorPatterns:
    starts = patterns.starts[first : last + 1]
    positions = patterns.positions[starts[0] : starts[-1]]
    return ErrorPatterns(positions, starts - starts[0], patterns.data_bits[first:last])
