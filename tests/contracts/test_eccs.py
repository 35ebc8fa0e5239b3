"""What every code must do, whether it came with nvmsim or from outside."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from nvmsim.device.codewords import CORRECTED, DETECTED, ErrorPatterns
from nvmsim.device.correction import correct
from nvmsim.device.ecc import Ecc, make_ecc
from nvmsim.device.layout import PageLayout
from nvmsim.device.parts import EccSpec
from nvmsim.plugins import names, register


@dataclass(frozen=True)
class Repeated(Ecc):
    """A user's code: decoding fails with probability e / n, whatever the profile's other numbers."""

    def failure(self, errors):
        return np.asarray(errors) / self.codeword_bits


register("ecc", "repeated", Repeated)
SPECS = {
    "none": {"parity_bytes": 0},
    "bch": {"t": 8},
    "hamming-secded": {},
    "ldpc": {"limit_rber": 4e-3, "waterfall_decades": 0.8},
    "ldpc-table": {"table": "qc-36-12", "codeword_bytes": 36, "parity_bytes": 12},
    "repeated": {},
}


def build(name):
    numbers = {"t": None, "limit_rber": None, "waterfall_decades": None, "codeword_bytes": 256, "parity_bytes": 32}
    decoder = {"engines": 1, "decode_latency_us": 8, "decode_bandwidth_gb_s": 2}
    return make_ecc(EccSpec(code=name, uber_target=1e-12, **numbers | SPECS[name], **decoder))


def test_every_known_code_is_held_to_this_contract():
    assert set(SPECS) <= set(names("ecc")) and set(SPECS) >= {"none", "bch", "hamming-secded", "ldpc", "ldpc-table"}


@pytest.mark.parametrize("name", SPECS)
def test_failure_is_a_probability_that_rises_from_zero(name):
    ecc = build(name)
    failure = ecc.failure(np.arange(ecc.codeword_bits + 1))
    assert failure.dtype == np.float64 and failure.shape == (ecc.codeword_bits + 1,)
    assert failure[0] == 0 and (np.diff(failure) >= 0).all() and failure[-1] <= 1
    assert float(ecc.failure(3)) == failure[3]


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("rber", [1e-6, 1e-3, 2e-2, 0.5])
def test_codeword_failure_is_the_binomial_mean_of_failure(name, rber):
    ecc = build(name)
    errors = np.arange(ecc.codeword_bits + 1)
    expected = float(stats.binom.pmf(errors, ecc.codeword_bits, rber) @ ecc.failure(errors))
    assert ecc.codeword_failure(rber) == pytest.approx(expected, rel=1e-9, abs=0)
    assert ecc.uber(rber) == pytest.approx(expected / ecc.data_bits, rel=1e-9, abs=0)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("mean_errors", [2, 5, 11, 60])
def test_pages_are_read_again_for_what_its_decoder_notices(name, mean_errors):
    """The outcomes of words whose decoding fails, against the chances that say so, within what these are about."""
    ecc, rng, words = build(name), np.random.default_rng(8), 4000
    wrong = rng.random((words, ecc.codeword_bits)) < mean_errors / ecc.codeword_bits
    failed = wrong[rng.random(words) < ecc.failure(wrong.sum(axis=1))]
    word, position = np.nonzero(failed)
    starts = np.searchsorted(word, np.arange(len(failed) + 1))
    outcomes = ecc.decode(ErrorPatterns(position, starts, np.full(len(failed), ecc.data_bits))).outcomes
    noticed = np.count_nonzero(outcomes == DETECTED)
    assert noticed / words == pytest.approx(ecc.noticed_failure(mean_errors / ecc.codeword_bits), abs=0.04)
    every = np.arange(ecc.codeword_bits + 1)
    known, silent = ecc.noticed(every), ecc.silent(every)
    assert (known >= 0).all() and (silent >= 0).all() and (known + silent <= ecc.failure(every) + 1e-12).all()
    assert (silent <= ecc.silent_most(every) + 1e-12).all()


@pytest.mark.parametrize("name", SPECS)
def test_no_errors_no_failure(name):
    assert build(name).codeword_failure(0.0) == 0 == build(name).uber(0.0)


@pytest.mark.parametrize("name", SPECS)
def test_what_is_left_was_wrong_or_flipped_by_a_decoder_that_did_not_know(name):
    ecc, rng = build(name), np.random.default_rng(5)
    data, per_page = ecc.spec.codeword_bytes, -(-1024 // ecc.spec.codeword_bytes)
    layout = PageLayout("ecc", 1024, 32 + per_page * ecc.spec.parity_bytes, 32, 1, 1, 1, 1, False)
    wrong = np.flatnonzero(rng.random(50 * layout.page_bits) < 3e-3)
    flips = (wrong // layout.page_bits << 32 | wrong % layout.page_bits).astype(np.uint64)
    left = correct(
        lambda attempt: flips,
        codes=[ecc] * 2,
        layout=layout,
        codeword_bytes=data,
        parity_bytes=ecc.spec.parity_bytes,
        uniforms=lambda pages, codewords: np.random.default_rng(7).random((50, per_page))[pages, codewords],
    )
    added = set(left.addresses.tolist()) - set(flips.tolist())
    assert len(added) <= (left.silent * (ecc.spec.t or 1) if ecc.miscorrects else 0)
    assert (np.diff(left.addresses.astype(np.int64)) > 0).all()
    assert ((left.addresses & np.uint64(0xFFFFFFFF)) < 8 * 1024).all()
    assert (left.failed > 0) == (len(left.addresses) > 0)
    assert left.silent == left.failed if not ecc.detects else left.silent <= left.failed
    assert (left.retried > 0) == (ecc.detects and left.failed > 0)


@pytest.mark.parametrize("name", SPECS)
def test_user_bits_of_a_corrected_codeword_are_right(name):
    ecc, rng = build(name), np.random.default_rng(9)
    weights = np.arange(12)
    wrong = [np.sort(rng.choice(ecc.codeword_bits, weight, replace=False)) for weight in weights]
    starts = np.concatenate([[0], np.cumsum(weights)])
    decoded = ecc.decode(ErrorPatterns(np.concatenate(wrong), starts, np.full(12, ecc.data_bits)))
    if ecc.miscorrects:  # the others are asked about failures alone
        assert (decoded.outcomes[ecc.failure(weights) == 0] == CORRECTED).all()
    for word in np.flatnonzero(decoded.outcomes == CORRECTED):
        flipped = decoded.positions[decoded.words == word]
        assert sorted(flipped[flipped < ecc.data_bits].tolist()) == wrong[word][wrong[word] < ecc.data_bits].tolist()
    assert not set(decoded.words.tolist()) & set(np.flatnonzero(decoded.outcomes == DETECTED).tolist())
    assert (decoded.positions >= 0).all() and (decoded.positions < ecc.codeword_bits).all()
