"""BCH codes decode bit for bit as galois does with real codewords, miscorrection included."""

import re
from itertools import combinations, pairwise
from math import comb

import galois
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nvmsim.accuracy.change_bound import _wrong
from nvmsim.device.bch import BchCode
from nvmsim.device.codewords import CORRECTED, DETECTED, SILENT, CodewordMap, ErrorPatterns
from nvmsim.device.correction import correct
from nvmsim.device.ecc import codeword_errors, final_uber, make_ecc, page_failures
from nvmsim.device.galois_field import bch_parity_bits, galois_field
from nvmsim.device.layout import PageLayout
from nvmsim.device.parts import EccSpec, Retry
from nvmsim.device.profile import load_device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.errors import InputError


def real_code(m, t):
    # Interpreted: compiling the field's arithmetic would take longer than decoding.
    field = galois.GF(2**m, irreducible_poly=galois.matlab_primitive_poly(2, m), compile="python-calculate")
    return galois.BCH(2**m - 1, d=2 * t + 1, extension_field=field)


def patterns(errors, data_bits):
    """The wrong bits of rows of 0 and 1 as a decoder gets them."""
    word, position = np.nonzero(errors)
    starts = np.searchsorted(word, np.arange(len(errors) + 1))
    return ErrorPatterns(position, starts, np.full(len(errors), data_bits))


def random_errors(rng, weights, bits):
    errors = np.zeros((len(weights), bits), np.uint8)
    for row, weight in zip(errors, weights, strict=True):
        row[rng.choice(bits, weight, replace=False)] = 1
    return errors


def flipped(decoded, shape):
    bits = np.zeros(shape, np.uint8)
    bits[decoded.words, decoded.positions] = 1
    return bits


# Primitive codes and shortened ones; (6, 10) has conjugate roots twice, (7, 1) is what a SEC code of 72 bits takes.
CODES = [
    (4, 1, 11), (4, 2, 7), (4, 3, 5), (5, 3, 16), (5, 2, 12), (6, 4, 32), (6, 10, 18), (7, 1, 64), (7, 5, 48),
    (8, 3, 128), (8, 2, 239), (8, 4, 40),
]  # fmt: skip


@pytest.mark.parametrize(("m", "t", "data"), CODES)
def test_decoding_is_that_of_real_codewords(m, t, data):
    real, rng = real_code(m, t), np.random.default_rng(m * 100 + t)
    code = BchCode(m, t, bch_parity_bits(m, t))
    assert code.parity_bits == real.n - real.k and data <= real.k
    sent = real.encode(galois.GF2(rng.integers(0, 2, (60 if m < 8 else 25, data), dtype=np.uint8)))
    weights = np.minimum(rng.integers(t + 1, 3 * t + 1, len(sent)), sent.shape[1])
    errors = random_errors(rng, weights, sent.shape[1])
    received = sent + galois.GF2(errors)
    got, found = real.decode(received, output="codeword", errors=True)
    ours = code.decode(patterns(errors, data))
    expected = np.asarray(got) ^ np.asarray(sent)
    np.testing.assert_array_equal(ours.outcomes == DETECTED, found == -1)
    np.testing.assert_array_equal(errors ^ flipped(ours, errors.shape), expected)
    assert set(ours.outcomes.tolist()) <= {DETECTED, SILENT}


def test_both_failures_occur_and_a_flip_outside_a_shortened_code_is_detected():
    code, rng = BchCode(7, 1, 7), np.random.default_rng(4)
    counts = [
        np.bincount(code.decode(patterns(random_errors(rng, [2] * 4000, n), n - 7)).outcomes, minlength=3)
        for n in (71, 127)
    ]
    # Two errors x and y are decoded to x + y, which is one of the 71 bits with probability 69 / 125: all but x and y.
    assert counts[1].tolist() == [0, 0, 4000]
    assert counts[0][CORRECTED] == 0 and abs(counts[0][SILENT] / 4000 - 69 / 125) < 0.05


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(8, 5000))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_up_to_t_errors_leave_nothing(seed, t, data):
    code, rng = BchCode.least(data, t), np.random.default_rng(seed)
    bits = data + code.parity_bits
    errors = random_errors(rng, np.minimum(rng.integers(0, t + 1, 20), bits), bits)
    decoded = code.decode(patterns(errors, data))
    assert (decoded.outcomes == CORRECTED).all()
    np.testing.assert_array_equal(flipped(decoded, errors.shape), errors)


def test_near_another_codeword_a_long_code_is_miscorrected_to_it():
    """Random errors hardly ever come so near (1 in 12!); take codewords with up to t more bits wrong."""
    real, code, rng = real_code(14, 12), BchCode.least(8192, 12), np.random.default_rng(8)
    other = np.asarray(real.encode(galois.GF2(rng.integers(0, 2, (13, 8192), dtype=np.uint8))))
    near = random_errors(rng, range(13), other.shape[1])
    decoded = code.decode(patterns(other ^ near, 8192))
    assert (decoded.outcomes == SILENT).all()
    np.testing.assert_array_equal(flipped(decoded, near.shape), near)
    worse = random_errors(rng, [13] * 13, other.shape[1])
    assert (code.decode(patterns(other ^ worse, 8192)).outcomes == DETECTED).all()


def test_errors_in_unused_parity_do_not_count():
    code = BchCode.least(16, 2)  # 10 parity bits: positions 26 and up are unused
    found = code.decode(ErrorPatterns(np.array([3, 20, 26, 31, 29]), np.array([0, 4, 5]), np.array([16, 16])))
    assert found.outcomes.tolist() == [CORRECTED, CORRECTED]
    assert (found.words.tolist(), sorted(found.positions.tolist())) == ([0, 0], [3, 20])


def test_many_words_are_decoded_in_parts_as_alone():
    code, rng = BchCode(7, 2, 14), np.random.default_rng(6)
    errors = random_errors(rng, rng.integers(0, 6, 40_000), 70)
    whole = code.decode(patterns(errors, 56))
    assert (np.diff(whole.words) >= 0).all()
    some = rng.integers(0, 40_000, 50)
    alone = code.decode(patterns(errors[some], 56))
    np.testing.assert_array_equal(whole.outcomes[some], alone.outcomes)
    np.testing.assert_array_equal(flipped(whole, errors.shape)[some], flipped(alone, (50, 70)))


def test_field_and_code_sizes_are_the_least():
    assert [BchCode.least(*code).m for code in ((8192, 40), (4096, 8), (512, 4), (64, 1), (4, 1), (16383 - 28, 2))] == [
        14, 13, 10, 7, 3, 14,
    ]  # fmt: skip
    assert BchCode.least(16383 - 27, 2).m == 15
    field = galois_field(10)
    assert np.array_equal(np.sort(field.powers[: field.order]), np.arange(1, 1024))


NO_RETRY = Retry()


def spec(t, codeword_bytes, parity_bytes, retry=NO_RETRY):
    return EccSpec("bch", codeword_bytes, parity_bytes, t, None, None, 1e-15, 1, 8.0, 2.0, retry)


@pytest.mark.parametrize(("t", "parity"), [(40, 69), (4, 4)])
def test_with_too_little_parity_for_bch_all_failures_are_flagged(t, parity):
    ecc = make_ecc(spec(t, 1024 if t == 40 else 64, parity))
    assert ecc.code is None and ecc.decoder == "" and ecc.detects
    found = ecc.decode(ErrorPatterns(np.arange(t + 1), np.array([0, t + 1]), np.array([ecc.data_bits])))
    assert found.outcomes.tolist() == [DETECTED] and not found.words.size


def read(flips, ecc, layout, retry_max=0):
    return correct(
        lambda attempt: flips[attempt],
        codes=[ecc] * (retry_max + 1),
        layout=layout,
        codeword_bytes=ecc.spec.codeword_bytes,
        parity_bytes=ecc.spec.parity_bytes,
        uniforms=lambda pages, codewords: np.zeros(len(pages)),
    )


def addresses(pages, bits):
    return np.asarray(pages, np.uint64) << np.uint64(32) | np.asarray(bits, np.uint64)


LAYOUT = PageLayout("ecc", 10, 8, 2, 1, 1, 1, 1, False)  # codewords of 4, 4 and 2 data bytes, 2 parity bytes each
WORDS = [
    np.array([*range(32 * j, min(32 * j + 32, 80)), *range(8 * (12 + 2 * j), 8 * (14 + 2 * j) - 4)]) for j in range(3)
]


def read_with_a_real_decoder(flips, real, retry_max, pages):
    """Read codeword by codeword with galois: the words below are all zero, the code is BCH(63, 51), t = 2."""
    left, failed, silent, retried = [], 0, 0, 0
    for page in range(pages):
        for attempt in range(retry_max + 1):
            bits = np.zeros(144, np.uint8)
            bits[[int(a) & 0xFFFFFFFF for a in flips[attempt] if int(a) >> 32 == page]] = 1
            wrong, flags = [], []
            for word in WORDS:
                got, found = real.decode(galois.GF2(bits[word]), output="codeword", errors=True)
                wrong.append(word[np.asarray(got) > 0])
                flags.append(found == -1)
            if not any(flags):
                break
            retried += attempt < retry_max
        failed += sum(len(word) > 0 for word in wrong)
        silent += sum(len(word) > 0 and not flag for word, flag in zip(wrong, flags, strict=True))
        left += [page << 32 | int(bit) for bit in np.concatenate(wrong) if bit < 80]
    return sorted(left), failed, retried, silent


@pytest.mark.parametrize("retry_max", [0, 2])
def test_pages_are_read_as_by_a_reader_with_a_real_decoder(retry_max):
    real, ecc, rng, pages = (
        real_code(6, 2),
        make_ecc(spec(2, 4, 2, Retry(retry_max, 0.7))),
        np.random.default_rng(2),
        60,
    )
    flips = [rng.choice(pages * 144, 600, replace=False)]
    for _ in range(retry_max):
        flips.append(flips[-1][rng.random(flips[-1].size) < 0.8])
    flips = [addresses(where // 144, where % 144) for where in flips]
    got = read(flips, ecc, LAYOUT, retry_max)
    assert (got.addresses.tolist(), *got[1:]) == read_with_a_real_decoder(flips, real, retry_max, pages)
    assert got.silent > 10 and got.failed - got.silent > 10


def test_positions_and_addresses_are_each_other_s_inverse():
    words = CodewordMap(10, 12, 4, 2)
    bits, keys = words.locate(addresses([0] * 144 + [7] * 144, [*range(144)] * 2))
    for page in (0, 7):
        for j in range(3):
            key = 3 * page + j
            found = words.patterns(bits[keys == key], keys[keys == key], np.array([key]))
            n = [32, 32, 16][j]
            assert (found.positions.tolist(), found.data_bits.tolist()) == ([*range(n + 16)], [n])
            back = words.user_addresses(np.full(n + 16, key), found.positions)
            assert back.tolist() == addresses([page] * n, range(32 * j, 32 * j + n)).tolist()
    assert all(first < then for first, then in pairwise(np.sort(bits[keys == 1]).tolist()))


@pytest.mark.parametrize("codeword_bytes, t", [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)])
def test_no_number_of_errors_is_miscorrected_more_often_than_the_limit_says(codeword_bytes, t):
    """Every pattern of every weight that there are at most 60,000 of, of codes that use all their parity bits."""
    data_bits = 8 * codeword_bytes
    code = BchCode.least(data_bits, t)
    ecc = make_ecc(spec(t, codeword_bytes, -(-code.parity_bits // 8)))
    bits, tight = data_bits + code.parity_bits, 0.0
    for weight in range(t + 1, bits + 1):
        if comb(bits, weight) > 60_000:
            continue
        wrong = np.array(list(combinations(range(bits), weight)))
        starts = np.arange(len(wrong) + 1) * weight
        found = code.decode(ErrorPatterns(wrong.reshape(-1), starts, np.full(len(wrong), data_bits))).outcomes
        share = np.mean(found == SILENT)
        assert share <= ecc.silent_most(weight)
        if 2 * weight <= bits:
            tight = max(tight, share / ecc.silent_most(weight))
    assert tight > 0.4


def test_a_code_without_strength_corrects_and_notices_nothing():
    for parity in (0, 2):
        ecc = make_ecc(spec(0, 4, parity, Retry(3, 0.5)))
        assert not ecc.detects and ecc.failure([0, 1, 5]).tolist() == [0, 1, 1]
        flips = addresses([0, 0, 3], [1, 40, 79])
        got = read([flips] * 4, ecc, LAYOUT, 3)
        assert (got.addresses.tolist(), *got[1:]) == (flips.tolist(), 3, 0, 3)
        named = load_device("mlc", ["ecc.t=0", f"ecc.parity_bytes={parity}", "ecc.retry.max=3"])
        assert named.ecc.t == 0 and not page_failures(named, device_rates(named, named.condition())).any()
        assert ecc.uber(1e-9) == pytest.approx(1e-9, rel=1e-6)  # parity is unused
        alone = read([addresses([0], [8 * 12 + 7])] * 4, make_ecc(spec(0, 4, 2, Retry(3, 0.5))), LAYOUT, 3)
        assert alone[1:] == (0, 0, 0)
    with pytest.raises(InputError, match=r"ecc\.t: -1: must be a whole number from 0"):
        load_device("mlc", ["ecc.t=-1"])


def test_parity_that_the_code_does_not_use_may_be_wrong_without_harm():
    def told(*keys):
        keys = (*keys, "ecc.retry={max: 2, rber_factor: 0.7}", "ecc.decode_growth_per_error=0.01")
        device = load_device("mlc", keys)
        rates = device_rates(device, device.condition("beyond"))
        found = page_failures(device, rates), codeword_errors(device, rates), final_uber(device, rates)
        return np.hstack([np.ravel(part) for part in found])

    spare = told("ecc.t=24")
    assert np.array_equal(spare, told("ecc.t=24", "ecc.parity_bytes=42"))  # 14 bits of parity for each of 24 errors
    n, rber = 8 * 1024 + 14 * 24, device_rates(mlc := load_device("mlc"), mlc.condition("beyond")).array.mean(axis=1)
    assert spare[0] == pytest.approx(1 - stats.binom.cdf(24, n, rber[0]) ** 16, rel=1e-9)


@pytest.mark.parametrize("t", [1, 2])
def test_pages_are_read_again_for_what_decoders_notice(t):
    """Words of 512 bytes at an RBER at which half fail: of t = 1 half of those are miscorrected."""
    code, rng, words = BchCode.least(4096, t), np.random.default_rng(t), 4000
    bits, ecc = 4096 + code.parity_bits, make_ecc(spec(t, 512, -(-code.parity_bits // 8)))
    rber = (t + 0.7) / bits
    decoded = code.decode(patterns(rng.random((words, bits)) < rber, 4096))
    noticed, failed = (np.isin(decoded.outcomes, kinds).sum() for kinds in ([DETECTED], [DETECTED, SILENT]))
    assert stats.binomtest(int(failed), words, ecc.codeword_failure(rber)).pvalue > 1e-6
    assert stats.binomtest(int(noticed), words, ecc.noticed_failure(rber)).pvalue > 1e-6
    assert stats.binomtest(int(noticed), words, ecc.codeword_failure(rber)).pvalue < 1e-6
    page = load_device("slc", [f"ecc.t={t}", "ecc.parity_bytes=13"])
    pages = page_failures(page, Rates(((rber, rber),)))[0, 0]
    assert pages == pytest.approx(1 - (1 - ecc.noticed_failure(rber)) ** (page.page.user_bytes // 512), rel=1e-9)


@pytest.mark.parametrize("t", [5, 60, 80, 100])
@pytest.mark.parametrize("parity", [0, 2])
def test_the_parity_that_is_advised_is_enough_and_the_least(t, parity):
    def load(parity_bytes):
        return load_device("slc", ["page.spare_bytes=2000", f"ecc.t={t}", f"ecc.parity_bytes={parity_bytes}"])

    with pytest.raises(InputError, match="no code with so little parity") as refused:
        load(parity)
    least = int(re.search(r"must be at least (\d+) ", str(refused.value))[1])
    assert load(least).ecc.parity_bytes == least
    with pytest.raises(InputError, match=f"must be at least {least} "):
        load(least - 1)


@pytest.mark.parametrize("t", [0, 1])
def test_more_stuck_bits_than_the_code_uses_are_a_failure(t):
    """Of 16 bits of data and 64 of parity, most of them unused."""
    ecc = make_ecc(spec(t, 2, 8))
    assert _wrong(ecc.failure, ecc, 1e-3, already=ecc.codeword_bits + 5) == 1
    assert _wrong(ecc.failure, ecc, 0.0, already=t) == 0
