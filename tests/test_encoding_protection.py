"""Parity nulling and range check: what they catch, what they let through, and how they nest."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.device.layout import PageLayout
from nvmsim.device.memory_image import MemoryImage
from nvmsim.encoding.base import Range
from nvmsim.encoding.binary import Binary
from nvmsim.encoding.floating import Float16
from nvmsim.encoding.parity import ParityNulling, parity_nulling, parity_nulling_extra
from nvmsim.encoding.range_check import RangeCheck
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError

NULLING = ["binary", "hamming", "gray:12", "sign-magnitude:9", "fp16", "bf16", "hamming-descending:2"]
SPAN = Range(-0.5, 0.75)
WEIGHTS = np.random.default_rng(5).normal(0, 0.1, 300).astype(np.float32)


def nulling(name, kind):
    """Return a nulling encoding; two bits are too few for parity within them, so those get an extra bit only."""
    if name.endswith(":2") and kind == "parity-nulling":
        name = name.replace(":2", ":3")
    return make_encoding(f"{name}+{kind}")


@pytest.mark.parametrize("kind", ["parity-nulling", "parity-nulling-extra"])
@pytest.mark.parametrize("name", NULLING)
def test_stored_words_have_even_parity(name, kind):
    words = nulling(name, kind).encode(WEIGHTS, Range.of(WEIGHTS)).tolist()
    assert all(bin(word).count("1") % 2 == 0 for word in words)
    assert any(word for word in words)


@pytest.mark.parametrize("kind", ["parity-nulling", "parity-nulling-extra"])
@pytest.mark.parametrize("name", NULLING)
@given(data=st.data())
def test_odd_damage_nulls_and_even_damage_passes(name, kind, data):
    encoding = nulling(name, kind)
    value = data.draw(st.sampled_from(WEIGHTS.tolist()))
    [word] = encoding.encode(np.float32([value]), SPAN).tolist()
    mask = data.draw(st.integers(0, 2**encoding.width - 1))
    values, nulled = encoding.decode(np.uint32([word ^ mask]), SPAN)
    odd = bin(mask).count("1") % 2 == 1
    assert nulled.tolist() == [odd]
    if odd:
        assert values.tolist() == [0.0]
    else:
        inner = (word ^ mask) >> 1 if kind == "parity-nulling" else (word ^ mask) % 2 ** (encoding.width - 1)
        expected = encoding.inner.decode(np.uint32([inner]), SPAN).values
        assert np.array_equal(values, expected, equal_nan=True)


def test_a_nulled_weight_is_zero_even_where_zero_is_no_step():
    encoding = make_encoding("binary:4+parity-nulling")
    span = Range(2, 3)
    word = encoding.encode(np.float32([2.9]), span)
    assert encoding.decode(word ^ np.uint32(1), span).values.tolist() == [0.0]


# Literature map, section 3: probability at a bit error rate of 1e-3
@pytest.mark.parametrize(
    ("kind", "nulled", "undetected"),
    [("parity-nulling", 1.576223e-2, 1.183327e-4), ("parity-nulling-extra", 1.673070e-2, 1.339766e-4)],
)
def test_probabilities_over_all_damage(kind, nulled, undetected):
    encoding, rate = make_encoding(f"binary:16+{kind}"), Fraction(1, 1000)
    n = encoding.width
    masks = np.arange(2**n, dtype=np.uint32)
    flags = encoding.decode(masks ^ encoding.encode(np.float32([0.1]), SPAN), SPAN).nulled
    weight = np.bitwise_count(masks)
    chance = [rate**w * (1 - rate) ** (n - w) for w in range(n + 1)]
    p_nulled = sum(int(((weight == w) & flags).sum()) * chance[w] for w in range(n + 1))
    p_undetected = sum(int(((weight == w) & ~flags).sum()) * chance[w] for w in range(1, n + 1))
    assert p_nulled == (1 - (1 - 2 * rate) ** n) / 2
    assert float(p_nulled) == pytest.approx(nulled, rel=1e-6)
    assert float(p_undetected) == pytest.approx(undetected, rel=1e-6)


def test_fp16_keeps_all_but_its_last_bit_under_parity():
    plain, guarded = Float16().encode(WEIGHTS, SPAN), make_encoding("fp16+parity-nulling").encode(WEIGHTS, SPAN)
    assert np.array_equal(plain | 1, guarded | 1)


def test_width_and_bits():
    assert (parity_nulling(Binary, 16).width, parity_nulling(Binary, 16).bits) == (16, 16)
    assert (parity_nulling_extra(Binary, 16).width, parity_nulling_extra(Binary, 16).bits) == (17, 16)
    assert parity_nulling(Binary, 16).inner == Binary(15)
    assert RangeCheck(Float16()).width == 16


def test_a_damaged_check_bit_behind_the_words_nulls_its_weight():
    encoding = make_encoding("binary:16+parity-nulling-extra")
    layout = PageLayout(
        mode="bypass",
        user_bytes=64,
        spare_bytes=0,
        metadata_bytes=0,
        channels=1,
        dies_per_channel=1,
        planes_per_die=1,
        page_types=1,
        scrambler=False,
    )
    image = MemoryImage.build(encoding.encode(WEIGHTS, SPAN), width=encoding.width, layout=layout)
    bit = 16 * WEIGHTS.size + 123
    image.buffer[bit // 16] ^= np.uint16(1 << bit % 16)
    assert image.weights_at([bit]).tolist() == [123]
    assert np.flatnonzero(encoding.decode(image.read(slice(None)), SPAN).nulled).tolist() == [123]


def test_two_parity_bits_are_refused():
    with pytest.raises(InputError, match="has a parity bit already"):
        ParityNulling(parity_nulling(Binary, 8))
    with pytest.raises(InputError, match="has a parity bit already"):
        make_encoding("fp16+parity-nulling+range-check+parity-nulling-extra")


@pytest.mark.parametrize("name", ["fp16", "bf16"])
def test_range_check_passes_the_range_and_nulls_the_rest(name):
    encoding, words = make_encoding(f"{name}+range-check"), np.arange(2**16, dtype=np.uint32)
    raw = make_encoding(name).decode(words, SPAN).values
    values, nulled = encoding.decode(words, SPAN)
    good = [abs(value) <= 0.75 for value in raw.tolist()]  # false for NaN
    assert nulled.tolist() == [not g for g in good]
    assert np.array_equal(values, np.where(good, raw, 0))
    assert 0 < nulled.sum() < words.size


@given(st.floats(2.0**-14, 65000, width=32))
def test_range_check_passes_the_largest_weight_however_it_rounds(largest):
    values = np.float32([largest, -largest, 0])
    for text in ("fp16+range-check", "bf16+range-check", "fp16+parity-nulling+range-check"):
        encoding = make_encoding(text)
        decoded = encoding.decode(encoding.encode(values, Range.of(values)), Range.of(values))
        assert not decoded.nulled.any()


def test_range_check_sees_what_parity_cannot():
    encoding = make_encoding("fp16+parity-nulling+range-check")
    [word] = encoding.encode(np.float32([0.5]), SPAN)
    damaged = np.uint32([word, word ^ 1, word ^ 0b11, word ^ 0x4001])  # none, odd, even, even in the exponent
    values, nulled = encoding.decode(damaged, SPAN)
    assert nulled.tolist() == [False, True, False, True]
    assert values[[0, 1, 3]].tolist() == [0.5, 0.0, 0.0]
    unchecked = make_encoding("fp16+parity-nulling").decode(damaged, SPAN)
    assert unchecked.nulled.tolist() == [False, True, False, False]
    assert unchecked.values[3] > 1e4


def test_protections_of_one_kind_commute():
    words = np.arange(2**16, dtype=np.uint32)
    one = make_encoding("fp16+parity-nulling+range-check").decode(words, SPAN)
    other = make_encoding("fp16+range-check+parity-nulling").decode(words, SPAN)
    assert np.array_equal(one.values, other.values)
    assert np.array_equal(one.nulled, other.nulled)


def test_side_information():
    costs = {"binary": 8, "fp16": 0, "fp16+range-check": 4, "hamming+parity-nulling": 8, "binary+range-check": 12}
    assert {spec: make_encoding(spec).range_bytes for spec in costs} == costs
