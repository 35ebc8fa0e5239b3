"""The closed forms of section V against enumeration, and the figures of the paper's own examples."""

from fractions import Fraction
from itertools import permutations

import pytest

from nvmsim.encoding.binary import Binary
from nvmsim.encoding.distortion import d_ave_k, d_max_k, flip_profile
from nvmsim.encoding.distortion_bounds import (
    d_ave_binary,
    d_ave_hamming,
    d_max_binary,
    d_max_gray,
    d_max_hamming,
    d_max_harper,
    d_max_theorem,
    stirling,
)
from nvmsim.encoding.gray import Gray
from nvmsim.encoding.hamming import Hamming, HammingDescending
from nvmsim.study.paper.distortion import distortion_outcome
from nvmsim.study.paper.load import load_studies


@pytest.mark.parametrize("bits", range(2, 14))
def test_closed_forms_are_what_all_words_give(bits):
    assert d_max_k(Binary(bits)) == d_max_binary(bits)
    assert d_max_k(Gray(bits)) == d_max_gray(bits)
    assert d_max_k(Hamming(bits)) == d_max_hamming(bits)
    assert d_max_k(HammingDescending(bits)) == d_max_harper(bits)
    assert d_ave_k(Binary(bits)) == d_ave_k(Gray(bits)) == d_ave_binary(bits)
    assert d_ave_k(Hamming(bits)) == d_ave_k(HammingDescending(bits)) == d_ave_hamming(bits)
    assert d_max_k(Hamming(bits)) <= d_max_theorem(bits)


@pytest.mark.parametrize("bits", [2, 3])
def test_no_bijection_undercuts_harper_s_bounds(bits):
    profiles = [flip_profile(list(order), 1) for order in permutations(range(2**bits))]
    assert Fraction(min(profile.largest for profile in profiles), 2**bits) == d_max_harper(bits)
    least = min(profile.total for profile in profiles)
    assert Fraction(least, profiles[0].pairs * 2**bits) == d_ave_binary(bits)


def test_the_bound_tends_to_stirling_s():
    assert float(d_max_theorem(4096)) == pytest.approx(stirling(4096), rel=1e-3)
    assert stirling(4096) == pytest.approx(float(d_max_theorem(1024)) / 2, rel=1e-3)  # it falls as 1 / sqrt(q)


def test_every_statement_of_section_5_is_decided():
    (study,) = load_studies(["section-5"])
    found = distortion_outcome(study, quick=True)
    assert [statement.verdict for statement in found.statements] == ["agree"] * 12
    assert [width.bits for width in found.widths] == [*range(2, 11), *study.beyond]
    assert {width.enumerated for width in found.widths if width.bits <= 10} == {True}
