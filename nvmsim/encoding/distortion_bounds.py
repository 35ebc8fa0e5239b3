"""Closed forms of the distortion of one flip at any word width: of the bijections, of Theorem 1, and Harper's bound."""

import math
from fractions import Fraction
from math import comb


def d_max_binary(bits: int) -> Fraction:
    """Return d_max,1 of natural binary: the top bit moves the index by half of its range.

    >>> d_max_binary(16)
    Fraction(1, 2)
    """
    return Fraction(2 ** (bits - 1), 2**bits)


def d_max_gray(bits: int) -> Fraction:
    """Return d_max,1 of the reflected Gray code, whose words 0 and 2^q - 1 are neighbours (paper, Example 1).

    >>> d_max_gray(2)
    Fraction(3, 4)
    """
    return Fraction(2**bits - 1, 2**bits)


def d_max_hamming(bits: int) -> Fraction:
    """Return d_max,1 of the paper's bijection, words of equal weight ascending, at 2 bits or more.

    It is C(q, q/2) + C(q-1, q/2-2) for even q, over 2^q, and for odd q that of q - 1 (checked by enumeration to 16).

    >>> d_max_hamming(16), d_max_hamming(3)
    (Fraction(17875, 65536), Fraction(1, 2))
    """
    even = bits - bits % 2
    below = comb(even - 1, even // 2 - 2) if even >= 4 else 0
    return Fraction(comb(even, even // 2) + below, 2**even)


def d_max_harper(bits: int) -> Fraction:
    """Return the least d_max,1 that any bijection has; words of equal weight in descending order attain it.

    Source: Harper, Optimal numberings and isoperimetric problems on graphs, J. Comb. Theory 1 (1966) 385.

    >>> d_max_harper(16)
    Fraction(13495, 65536)
    """
    return Fraction(sum(comb(k, k // 2) for k in range(bits)), 2**bits)


def d_max_theorem(bits: int) -> Fraction:
    """Return the upper bound 2 C(q, q/2) / 2^q of d_max,1 in the proof of Theorem 1.

    >>> d_max_theorem(16)
    Fraction(6435, 16384)
    """
    return Fraction(2 * comb(bits, bits // 2), 2**bits)


def stirling(bits: int) -> float:
    """Return 2 sqrt(2 / (pi q)), what the proof of Theorem 1 makes of its bound.

    >>> round(stirling(16), 4)
    0.3989
    """
    return 2 * math.sqrt(2 / (math.pi * bits))


def d_ave_binary(bits: int) -> Fraction:
    """Return d_ave,1 of natural binary, (2^q - 1) / (q 2^q), which no bijection undercuts.

    Source: Harper, Optimal assignments of numbers to vertices, J. SIAM 12 (1964) 131.

    >>> float(d_ave_binary(16)).__round__(4)
    0.0625
    """
    return Fraction(2**bits - 1, bits * 2**bits)


def d_ave_hamming(bits: int) -> Fraction:
    """Return d_ave,1 of any bijection that orders words by weight, C(2q, q) / 4^q (checked by enumeration to 16).

    >>> float(d_ave_hamming(16)).__round__(4)
    0.1399
    """
    return Fraction(comb(2 * bits, bits), 4**bits)
