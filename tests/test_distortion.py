"""Distortion of bijections: the paper's examples, exact integers, closed forms and brute force."""

import csv
from fractions import Fraction
from itertools import combinations
from math import comb, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.encoding.binary import Binary
from nvmsim.encoding.distortion import (
    d_ave_k,
    d_ave_k_of_word,
    d_max_k,
    d_max_k_of_word,
    flip_profile,
    index_table,
)
from nvmsim.encoding.gray import Gray
from nvmsim.encoding.hamming import Hamming, HammingDescending, rank_by_weight
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError

with (Path(__file__).parent / "golden" / "oracles.csv").open(newline="") as file:
    ORACLES = list(csv.DictReader(file))


def gray_by_reflection(bits):
    """Index of each word, from the textbook's recursion: the list, then the list backwards with a leading one."""
    words = [0]
    for bit in range(bits):
        words += [word | 1 << bit for word in reversed(words)]
    return np.argsort(words)


TABLES = {
    "binary": lambda bits: np.arange(2**bits),
    "gray": gray_by_reflection,
    "hamming": rank_by_weight,
    "hamming-descending": lambda bits: rank_by_weight(bits, descending=True),
}
COLUMNS = {"binary": "binary", "gray": "gray", "hamming": "hdasc", "hamming-descending": "hddesc"}


def slow_distortions(table, word, k):
    """List |f(b) - f(x)| over the words x at distance 1 to k of one word."""
    return [abs(table[word] - table[x]) for x in range(len(table)) if 1 <= (word ^ x).bit_count() <= k]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("row", ORACLES, ids=lambda row: f"q{row['q']}")
def test_exact_integers_of_one_flip(row, name):
    bits, column = int(row["q"]), COLUMNS[name]
    profile = flip_profile(TABLES[name](bits), 1)
    largest = row[f"{column}_max(paper)"] if name == "hamming" else row[f"{column}_max"]
    assert profile.largest == int(largest)
    assert profile.total == int(row[f"{column}_sum"])
    assert profile.total_of_squares == int(row[f"{column}_sumsq"])
    assert profile.pairs == int(row["edges"])


def test_the_oracles_are_all_there():
    assert [int(row["q"]) for row in ORACLES] == list(range(1, 17))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("bits", [2, 3, 5, 8, 11, 16])
def test_encodings_have_these_bijections(name, bits):
    assert index_table(make_encoding(f"{name}:{bits}")).tolist() == TABLES[name](bits).tolist()


@pytest.mark.parametrize("row", ORACLES, ids=lambda row: f"q{row['q']}")
def test_descending_ties_reach_harpers_bandwidth(row):
    bits = int(row["q"])
    bandwidth = sum(comb(k, k // 2) for k in range(bits))  # Harper 1966
    assert bandwidth == int(row["harper_bandwidth"])
    assert d_max_k(TABLES["hamming-descending"](bits)) == Fraction(bandwidth, 2**bits)


@pytest.mark.parametrize("bits", range(3, 17))
def test_closed_forms_of_the_papers_order(bits):
    even = bits - bits % 2
    largest = comb(even, even // 2) + (comb(even - 1, even // 2 - 2) if even >= 4 else 0)
    assert flip_profile(TABLES["hamming"](bits), 1).largest == largest * (1 + bits % 2)
    for order in ("hamming", "hamming-descending"):
        assert flip_profile(TABLES[order](bits), 1).total == bits * comb(2 * bits - 1, bits)
        assert d_ave_k(TABLES[order](bits)) == Fraction(comb(2 * bits, bits), 4**bits)


@pytest.mark.parametrize("bits", range(1, 17))
def test_closed_forms_of_binary_and_gray(bits):
    for name in ("binary", "gray"):
        assert d_ave_k(TABLES[name](bits)) == Fraction(2**bits - 1, bits * 2**bits)
    assert d_max_k(TABLES["binary"](bits)) == Fraction(1, 2)
    assert d_max_k(TABLES["gray"](bits)) == 1 - Fraction(1, 2**bits)
    squares = 2 ** (bits - 1) * (4**bits - 1) // 3
    assert flip_profile(TABLES["binary"](bits), 1).total_of_squares == squares


@given(table=st.integers(1, 4).flatmap(lambda q: st.permutations(range(2**q))), data=st.data())
def test_definition_1_by_brute_force(table, data):
    k = data.draw(st.integers(1, len(table).bit_length() - 1))
    scale = len(table)
    moves = [slow_distortions(table, word, k) for word in range(scale)]
    assert d_max_k(table, k) == max(Fraction(max(m), scale) for m in moves)
    assert d_ave_k(table, k) == sum(Fraction(sum(m), len(m) * scale) for m in moves) / scale
    word = data.draw(st.integers(0, scale - 1))
    assert d_max_k_of_word(table, word, k) == Fraction(max(moves[word]), scale)
    assert d_ave_k_of_word(table, word, k) == Fraction(sum(moves[word]), len(moves[word]) * scale)


@given(st.integers(1, 4).flatmap(lambda q: st.permutations(range(2**q))))
def test_no_bijection_beats_harper_and_binary(table):
    row = ORACLES[len(table).bit_length() - 2]
    profile = flip_profile(table, 1)
    assert profile.largest >= int(row["harper_bandwidth"])
    assert profile.total >= int(row["binary_sum"])
    assert profile.total_of_squares >= int(row["binary_sumsq"])


def test_example_1_of_the_paper():
    half, three_quarters = Fraction(1, 2), Fraction(3, 4)
    assert d_max_k_of_word(Binary(2), 0b00) == half
    assert d_max_k(Binary(2)) == half
    assert d_max_k_of_word(Gray(2), 0b00) == three_quarters
    assert d_max_k(Gray(2)) == three_quarters


def test_example_2_of_the_paper():
    order = [0b000, 0b001, 0b010, 0b100, 0b011, 0b101, 0b110, 0b111]
    assert Hamming(3).word_of(np.arange(8)).tolist() == order
    index = index_table(Hamming(3))
    assert index[0b101] - index[0b001] == 4
    assert d_max_k(Hamming(3)) == d_max_k(Binary(3)) == Fraction(1, 2)


@pytest.mark.parametrize("code", [Hamming, HammingDescending])
@pytest.mark.parametrize("bits", [2, 3, 4, 7, 10, 13, 16])
@pytest.mark.parametrize("k", [1, 2])
def test_bound_of_theorem_1(code, bits, k):
    bound = k * Fraction(2 * comb(bits, bits // 2), 2**bits)
    assert d_ave_k(code(bits), k) <= d_max_k(code(bits), k) <= k * d_max_k(code(bits), 1)
    assert d_max_k(code(bits), 1) <= Fraction(max(_two_layers(bits)) - 1, 2**bits) <= bound
    assert d_max_k(code(bits), k) <= bound


def _two_layers(bits):
    return [comb(bits, weight) + comb(bits, weight + 1) for weight in range(bits)]


# The literature counts words that differ in exactly t bits; the largest is the same for "up to t" bits
@pytest.mark.parametrize(
    ("name", "flips", "largest", "mean", "root_mean_square"),
    [
        ("hamming", 2, 0.4931, 0.1487, 0.2109),
        ("hamming-descending", 2, 0.4023, 0.1487, 0.2109),
        ("binary", 2, 0.75, 0.1167, 0.2041),
        ("hamming", 3, 0.6415, 0.2122, 0.2563),
        ("hamming-descending", 3, 0.5673, 0.2122, 0.2563),
        ("binary", 3, 0.875, 0.1643, 0.25),
    ],
)
def test_two_and_three_flips_of_16_bits(name, flips, largest, mean, root_mean_square):
    table = index_table(make_encoding(name))
    profile = flip_profile(table, flips)
    assert profile.pairs == 2**15 * comb(16, flips)
    assert profile.largest / 2**16 == pytest.approx(largest, abs=5e-5)
    assert profile.total / profile.pairs / 2**16 == pytest.approx(mean, abs=5e-5)
    assert sqrt(profile.total_of_squares / profile.pairs) / 2**16 == pytest.approx(root_mean_square, abs=5e-5)
    assert float(d_max_k(table, flips)) == pytest.approx(largest, abs=5e-5)
    assert float(d_ave_k(table, flips)) < mean


def test_binary_flips_move_by_signed_sums_of_powers_of_two():
    sums = {abs(a * 2**i + b * 2**j) for i, j in combinations(range(8), 2) for a in (1, -1) for b in (1, -1)}
    table = index_table(Binary(8))
    moves = {int(abs(table[b] - table[b ^ m])) for m in range(256) if m.bit_count() == 2 for b in range(256)}
    assert moves == sums


@pytest.mark.parametrize("table", [[0, 1, 2], [0, 0], [0], [1, 2], [], [0.5, 1.0], np.arange(2**17)])
def test_only_bijections_have_a_distortion(table):
    with pytest.raises(InputError, match="once"):
        d_max_k(table)


@pytest.mark.parametrize("k", [0, -1, 9])
def test_flips_are_1_to_q(k):
    with pytest.raises(InputError, match="1 to 8"):
        d_max_k(Binary(8), k)
    with pytest.raises(InputError, match="1 to 8"):
        flip_profile(Binary(8), k)


def test_words_are_below_2_to_the_q():
    with pytest.raises(InputError, match="0 to 255"):
        d_max_k_of_word(Binary(8), 256)
