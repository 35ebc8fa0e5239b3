"""Names of schemes, as a user types them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.defaults import SCHEMES
from nvmsim.errors import InputError
from nvmsim.study.scheme import parse_scheme, parse_schemes


def test_the_default_schemes_are_the_seven_of_the_comparison():
    encodings = {scheme.name: (scheme.encoding, scheme.ecc) for scheme in parse_schemes(SCHEMES)}
    assert encodings == {
        "ecc": ("binary:16", True),
        "raw": ("binary:16", False),
        "nulling": ("binary:16+parity-nulling", False),
        "hamming": ("hamming:16", False),
        "hamming+nulling": ("hamming:16+parity-nulling", False),
        "fp16": ("fp16:16", False),
        "fp16+range-check": ("fp16:16+range-check", False),
    }


def test_ecc_takes_another_encoding_and_is_read_in_its_own_mode():
    assert parse_scheme("ecc:fp16").encoding == "fp16:16"
    assert parse_scheme("ecc:binary:8").encoding == "binary:8"
    assert parse_scheme("ecc").modes == ("ecc",)
    assert parse_scheme("gray:12").modes == ("bypass", "reclaim")


def test_names_come_once_and_every_bad_one_is_reported():
    assert [scheme.name for scheme in parse_schemes(["raw", " raw", "ecc"])] == ["raw", "ecc"]
    with pytest.raises(InputError) as caught:
        parse_schemes(["raw", "blue", "binary+magic"])
    assert len(caught.value.problems) == 2
    assert "blue" in caught.value.problems[0]
    assert "magic" in caught.value.problems[1]


@given(st.text(max_size=30))
def test_any_text_gives_a_scheme_or_a_plain_problem(text):
    try:
        parse_schemes(text.split(","))
    except InputError as error:
        assert error.problems
