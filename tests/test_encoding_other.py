"""Sign-magnitude and the floats, against plain arithmetic and the standard library's binary16."""

import math
import struct
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.encoding.base import Range
from nvmsim.encoding.floating import BFloat16, Float16
from nvmsim.encoding.sign_magnitude import SignMagnitude
from nvmsim.errors import InputError

UNUSED = Range(0, 0)
any_float32 = st.floats(width=32, allow_nan=False)
WORDS = np.arange(2**16, dtype=np.uint32)


@given(
    ends=st.tuples(*[st.floats(-100, 100, width=32)] * 2).map(sorted),
    values=st.lists(st.floats(-200, 200, width=32), max_size=20),
    bits=st.integers(2, 16),
)
def test_sign_magnitude_is_the_literatures_formula(ends, values, bits):
    low, high = ends
    largest, w_max = 2 ** (bits - 1) - 1, max(abs(low), abs(high))
    words = SignMagnitude(bits).encode(np.float32(values), Range(low, high)).tolist()
    decoded = SignMagnitude(bits).decode(np.uint32(words), Range(low, high)).values.tolist()
    for word, value, back in zip(words, values, decoded, strict=True):
        clamped = min(abs(value), w_max)
        assert word >> bits - 1 == (value < 0)
        assert word & largest == (round(clamped * largest / w_max) if w_max else 0)
        assert abs(back - math.copysign(clamped, value)) <= w_max / largest / 2 * (1 + 1e-6)


def test_sign_magnitude_in_full_at_3_bits():
    code, span = SignMagnitude(3), Range(-3, 1)
    assert code.decode(WORDS[:8], span).values.tolist() == [0, 1, 2, 3, 0, -1, -2, -3]
    assert not np.signbit(code.decode(np.uint32([4]), span).values).any()
    assert code.encode(np.float32([-0.4, 0.4, 0.5, 1.5, -9]), span).tolist() == [4, 0, 0, 2, 7]


def test_sign_magnitude_of_zeros_and_nan():
    code = SignMagnitude()
    assert code.encode(np.zeros(2, np.float32), UNUSED).tolist() == [0, 0]
    assert not code.decode(WORDS, UNUSED).values.any()
    with pytest.raises(InputError, match="NaN"):
        code.encode(np.float32([np.nan]), Range(0, 1))
    assert code.range_bytes == 4


@given(st.lists(any_float32, max_size=30))
def test_fp16_is_the_standard_librarys_binary16(values):
    words = Float16().encode(np.float32(values), UNUSED)
    assert [struct.pack("<H", word) for word in words.tolist()] == [_binary16(value) for value in values]


def _binary16(value):
    try:
        return struct.pack("<e", value)
    except OverflowError:
        return struct.pack("<e", math.copysign(math.inf, value))


def test_every_fp16_word_decodes_to_its_value_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoded = Float16().decode(WORDS, UNUSED)
    expected = [struct.unpack("<e", struct.pack("<H", word))[0] for word in range(2**16)]
    assert np.array_equal(decoded.values, np.float32(expected), equal_nan=True)
    assert np.isnan(decoded.values).sum() == 2 * 1023
    assert np.isinf(decoded.values).sum() == 2
    assert not decoded.nulled.any()


def test_every_bf16_word_decodes_to_its_value():
    decoded = BFloat16().decode(WORDS, UNUSED).values
    expected = [struct.unpack("<f", struct.pack("<I", word << 16))[0] for word in range(2**16)]
    assert np.array_equal(decoded, np.float32(expected), equal_nan=True)


@given(any_float32)
def test_bf16_rounds_to_nearest_even(value):
    word = int(BFloat16().encode(np.float32([value]), UNUSED)[0])
    assert word >> 15 == int(math.copysign(1, value) < 0)
    if word & 0x7FFF == 0x7F80:
        assert abs(value) >= 2.0**127 * (2 - 2.0**-8)  # half a step above the largest finite number
        return
    chosen, target = _bf16_magnitude(word & 0x7FFF), Fraction(abs(value))
    for other in {word & 0x7FFF} | {n for n in ((word & 0x7FFF) - 1, (word & 0x7FFF) + 1) if 0 <= n < 0x7F80}:
        error, other_error = abs(chosen - target), abs(_bf16_magnitude(other) - target)
        assert error < other_error or other == word & 0x7FFF or (error == other_error and word % 2 == 0)


@pytest.mark.parametrize("code", [Float16, BFloat16])
def test_every_tie_goes_to_the_even_word(code):
    lower = WORDS[: {Float16: 0x7BFF, BFloat16: 0x7F7F}[code]]
    ends = [code().decode(words, UNUSED).values.astype(np.float64) for words in (lower, lower + 1)]
    ties = (sum(ends) / 2).astype(np.float32)
    assert np.array_equal(code().encode(ties, UNUSED), lower + lower % 2)
    assert np.array_equal(code().encode(-ties, UNUSED), 0x8000 + lower + lower % 2)


def _bf16_magnitude(word):
    exponent, mantissa = word >> 7, word & 0x7F
    lead = 128 if exponent else 0
    return Fraction(lead + mantissa) * Fraction(2) ** (max(exponent, 1) - 127 - 7)


@pytest.mark.parametrize("code", [Float16, BFloat16])
@pytest.mark.parametrize("bits", [15, 16])
@pytest.mark.parametrize("pattern", [0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF])
def test_nan_stays_nan(code, bits, pattern):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        words = code(bits).encode(np.array([pattern], np.uint32).view(np.float32), UNUSED)
        assert np.isnan(code(bits).decode(words, UNUSED).values).all()


@pytest.mark.parametrize("code", [Float16, BFloat16])
def test_overflow_and_infinity_give_infinity(code):
    values = np.float32([3.4028235e38, np.inf, -3.4028235e38, -np.inf])
    decoded = code().decode(code().encode(values, UNUSED), UNUSED).values
    assert decoded.tolist() == [math.inf, math.inf, -math.inf, -math.inf]


@pytest.mark.parametrize("code", [Float16, BFloat16])
def test_15_bits_drop_the_last_mantissa_bit(code):
    values = np.random.default_rng(4).normal(size=5000).astype(np.float32)
    full, short = code(16).encode(values, UNUSED), code(15).encode(values, UNUSED)
    assert np.array_equal(short, full >> 1)
    assert np.array_equal(code(15).decode(short, UNUSED).values, code(16).decode(full & 0xFFFE, UNUSED).values)


def test_the_papers_example_of_a_damaged_exponent():
    word = int("0" + "01101" + "0101010101", 2)
    values = Float16().decode(np.uint32([word, word ^ 1 << 14]), UNUSED).values
    assert values[0] == 2.0**-2 * 1.3330078125
    assert values[1] == 2.0**14 * 1.3330078125


@pytest.mark.parametrize("code", [Float16, BFloat16])
@pytest.mark.parametrize("bits", [8, 14, 17, 32])
def test_floats_have_15_or_16_bits(code, bits):
    with pytest.raises(InputError, match="15 to 16"):
        code(bits)


@pytest.mark.parametrize("bits", [1, 17])
def test_sign_magnitude_has_2_to_16_bits(bits):
    with pytest.raises(InputError, match="2 to 16"):
        SignMagnitude(bits)
