"""Names of schemes, as a user types them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.accuracy.unequal import Protected
from nvmsim.defaults import SCHEMES
from nvmsim.errors import InputError
from nvmsim.study.chosen import chosen_text, parse_chosen
from nvmsim.study.scheme import parse_scheme, parse_schemes
from nvmsim.zoo.tensors import lay_out


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


def test_ecc_for_a_part_is_read_in_two_modes_and_named_one_way():
    scheme = parse_scheme("ecc:fp16/bits=9+12-15+13")
    assert (scheme.name, scheme.encoding, scheme.ecc) == ("ecc:fp16/bits=15-12+9", "fp16:16", True)
    assert scheme.modes == ("ecc+bypass", "ecc+reclaim")
    assert set(scheme.protected.bits) == {9, 12, 13, 14, 15}
    assert parse_scheme("ecc/layers=fc2+conv1@bit-plane").name == "ecc/layers=conv1+fc2@bit-plane"
    assert len(parse_schemes(["ecc/bits=15-14", "ecc/bits=14+15", "ecc/bits=14-15+15"])) == 1


@given(st.sets(st.integers(0, 15), min_size=1, max_size=15))
def test_any_choice_of_bits_is_written_and_read_back(bits):
    text = chosen_text(Protected(bits=tuple(bits)))
    assert set(parse_chosen(text, width=16).bits) == bits
    assert parse_scheme(f"ecc/{text}").name == f"ecc/{text}"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("ecc/bits=16", r"bit 16: words of 16 bits have bits 0 \(the least significant\) to 15"),
        ("ecc:binary:8/bits=7-9", "bits 9, 8: words of 8 bits"),
        ("ecc/bits=a+3-", "'a'.*\n.*'3-': must be a bit"),
        ("ecc/bits=", "must be bits=... such as"),
        ("ecc/layers=conv1++", "must be bits=... such as"),
        ("ecc/top=3", "must be bits=... such as"),
        ("raw/bits=3", "only schemes with ECC have it in part"),
        ("/bits=3", "only schemes with ECC have it in part"),
    ],
)
def test_a_part_that_is_none_is_refused(name, problem):
    with pytest.raises(InputError, match=problem):
        parse_scheme(name)


def test_all_problems_of_parts_are_told_at_once():
    tensors = lay_out([("conv1.weight", (4,)), ("fc2.weight", (2,))])
    with pytest.raises(InputError) as caught:
        parse_schemes(["ecc/layers=conv2+fc9", "ecc/bits=77", "ecc/layers=conv1"], network="net", tensors=tensors)
    assert len(caught.value.problems) == 3
    assert "did you mean conv1? Known are conv1, fc2" in caught.value.problems[0]
