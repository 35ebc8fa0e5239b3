"""Arithmetic of GF(2^m) by logarithms, and how many parity bits a binary BCH code takes."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Bits of one primitive polynomial for each m: Lin and Costello, Error Control Coding, 2nd ed., table 2.7.
_PRIMITIVE = {
    2: 0x7, 3: 0xB, 4: 0x13, 5: 0x25, 6: 0x43, 7: 0x89, 8: 0x11D, 9: 0x211, 10: 0x409, 11: 0x805, 12: 0x1053,
    13: 0x201B, 14: 0x4443, 15: 0x8003, 16: 0x1100B, 17: 0x20009, 18: 0x40081, 19: 0x80027, 20: 0x100009, 21: 0x200005,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class GaloisField:
    """GF(2^m), whose element a (a root of its primitive polynomial) generates all others but 0.

    ``powers`` are a^i for i from 0 to 2(2^m - 1), int32, so that two logarithms may be added;
    ``logarithms`` are i for each element but 0, int32 (2^m).
    """

    m: int
    powers: NDArray[np.int32]
    logarithms: NDArray[np.int32]

    @property
    def order(self) -> int:
        """Elements but 0, 2^m - 1."""
        return (1 << self.m) - 1


@lru_cache(maxsize=4)
def galois_field(m: int) -> GaloisField:
    """Return GF(2^m) for m from 2 to 21.

    >>> galois_field(4).powers[:6].tolist()  # a^4 = a + 1
    [1, 2, 4, 8, 3, 6]
    """
    powers = [1]
    for _ in range((1 << m) - 2):
        twice = powers[-1] << 1
        powers.append(twice ^ _PRIMITIVE[m] if twice >> m else twice)
    cycle = np.array(powers, np.int32)
    logarithms = np.zeros(1 << m, np.int32)
    logarithms[cycle] = np.arange(cycle.size, dtype=np.int32)
    return GaloisField(m, np.concatenate([cycle, cycle, cycle[:1]]), logarithms)


def field_bits(codeword_bits: int) -> int:
    """Return m of the smallest GF(2^m) whose primitive BCH codes are as long as this many bits.

    >>> field_bits(8 * 1024 + 8 * 70)
    14
    """
    return max(codeword_bits.bit_length(), 2)


@lru_cache(maxsize=256)
def bch_parity_bits(m: int, t: int) -> int:
    """Return the parity bits of the narrow-sense binary BCH code over GF(2^m) built to correct ``t`` errors.

    Its generator has the roots a, a^2 .. a^2t and their conjugates: m t bits, but fewer where conjugates coincide.

    >>> bch_parity_bits(14, 40), bch_parity_bits(6, 10)
    (560, 45)
    """
    order = (1 << m) - 1
    roots: set[int] = set()
    for odd in range(1, 2 * t, 2):
        root = odd % order
        while root not in roots:
            roots.add(root)
            root = 2 * root % order
    return len(roots)
