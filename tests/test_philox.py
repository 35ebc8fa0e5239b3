"""Philox against Random123's known answers, and the small draws made of it."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from nvmsim.inject.draws import decode_uniforms, image_order, net_flips, trial_offset
from nvmsim.inject.philox import DECODE, blocks, multiply_shift, philox4x32, uniform64

# Random123, tests/kat_vectors: philox4x32 10
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def _words(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter, key, answer):
    assert philox4x32(_words(counter), _words(key)).tolist() == _words(answer)


def test_blocks_name_their_indices_and_words():
    key = 0x299F31D0A4093822
    low, high = blocks(0x243F6A88, 0x85A308D3, trial=0x13198A2E, stream=0x03707344, seed=key)
    assert (hex(low), hex(high)) == ("0x94fdcceb" + "d16cfe09", "0x24126ea1" + "5001e420")


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20), st.integers(1, 2**32 - 1))
def test_multiply_shift_is_the_high_product(words, size):
    got = multiply_shift(np.array(words, np.uint64), size)
    assert got.tolist() == [word * size >> 64 for word in words]


def test_decode_uniforms_are_the_streams_own():
    got = decode_uniforms(5, 7, np.arange(3)[:, None], np.arange(16))
    word = uniform64(11, 2, trial=7, stream=DECODE, seed=5)
    assert got.shape == (3, 16)
    assert got[2, 11] == (int(word) >> 11) * 2.0**-53
    assert np.unique(got).size == 48


def test_image_order_is_a_permutation_fixed_by_the_seed():
    order = image_order(3, 10_000)
    assert np.array_equal(np.sort(order), np.arange(10_000))
    assert np.array_equal(order, image_order(3, 10_000))
    assert not np.array_equal(order, image_order(4, 10_000))


@pytest.mark.parametrize("types", [2, 3, 4])
def test_trial_offsets_are_uniform_over_seeds_and_go_in_turn(types):
    assert {trial_offset(1, trial, types) for trial in range(5, 5 + types)} == set(range(types))
    seen = Counter(trial_offset(seed, 17, types) for seed in range(2_000))
    assert sorted(seen) == list(range(types))
    assert all(binomtest(n, 2_000, 1 / types).pvalue > 1e-6 for n in seen.values())


@given(st.lists(st.integers(0, 12)))
def test_net_flips_are_the_odd_ones(addresses):
    odd = sorted(address for address, n in Counter(addresses).items() if n % 2)
    assert net_flips(np.array(addresses, np.uint64)).tolist() == odd
