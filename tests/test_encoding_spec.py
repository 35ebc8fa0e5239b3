"""Encodings by text, and encodings and protections of a user's own."""

import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim import plugins
from nvmsim.encoding.base import Range
from nvmsim.encoding.binary import Binary
from nvmsim.encoding.floating import Float16
from nvmsim.encoding.hamming import Hamming
from nvmsim.encoding.parity import ParityNulling, ParityNullingExtra
from nvmsim.encoding.range_check import RangeCheck
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError

EXAMPLES = Path(__file__).parent / "examples"


def problems_of(spec):
    with pytest.raises(InputError) as caught:
        make_encoding(spec)
    return caught.value.problems


@pytest.mark.parametrize(
    ("spec", "encoding", "width", "text"),
    [
        ("binary", Binary(16), 16, "binary:16"),
        ("binary:8", Binary(8), 8, "binary:8"),
        (" binary : 08 ", Binary(8), 8, "binary:8"),
        ("hamming+parity-nulling", ParityNulling(Hamming(15)), 16, "hamming:16+parity-nulling"),
        ("binary:16+parity-nulling-extra", ParityNullingExtra(Binary(16)), 17, "binary:16+parity-nulling-extra"),
        ("fp16+range-check", RangeCheck(Float16(16)), 16, "fp16:16+range-check"),
        (
            "fp16 + parity-nulling + range-check",
            RangeCheck(ParityNulling(Float16(15))),
            16,
            "fp16:16+parity-nulling+range-check",
        ),
        ("fp16+range-check+parity-nulling", ParityNulling(RangeCheck(Float16(15))), 16, None),
    ],
)
def test_text_to_encoding_and_back(spec, encoding, width, text):
    made = make_encoding(spec)
    assert made == encoding
    assert made.width == width
    assert make_encoding(made.spec) == made
    if text:
        assert str(made) == made.spec == text


def test_unknown_names_list_the_known_ones():
    [problem] = problems_of("base64")
    assert problem.startswith("encoding 'base64': unknown")
    assert all(name in problem for name in ("binary", "hamming-descending", "fp16"))
    [problem] = problems_of("binary+ecc")
    assert problem.startswith("protection 'ecc': unknown")
    assert all(name in problem for name in ("parity-nulling", "parity-nulling-extra", "range-check"))


def test_all_problems_come_at_once():
    problems = problems_of("base64:many+ecc+range-check+range-check")
    assert len(problems) == 4
    assert [word in " ".join(problems) for word in ("base64", "'many'", "'ecc'", "'range-check' twice")] == [True] * 4


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("binary:1", "2 to 16"),
        ("binary:17", "2 to 16"),
        ("binary:2+parity-nulling", "2 to 16"),
        ("sign-magnitude:99", "1 to 32"),
        ("binary:", "bits ''"),
        ("binary:0", "bits '0'"),
        ("binary:-4", "bits '-4'"),
        ("binary:8.5", "bits '8.5'"),
        ("binary:³", "bits '³'"),
        ("binary:99999999999999999999", "1 to 32"),
        ("fp16:8", "15 to 16"),
        ("fp16:15+parity-nulling", "15 to 16"),
        ("bf16:32", "15 to 16"),
        ("binary+parity-nulling+parity-nulling", "twice"),
        ("binary+parity-nulling+parity-nulling-extra", "parity bit already"),
        ("", "encoding ''"),
        ("binary+", "protection ''"),
        ("range-check", "encoding 'range-check': unknown"),
    ],
)
def test_bad_text_is_explained(spec, words):
    [problem] = problems_of(spec)
    assert words in problem


@given(
    st.one_of(
        st.text(),
        st.text(alphabet="binaryfp165:+-rcheknglumo ", max_size=40),
        st.lists(st.sampled_from(["binary", "fp16", ":8", ":16", "+", "+parity-nulling", "+range-check", ":"])).map(
            "".join
        ),
    )
)
def test_any_text_gives_an_encoding_or_a_message(text):
    try:
        encoding = make_encoding(text)
    except InputError as error:
        assert error.problems
    else:
        assert make_encoding(encoding.spec) == encoding


@dataclass(frozen=True)
class Misnamed(Binary):
    """An encoding whose own name is not the one it is registered by."""

    name = "something-else"


def test_a_plug_in_must_know_its_name(monkeypatch):
    monkeypatch.setattr(plugins, "_registered", plugins.registered())  # leaves no trace for other tests
    plugins.register("encoding", "misnamed", Misnamed)
    [problem] = problems_of("misnamed:8")
    assert "something-else" in problem


@pytest.fixture
def own(monkeypatch):
    """Import both examples, as a user's script would."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return import_module("own_encoding"), import_module("own_protection")


def test_an_encoding_of_ones_own(own):
    encoding = make_encoding("fixed-point")
    assert encoding == own[0].FixedPoint(8)
    words = encoding.encode(np.float32([-1, -0.004, 0, 0.5, 1]), Range(-1, 0.5))
    assert [format(word, "08b") for word in words] == ["10000001", "11111111", "00000000", "01000000", "01111111"]
    decoded = encoding.decode(words, Range(-1, 0.5)).values
    assert decoded == pytest.approx([-1, -1 / 127, 0, 64 / 127, 1], abs=1e-7)


def test_a_protection_of_ones_own(own):
    encoding = make_encoding("binary:16+top-bit-vote")
    assert encoding.width == 18
    span, values = Range(-1, 1), np.float32([-0.7, 0.3])
    words, clean = encoding.encode(values, span), Binary(16).decode(Binary(16).encode(values, span), span).values
    for bit in (15, 16, 17):
        assert np.array_equal(encoding.decode(words ^ np.uint32(1 << bit), span).values, clean)
    assert not np.array_equal(encoding.decode(words ^ np.uint32(3 << 15), span).values, clean)
    assert str(make_encoding("fixed-point+top-bit-vote+parity-nulling-extra")).endswith("extra")


def test_ones_own_are_listed_and_cannot_take_a_name(own):
    assert "fixed-point" in plugins.names("encoding")
    assert "top-bit-vote" in plugins.names("protection")
    with pytest.raises(InputError, match="taken"):
        plugins.register("encoding", "binary", own[0].FixedPoint)


def test_ones_own_work_in_a_fresh_process():
    script = (
        "import own_encoding, own_protection\n"
        "from nvmsim.encoding.spec import make_encoding\n"
        "print(make_encoding('fixed-point:6+top-bit-vote').width)"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=EXAMPLES, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["8"]
