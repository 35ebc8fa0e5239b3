"""What no code can do, against the reference table, integrals of scipy, and codes counted by brute force."""

import json
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import binom, norm

import nvmsim
from nvmsim.cli import main
from nvmsim.device.doubts import code_doubts
from nvmsim.device.ecc import make_ecc
from nvmsim.device.load import device_names, load_device, variant_names
from nvmsim.device.shannon import half_limit, hard_limit, least_failure, soft_limit

EVERY = [where for name in device_names() for where in (name, *(f"{name}@{one}" for one in variant_names(name)))]
# Rate of the code, RBER of hard and of soft reads: two digits, as tables of LDPC ceilings have them.
CEILINGS = [
    (0.83, 2.5e-2, 4.6e-2),
    (0.86, 2.0e-2, 3.8e-2),
    (0.88, 1.6e-2, 3.2e-2),
    (0.90, 1.3e-2, 2.6e-2),
    (0.92, 9.9e-3, 2.1e-2),
    (0.94, 7.0e-3, 1.5e-2),
]


@pytest.mark.parametrize(("rate", "hard", "soft"), CEILINGS)
def test_limits_are_those_of_the_table(rate, hard, soft):
    assert hard_limit(rate) == pytest.approx(hard, rel=0.02)
    assert soft_limit(rate) == pytest.approx(soft, rel=0.03)


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.8707, 0.8889, 0.99])
def test_limits_solve_the_capacities_of_both_channels(rate):
    def soft_capacity(sigma):
        bits = partial(lambda y: norm.pdf(y, 1, sigma) * np.logaddexp(0, -2 * y / sigma**2) / np.log(2))
        return 1 - quad(bits, 1 - 12 * sigma, 1 + 12 * sigma, limit=500)[0]

    wrong = hard_limit(rate)
    assert 1 + wrong * np.log2(wrong) + (1 - wrong) * np.log2(1 - wrong) == pytest.approx(rate, abs=1e-9)
    sigma = brentq(lambda sigma: soft_capacity(sigma) - rate, 0.05, 5)
    assert soft_limit(rate) == pytest.approx(norm.sf(1 / sigma), rel=1e-4)
    assert soft_limit(rate) > wrong


@pytest.mark.parametrize(("bits", "parity"), [(5, 2), (6, 3), (7, 3), (8, 4), (9, 4)])
def test_no_code_fails_less_often_than_the_bound(bits, parity):
    """Over random parity-check matrices, decoded as well as can be: the lightest pattern of each syndrome."""
    rng, rber, best = np.random.default_rng(7), 0.03, 1.0
    words = np.array(list(product((0, 1), repeat=bits)), np.int64)
    chance = rber ** words.sum(axis=1) * (1 - rber) ** (bits - words.sum(axis=1))
    for _ in range(300):
        syndromes = (words @ rng.integers(0, 2, (bits, parity)) % 2) @ (1 << np.arange(parity))
        right = np.zeros(1 << parity)
        np.maximum.at(right, syndromes, chance)
        best = min(best, 1 - right.sum())
    bound = least_failure(bits, parity, rber)
    assert bound <= best + 1e-12
    assert bound > 0.5 * best  # near enough to forbid something


def test_a_perfect_code_reaches_the_bound():
    for bits, parity, t in ((7, 3, 1), (15, 4, 1), (23, 11, 3)):  # Hamming, Hamming, Golay
        assert least_failure(bits, parity, 0.02) == pytest.approx(binom.sf(t, bits, 0.02), rel=1e-6)


def test_half_of_the_codewords_of_a_perfect_code_fail_at_its_limit():
    for bits, parity, t in ((15, 4, 1), (23, 11, 3)):
        assert binom.sf(t, bits, half_limit(bits, parity)) == pytest.approx(0.5, rel=1e-6)
    above = [half_limit(bits, bits // 9) / hard_limit(8 / 9) for bits in (576, 4608, 36864)]
    assert above == sorted(above, reverse=True) and 1 < above[-1] < 1.003  # longer ones come down to Shannon's limit


@given(st.integers(8, 400), st.integers(1, 60), st.floats(1e-4, 0.3))
@example(226, 26, 0.3)  # a chance that is 1 but for its last digits
def test_the_bound_is_a_chance_that_more_parity_lowers(bits, parity, rber):
    parity = min(parity, bits - 1)
    here, more = (least_failure(bits, count, rber) for count in (parity, parity + 1))
    assert 0 <= more <= here <= 1


@pytest.mark.parametrize("where", EVERY)
def test_no_bundled_code_does_what_none_can(where):
    assert code_doubts(load_device(where)) == ()


def test_what_no_code_can_do_is_said_by_every_command(capsys, tmp_path):
    settings = ["ecc.codeword_bytes=1024", "ecc.parity_bytes=128", "ecc.waterfall_decades=0.5"]
    flags = [part for setting in settings for part in ("--set", setting)]
    half, packed = code_doubts(load_device("tlc", settings))
    assert (
        "half of the codewords fail at RBER 0.0253" in half
        and "of its hard reads beyond 0.0149 (sphere packing)" in half
    )
    assert packed.startswith(
        "ecc.limit_rber: UBER is to be 1e-15 at RBER 0.008, but no code of 9216 bits, 1024 of them"
    )
    for command in (["timing", "tlc"], ["devices", "show", "tlc"], ["inference", "tlc", "--weights", "1e6"]):
        assert main([*command, *flags]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert half in said and packed in said
    assert main(["timing", "tlc", *flags, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == [half, packed]
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: tlc\necc: {parity_bytes: 300}\n", encoding="utf-8")
    assert main(["devices", "check", str(mine)]) == 0
    assert (
        "no code of 35168 bits, 2400 of them parity, decodes half of its hard reads beyond" in capsys.readouterr().out
    )


def test_a_run_says_it_also_without_ecc_as_its_speed_ups_compare_with_it(tmp_path):
    device = load_device("tlc", ["ecc.waterfall_decades=0.4"])
    asked = {"model": "mnist-cnn", "trials": 2, "store": tmp_path / "trials.sqlite"}
    for schemes in (["ecc", "raw"], ["raw"]):
        assert any("sphere packing" in text for text in nvmsim.run(device, schemes=schemes, **asked).warnings)
    assert nvmsim.run("tlc", schemes=["raw"], **asked).warnings == ()


def test_soft_reads_have_a_limit_of_their_own():
    settings = ["ecc.soft.limit_rber=2.2e-2", "ecc.soft.waterfall_decades=0.2"]
    (said,) = code_doubts(load_device("tlc@soft", settings))
    assert said.startswith("ecc.soft.waterfall_decades: half of the codewords fail at RBER 0.0349")
    assert "decodes half of its soft reads beyond 0.0294 (Shannon)" in said
    hard = make_ecc(load_device("tlc", ["ecc.limit_rber=1.2e-2"]).ecc).doubts()
    assert any("0.0148" in text for text in hard) and any(text.startswith("ecc.limit_rber") for text in hard)


@pytest.mark.parametrize(("t", "least"), [(100, 175), (71, 124)])
def test_a_bch_code_that_its_parity_does_not_hold_is_named(t, least):
    code = f"ecc={{code: bch, codeword_bytes: 1024, parity_bytes: 122, t: {t}}}"
    (said,) = code_doubts(load_device("tlc", [code]))
    assert said.startswith(f"ecc.t: {t}: a BCH code that corrects as many takes {least} bytes of parity, not 122")
    assert code_doubts(load_device("tlc", [code.replace(f"t: {t}", "t: 69")])) == ()
