"""SECDED against all error patterns of a small code, and against the parity-check matrix of (72, 64)."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy import stats

from nvmsim.device.codewords import CORRECTED, DETECTED, SILENT, ErrorPatterns
from nvmsim.device.ecc import make_ecc
from nvmsim.device.parts import EccSpec
from nvmsim.errors import InputError


def secded(codeword_bytes, parity_bytes):
    return make_ecc(EccSpec("hamming-secded", codeword_bytes, parity_bytes, None, None, None, 1e-15, 1, 8.0, 2.0))


def check_matrix(data, checks):
    """Columns (checks, data + checks) of odd weight: 3, 5 .. ones for the data bits, one each for the parity bits."""
    user = [
        sum(1 << bit for bit in ones)
        for weight in range(3, checks + 1, 2)
        for ones in sorted(combinations(range(checks), weight), key=lambda bits: sum(1 << bit for bit in bits))
    ]
    columns = np.array([*user[:data], *(1 << bit for bit in range(checks))])
    return columns[None, :] >> np.arange(checks)[:, None] & 1


def patterns(errors, data_bits):
    word, position = np.nonzero(errors)
    return ErrorPatterns(position, np.searchsorted(word, np.arange(len(errors) + 1)), np.full(len(errors), data_bits))


def result(decoded, errors):
    left = errors.copy()
    left[decoded.words, decoded.positions] ^= 1
    return left


def test_every_pattern_of_a_small_code_goes_to_the_codeword_beside_it():
    """(13, 8): all 2^13 patterns, decoded by the list of all codewords; three of its 16 stored bits are unused."""
    matrix, ecc = check_matrix(8, 5), secded(1, 1)
    every = np.arange(1 << 13)[:, None] >> np.arange(13) & 1
    codewords = every[~(every @ matrix.T % 2).any(axis=1)]
    assert len(codewords) == 256 and ecc.check_bits == 5 and ecc.codeword_bits == 13
    distance = (every[:, None, :] ^ codewords[None, :, :]).sum(axis=2)
    near, nearest = distance.min(axis=1), codewords[distance.argmin(axis=1)]
    unused = np.random.default_rng(1).integers(0, 2, (len(every), 3))
    decoded = ecc.decode(patterns(np.hstack([every, unused]), 8))
    expected = np.where((near <= 1)[:, None], nearest, every)
    np.testing.assert_array_equal(result(decoded, every), expected)
    outcome = np.select([near > 1, every.sum(axis=1) <= 1], [DETECTED, CORRECTED], SILENT)
    np.testing.assert_array_equal(decoded.outcomes, outcome)


def test_72_64_is_what_its_matrix_says():
    ecc, matrix, rng = secded(8, 1), check_matrix(64, 8), np.random.default_rng(2)
    assert (ecc.check_bits, ecc.codeword_bits) == (8, 72)
    errors = np.zeros((6000, 72), np.int64)
    for row, weight in zip(errors, np.arange(6000) % 9, strict=True):
        row[rng.choice(72, weight, replace=False)] = 1
    decoded, weights = ecc.decode(patterns(errors, 64)), errors.sum(axis=1)
    expected, outcome = errors.copy(), np.full(6000, DETECTED)
    for n, syndrome in enumerate(errors @ matrix.T % 2):
        hit = np.flatnonzero((matrix == syndrome[:, None]).all(axis=0))
        expected[n, hit] ^= 1
        if hit.size or not syndrome.any():
            outcome[n] = SILENT if expected[n].any() else CORRECTED
    np.testing.assert_array_equal(result(decoded, errors), expected)
    np.testing.assert_array_equal(decoded.outcomes, outcome)
    assert (decoded.outcomes[weights <= 1] == CORRECTED).all() and (decoded.outcomes[weights == 2] == DETECTED).all()
    assert 0.4 < (decoded.outcomes[weights == 3] == SILENT).mean() < 0.8
    assert 0 < (decoded.outcomes[weights == 4] == SILENT).sum() < (weights == 4).sum() / 10


def test_three_errors_are_miscorrected_as_often_as_counted():
    """Of all 59,640 patterns of three wrong bits of (72, 64), those whose columns add up to another column."""
    columns = (check_matrix(64, 8) << np.arange(8)[:, None]).sum(axis=0)
    triples = np.array(list(combinations(range(72), 3)))
    miscorrected = np.isin(np.bitwise_xor.reduce(columns[triples], axis=1), columns)
    starts = np.arange(len(triples) + 1) * 3
    decoded = secded(8, 1).decode(ErrorPatterns(triples.ravel(), starts, np.full(len(triples), 64)))
    np.testing.assert_array_equal(decoded.outcomes == SILENT, miscorrected)
    assert len(triples) == comb(72, 3)


def test_a_short_last_codeword_has_no_columns_for_bits_it_does_not_hold():
    ecc, matrix, rng = secded(8, 1), check_matrix(64, 8)[:, [*range(16), *range(64, 72)]], np.random.default_rng(3)
    errors = (rng.random((3000, 24)) < 0.15).astype(np.int64)
    decoded = ecc.decode(patterns(errors, 16))
    for n, syndrome in enumerate(errors @ matrix.T % 2):
        hit = np.flatnonzero((matrix == syndrome[:, None]).all(axis=0))
        assert decoded.positions[decoded.words == n].tolist() == hit.tolist()
        assert (decoded.outcomes[n] == DETECTED) == (syndrome.any() and not hit.size)


def test_uber_counts_all_patterns_of_two_and_more():
    ecc, p = secded(8, 1), 1e-6
    assert ecc.uber(p) == pytest.approx(
        sum(comb(72, e) * p**e * (1 - p) ** (72 - e) for e in range(2, 8)) / 64, rel=1e-9
    )
    assert secded(512, 2).codeword_bits == 4096 + 14


@pytest.mark.parametrize(("data", "parity", "least"), [(8, 0, 1), (64, 1, 2), (512, 1, 2), (8192, 2, 3)])
def test_too_little_parity_is_refused(data, parity, least):
    secded(data, least)
    with pytest.raises(InputError, match=f"ecc.parity_bytes: {parity}: hamming-secded .* must be at least {least}"):
        secded(data, parity)


@pytest.mark.parametrize("mean_errors", [1.5, 4.0, 20.0])
def test_pages_are_read_again_for_what_the_decoder_notices(mean_errors):
    """Of three errors or more about half: even numbers are noticed, odd ones are mistaken for one error or not."""
    ecc, rng, words = secded(512, 3), np.random.default_rng(4), 8000
    rber = mean_errors / ecc.codeword_bits
    wrong = rng.random((words, ecc.codeword_bits)) < rber
    word, position = np.nonzero(wrong)
    starts = np.searchsorted(word, np.arange(words + 1))
    found = ecc.decode(ErrorPatterns(position, starts, np.full(words, ecc.data_bits))).outcomes
    noticed = int(np.count_nonzero(found == DETECTED))
    assert abs(noticed / words - ecc.noticed_failure(rber)) < 0.03
    assert stats.binomtest(noticed, words, ecc.codeword_failure(rber)).pvalue < 1e-6
