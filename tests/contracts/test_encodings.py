"""What holds for every encoding and every protection around it, built in or registered from Python."""

import pickle
import sys
import warnings
from importlib import import_module
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nvmsim import plugins
from nvmsim.device.layout import PageLayout
from nvmsim.device.memory_image import MemoryImage
from nvmsim.encoding.base import Range
from nvmsim.encoding.spec import make_encoding

sys.path.append(str(Path(__file__).parents[1] / "examples"))
for example in ("own_encoding", "own_protection"):
    import_module(example)

PARITIES = {"parity-nulling", "parity-nulling-extra"}
# Error relative to w_max of a float with its last mantissa bit dropped; of others it is a step of bits - 1
FLOAT_ERROR = {"fp16": 2.0**-9, "bf16": 2.0**-6}


def _wrappings():
    protections = plugins.names("protection")
    pairs = [pair for pair in permutations(protections, 2) if set(pair) != PARITIES]
    return ["", *(f"+{p}" for p in protections), *("+" + "+".join(pair) for pair in pairs)]


SPECS = [name + wrapping for name in plugins.names("encoding") for wrapping in _wrappings()]
NARROW = [
    f"{name}:{bits}{wrapping}"
    for name in plugins.names("encoding")
    if name not in FLOAT_ERROR
    for bits in (3, 5, 12)
    for wrapping in ("", "+parity-nulling", "+parity-nulling-extra+range-check")
]
EXTREMES = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-30, 1.0, -1.0, 65504, 65536, -1e30, 1e30, 3.4e38], np.float32)


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(params=SPECS + NARROW)
def encoding(request):
    return make_encoding(request.param)


def weights(n=5000, seed=1):
    values = np.random.default_rng(seed).normal(0, 0.05, n).astype(np.float32)
    values.setflags(write=False)
    return values


def error_bound(encoding, span):
    name = encoding.names[0]
    return span.magnitude * (FLOAT_ERROR[name] if name in FLOAT_ERROR else 1 / (2 ** (encoding.bits - 2) - 1))


def round_trip(encoding, values, span=None):
    span = span or Range.of(values)
    return encoding.decode(encoding.encode(values, span), span)


def test_every_kind_of_encoding_is_here():
    assert {"binary", "hamming", "hamming-descending", "gray", "sign-magnitude", "fp16", "bf16"} <= {
        spec.partition("+")[0] for spec in SPECS
    }
    assert {*PARITIES, "range-check"} <= set(plugins.names("protection"))


def test_words_are_narrower_than_the_width(encoding):
    values = weights()
    words = encoding.encode(values, Range.of(values))
    assert words.dtype == np.uint32
    assert words.shape == values.shape
    assert 1 <= encoding.width <= 32
    assert int(words.max()) < 2**encoding.width
    assert encoding.range_bytes in range(0, 33)


def test_undamaged_words_decode_closely_and_are_not_nulled(encoding):
    values = weights()
    decoded = round_trip(encoding, values)
    assert decoded.values.dtype == np.float32
    assert decoded.nulled.dtype == np.bool_
    assert decoded.values.shape == decoded.nulled.shape == values.shape
    assert not decoded.nulled.any()
    assert np.abs(decoded.values - values).max() <= error_bound(encoding, Range.of(values))


def test_decoded_values_encode_to_themselves(encoding):
    span = Range.of(weights())
    once = round_trip(encoding, weights(), span).values
    assert np.array_equal(round_trip(encoding, once, span).values, once)


def test_every_word_decodes_to_something_defined(encoding):
    assert encoding.width <= 19  # a wider one needs a sample here
    words = np.arange(2**encoding.width, dtype=np.uint32)
    values, nulled = encoding.decode(words, Range(-0.5, 0.75))
    assert values.shape == nulled.shape == words.shape
    assert not values[nulled].any()
    assert not np.signbit(values[nulled]).any()
    if encoding.names[0] not in FLOAT_ERROR:
        assert np.abs(values).max() <= 0.75 * 2 ** (encoding.bits - 1) / (2 ** (encoding.bits - 2) - 1)
    if encoding.names[-1] == "range-check":
        assert np.abs(values).max() <= 0.75 + error_bound(encoding, Range(-0.5, 0.75))


def test_functions_are_pure(encoding):
    values, span = weights(), Range.of(weights())
    words = encoding.encode(values, span)
    words.setflags(write=False)
    first, second = encoding.decode(words, span), encoding.decode(words, span)
    assert np.array_equal(encoding.encode(values, span), words)
    assert np.array_equal(first.values, second.values)
    first.values[:] = 7
    first.nulled[:] = True
    again = encoding.decode(words, span)
    assert np.array_equal(again.values, second.values)
    assert np.array_equal(again.nulled, second.nulled)
    assert np.array_equal(values, weights())


def test_each_weight_stands_alone(encoding):
    values = weights(40_000)  # more than one piece of those that encodings work in
    span = Range.of(values)
    words = encoding.encode(values, span)
    order = np.random.default_rng(2).permutation(values.size)[:999]
    assert np.array_equal(encoding.encode(values[order], span), words[order])
    assert np.array_equal(encoding.decode(words[order], span).values, encoding.decode(words, span).values[order])


def test_views_with_strides_are_read_rightly(encoding):
    values, span = weights(), Range.of(weights())
    words = encoding.encode(values, span)
    assert np.array_equal(encoding.encode(values[::-3], span), words[::-3])
    assert np.array_equal(encoding.decode(words[::-3], span).values, encoding.decode(words, span).values[::-3])


def test_nothing_encodes_to_nothing(encoding):
    words = encoding.encode(np.zeros(0, np.float32), Range(0, 0))
    decoded = encoding.decode(words, Range(0, 0))
    assert words.dtype == np.uint32
    assert words.size == decoded.values.size == decoded.nulled.size == 0


@pytest.mark.parametrize("value", [0.0, -0.0, 0.5, -0.5])
def test_a_constant_tensor_decodes_exactly(encoding, value):
    decoded = round_trip(encoding, np.full(9, value, np.float32))
    assert (decoded.values == value).all()
    assert not decoded.nulled.any()


@pytest.mark.parametrize("value", [0.1, -1.7, 3e-42, -1e30, 3.4e38])
def test_a_constant_of_any_size_decodes_or_leaves_the_format(encoding, value):
    values = np.full(9, value, np.float32)
    decoded = round_trip(encoding, values)
    if encoding.names[0] in FLOAT_ERROR:
        with np.errstate(over="ignore"):
            smallest = 2.0**-23 if encoding.names[0] == "fp16" else 2.0**-132  # a step of the denormals
            close = np.abs(decoded.values - values) <= abs(value) * FLOAT_ERROR[encoding.names[0]] + smallest
        assert (close | np.isinf(decoded.values) | (decoded.nulled & (decoded.values == 0))).all()
    else:
        assert np.allclose(decoded.values, values, rtol=1e-6, atol=0)
        assert not decoded.nulled.any()


def test_extreme_values_are_handled(encoding):
    decoded = round_trip(encoding, EXTREMES)
    assert not np.isnan(decoded.values).any()
    if encoding.names[0] not in FLOAT_ERROR:
        bound = float(error_bound(encoding, Range.of(EXTREMES)))
        assert np.abs(decoded.values.astype(np.float64) - EXTREMES).max() <= bound


def test_values_outside_the_range_do_no_harm(encoding):
    words = encoding.encode(EXTREMES, Range(-0.5, 0.75))
    values, nulled = encoding.decode(words, Range(-0.5, 0.75))
    assert int(words.max()) < 2**encoding.width
    assert not np.isnan(values).any()
    assert not values[nulled].any()


def test_text_names_the_encoding(encoding):
    assert make_encoding(str(encoding)) == encoding
    assert hash(make_encoding(encoding.spec)) == hash(encoding)
    assert pickle.loads(pickle.dumps(encoding)) == encoding


def test_words_survive_the_memory_image(encoding):
    values, span = weights(100), Range.of(weights(100))
    layout = PageLayout(
        mode="bypass",
        user_bytes=33,
        spare_bytes=4,
        metadata_bytes=0,
        channels=2,
        dies_per_channel=2,
        planes_per_die=2,
        page_types=3,
        scrambler=True,
    )
    words = encoding.encode(values, span)
    image = MemoryImage.build(words, width=encoding.width, layout=layout)
    assert np.array_equal(image.read(slice(None)), words)


@given(hnp.arrays(np.float32, st.integers(0, 30), elements=st.floats(-(2.0**15), 2.0**15, width=32)))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_round_trip_of_any_values(encoding, values):
    span = Range.of(values)
    decoded = round_trip(encoding, values)
    assert not decoded.nulled.any()
    smallest = 2.0**-23  # a step of fp16's denormals without the last bit
    assert (np.abs(decoded.values - values) <= error_bound(encoding, span) * (1 + 1e-6) + smallest).all()


def test_every_bit_has_a_role_and_does_what_it_says(encoding):
    roles, span = encoding.bit_roles, Range.of(weights())
    assert len(roles) == encoding.width
    words = encoding.encode(weights(), span)
    clean = encoding.decode(words, span)
    for bit, role in enumerate(roles):
        damaged = encoding.decode(words ^ np.uint32(1 << bit), span)
        if role == "parity":
            assert damaged.nulled.all()
        elif not PARITIES & set(encoding.names):
            live = ~damaged.nulled & ~clean.nulled & (clean.values != 0)
            ratio = np.abs(damaged.values[live].astype(np.float64) / clean.values[live])
            assert role != "sign" or np.array_equal(damaged.values[live], -clean.values[live])
            assert role != "mantissa" or ((ratio > 0.5) & (ratio < 2)).mean() > 0.99  # the rest are subnormal
            assert role != "exponent" or ((ratio > 1.999) | (ratio < 0.501) | ~np.isfinite(ratio)).all()
