"""Uniform quantisation: binary, Hamming and Gray words of the same steps."""

import math
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.encoding.base import Range
from nvmsim.encoding.binary import Binary
from nvmsim.encoding.gray import Gray
from nvmsim.encoding.hamming import Hamming, HammingDescending, rank_by_weight, words_by_weight
from nvmsim.encoding.uniform import dequantise, quantise
from nvmsim.errors import InputError

ALL = [Binary, Gray, Hamming, HammingDescending]
# OEIS A294648: rows 1 to 5
WEIGHT_LEXICOGRAPHIC = [
    [0, 1],
    [0, 1, 2, 3],
    [0, 1, 2, 4, 3, 5, 6, 7],
    [0, 1, 2, 4, 8, 3, 5, 6, 9, 10, 12, 7, 11, 13, 14, 15],
    [
        *(0, 1, 2, 4, 8, 16, 3, 5, 6, 9, 10, 12, 17, 18, 20, 24),
        *(7, 11, 13, 14, 19, 21, 22, 25, 26, 28, 15, 23, 27, 29, 30, 31),
    ],
]
finite = st.floats(-(2.0**100), 2.0**100, width=32)
ends = st.tuples(finite, finite).map(sorted)


def plain_step(value, low, high, bits):
    """Return the step as the paper's formula reads, one number at a time."""
    if low == high:
        return 0
    delta = (high - low) / 2**bits
    return max(0, min(math.floor((value - low) / delta), 2**bits - 1))


def combinatorial_rank(word, bits):
    """Return the rank by weight, then ascending, from binomial coefficients alone."""
    ones = [bit for bit in range(bits) if word >> bit & 1]
    return sum(comb(bits, w) for w in range(len(ones))) + sum(comb(bit, i + 1) for i, bit in enumerate(ones))


@given(ends=ends, values=st.lists(finite, max_size=20), bits=st.integers(2, 16))
def test_steps_are_the_papers_formula(ends, values, bits):
    low, high = ends
    expected = [plain_step(value, low, high, bits) for value in values]
    assert quantise(np.array(values, np.float32), Range(low, high), bits).tolist() == expected


@given(ends=ends, bits=st.integers(2, 16), data=st.data())
def test_steps_decode_to_their_midpoints(ends, bits, data):
    low, high = ends
    steps = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=20))
    exact = [Fraction(low) + (Fraction(high) - Fraction(low)) / 2**bits * (Fraction(s) + Fraction(1, 2)) for s in steps]
    decoded = dequantise(np.array(steps, np.uint32), Range(low, high), bits)
    for value, midpoint in zip(decoded, exact, strict=True):
        one_ulp = Fraction(float(np.spacing(np.abs(value))))
        assert abs(Fraction(float(value)) - midpoint) <= Fraction(51, 100) * one_ulp + Fraction(high - low) / 2**50


@given(ends=ends, fractions=st.lists(st.floats(0, 1), min_size=1, max_size=20), bits=st.integers(2, 16))
def test_error_is_at_most_half_a_step(ends, fractions, bits):
    low, high = ends
    values = np.clip(np.float32([low + (high - low) * f for f in fractions]), low, high).astype(np.float32)
    decoded = Binary(bits).decode(Binary(bits).encode(values, Range(low, high)), Range(low, high)).values
    rounding = np.spacing(np.float32(max(abs(low), abs(high))))
    assert np.abs(decoded.astype(np.float64) - values).max() <= (high - low) / 2**bits / 2 + rounding


def test_exact_steps_on_a_dyadic_grid():
    values = np.arange(-8, 9, dtype=np.float32) / 8
    assert quantise(values, Range(-1, 1), 3).tolist() == [min((i * 8) // 16, 7) for i in range(17)]
    assert dequantise(np.arange(8), Range(-1, 1), 3).tolist() == [-0.875 + i / 4 for i in range(8)]


def test_ends_and_beyond_take_the_first_and_last_step():
    values = np.float32([-1, 1, np.nextafter(np.float32(1), np.float32(2)), 1e30, -1e30, np.inf, -np.inf])
    assert quantise(values, Range(-1, 1), 16).tolist() == [0, 65535, 65535, 65535, 0, 65535, 0]


@pytest.mark.parametrize("code", ALL)
def test_one_flip_of_binary_at_the_top_moves_half_the_range(code):
    span, words = Range(-1, 1), np.array([0x0123], np.uint32)
    moved = code().decode(words ^ np.uint32(0x8000), span).values - code().decode(words, span).values
    if code is Binary:
        assert moved.tolist() == [1.0]
    else:
        assert moved.tolist() != [1.0]


def test_nan_is_refused():
    for code in ALL:
        with pytest.raises(InputError, match="NaN"):
            code().encode(np.float32([0, np.nan]), Range(0, 1))


@pytest.mark.parametrize("bits", range(1, 17))
def test_words_by_weight_are_a_plain_sort(bits):
    ascending = sorted(range(2**bits), key=lambda word: (bin(word).count("1"), word))
    descending = sorted(range(2**bits), key=lambda word: (bin(word).count("1"), -word))
    assert words_by_weight(bits).tolist() == ascending
    assert words_by_weight(bits, descending=True).tolist() == descending


@pytest.mark.parametrize("row", WEIGHT_LEXICOGRAPHIC, ids=len)
def test_words_by_weight_are_oeis_a294648(row):
    assert words_by_weight(len(row).bit_length() - 1).tolist() == row


@pytest.mark.parametrize("bits", [1, 2, 5, 9, 12])
def test_ranks_are_sums_of_binomial_coefficients(bits):
    assert rank_by_weight(bits).tolist() == [combinatorial_rank(word, bits) for word in range(2**bits)]


@given(st.integers(0, 2**16 - 1))
def test_ranks_of_16_bits(word):
    assert rank_by_weight(16)[word] == combinatorial_rank(word, 16)
    mirrored = combinatorial_rank(word ^ 0xFFFF, 16)  # complement reverses both the weights and the ties
    assert Hamming().index_of(np.uint32([word])).tolist() == [65535 - mirrored]


def test_tables_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        rank_by_weight(4)[0] = 1


@pytest.mark.parametrize("bits", range(2, 17))
def test_gray_neighbours_differ_in_one_bit(bits):
    words = Gray(bits).word_of(np.arange(2**bits, dtype=np.uint32))
    assert (np.bitwise_count(words[1:] ^ words[:-1]) == 1).all()
    assert words[0] ^ words[-1] == 1 << bits - 1


@pytest.mark.parametrize("code", ALL)
@pytest.mark.parametrize("bits", range(2, 17))
def test_bijections_are_inverse(code, bits):
    indices = np.arange(2**bits, dtype=np.uint32)
    words = code(bits).word_of(indices)
    assert sorted(words.tolist()) == indices.tolist()
    assert code(bits).index_of(words).tolist() == indices.tolist()


@pytest.mark.parametrize("code", ALL)
def test_all_share_one_quantisation(code):
    values = np.random.default_rng(3).normal(size=999).astype(np.float32)
    span = Range.of(values)
    decoded = code(11).decode(code(11).encode(values, span), span).values
    assert np.array_equal(decoded, Binary(11).decode(Binary(11).encode(values, span), span).values)


@pytest.mark.parametrize("code", ALL)
@pytest.mark.parametrize("bits", [1, 17, 0, -3, 2.5])
def test_bits_are_2_to_16(code, bits):
    with pytest.raises(InputError, match="2 to 16"):
        code(bits)


@pytest.mark.parametrize("ends", [(1, 0), (math.nan, 1), (0, math.inf), (-math.inf, 0)])
def test_ranges_are_finite_and_in_order(ends):
    with pytest.raises(InputError, match="finite"):
        Range(*ends)


def test_range_of_values():
    assert Range.of(np.float32([[0.5, -2], [1, 0]])) == Range(-2.0, 1.0)
    assert Range.of([]) == Range(0, 0)
    with pytest.raises(InputError):
        Range.of(np.float32([1, np.nan]))
