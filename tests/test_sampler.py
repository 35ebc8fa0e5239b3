"""The sampler's tables, and that flips have exactly the rates asked for, wherever they lie."""

import hashlib
import json
import math
from itertools import pairwise
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, chi2, chisquare

from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.draws import net_flips, trial_offset
from nvmsim.inject.philox import SCRAMBLER, philox4x32
from nvmsim.inject.reference import page_types
from nvmsim.inject.sampler import LADDER, cell_pages_for, flip_tables, rung_for
from nvmsim.inject.target import FlipTarget
from nvmsim.inject.thresholds import ALWAYS, flip_intensity, keep_threshold, poisson_thresholds

GOLDEN = Path(__file__).parent / "golden" / "flip_tables.json"
PAGE_BITS = 148_736  # 16,384 + 2,208 bytes
ALPHA = 1e-6
NO_DATA = np.zeros(0, np.uint16)
CPU = get_backend("cpu")


def _sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).hexdigest()


def _accepts(flips, bits, rate):
    """The one check of a rate: exact, two-sided, at 1e-6."""
    return flips == bits * rate if rate in (0, 1) else binomtest(int(flips), int(bits), rate).pvalue > ALPHA


# --- tables ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", json.loads(GOLDEN.read_text()), ids=lambda k: f"{k['rates']}-{k['page_bits']}")
def test_tables_are_the_same_on_every_machine(known):
    tables = flip_tables(known["rates"], page_bits=known["page_bits"], rung_rber=known.get("named_rung"))
    assert tables.rung_rber == known["rung_rber"]
    assert (tables.dense, tables.cell_pages, tables.first_count) == (
        known["dense"],
        known["cell_pages"],
        known["first_count"],
    )
    assert (_sha256(tables.cdf), _sha256(tables.keep)) == (known["cdf_sha256"], known["keep_sha256"])


@pytest.mark.parametrize(("rung", "bits"), [(1e-6, 64 * PAGE_BITS), (1e-3, PAGE_BITS), (2e-2, 4_096)])
def test_thresholds_are_the_incomplete_gamma_function(rung, bits):
    first, table = poisson_thresholds(rung, bits)
    with mpmath.workdps(70):
        mean = -bits * mpmath.log(1 - 2 * mpmath.mpf(rung)) / 2
        for i in range(0, len(table), 7):
            exact = mpmath.gammainc(first + i + 1, mean, regularized=True)
            assert table[i] == int(mpmath.floor(exact * 2**64))
        below = mpmath.gammainc(first, mean, regularized=True) if first else mpmath.mpf(0)
        assert below * 2**64 < 1
    assert list(table) == sorted(table)


def test_keep_thresholds():
    ratio = math.log1p(-2e-3) / math.log1p(-4e-3)
    assert keep_threshold(1e-3, 2e-3) / 2**64 == pytest.approx(ratio, rel=1e-14)
    assert keep_threshold(1e-3, 1e-3) == ALWAYS
    assert float(flip_intensity(1e-12)) == pytest.approx(1e-12, rel=1e-11)


@given(st.floats(1e-15, 0.25))
def test_the_rung_is_the_next_one_up(rate):
    rung = rung_for(rate)
    step, power = f"{rung:.1e}".split("e")
    assert float(step) in LADDER
    assert rate <= rung
    lower = LADDER[LADDER.index(float(step)) - 1] * (0.1 if step == "1.0" else 1.0)
    assert lower * 10.0 ** int(power) < rate * (1 + 1e-12)


@given(st.floats(1e-12, 0.3), st.integers(1, 2**20).map(lambda n: 8 * n))
def test_cells_are_small_powers_of_two(rung, page_bits):
    pages = cell_pages_for(rung, page_bits)
    assert pages & (pages - 1) == 0
    assert pages == 1 or (pages * page_bits < 2**32 and -math.log1p(-2 * rung) / 2 * pages * page_bits <= 32)


@pytest.mark.parametrize(
    ("rates", "options", "words"),
    [
        ([[0.1, 1.1]], {}, "each must lie in [0, 1]"),
        ([[0.1, float("nan")]], {}, "each must lie in [0, 1]"),
        ([[0.1, 0.1]], {"rung_rber": 0.05}, "must lie between the highest rate 0.1 and 1"),
        ([[0.1, 0.1]], {"page_bits": 0}, "page_bits: 0"),
        ([0.1, 0.1, 0.1], {}, "must be (page types, 2)"),
    ],
)
def test_bad_rates_are_refused(rates, options, words):
    with pytest.raises(InputError) as caught:
        flip_tables(rates, **{"page_bits": 64, **options})
    assert words in str(caught.value)


@pytest.mark.parametrize(("seed", "trial"), [(-1, 0), (2**64, 0), (0, 2**32), (0, -1)])
def test_bad_seeds_and_trials_are_refused(seed, trial):
    target = FlipTarget(NO_DATA, pages=1, page_bits=64, usable_bits=64)
    with pytest.raises(InputError, match="must lie in"):
        CPU.draw(flip_tables([[0.1, 0.1]], page_bits=64), target, seed=seed, trial=trial)


def test_zero_rates_draw_nothing():
    tables = flip_tables([[0.0, 0.0]], page_bits=PAGE_BITS, rung_rber=1e-3)
    target = FlipTarget(NO_DATA, pages=1000, page_bits=PAGE_BITS, usable_bits=PAGE_BITS)
    assert tables.silent
    assert CPU.draw(tables, target, seed=1, trial=0).size == 0


# --- rates ----------------------------------------------------------------------------------------------------


def _flips(rate, *, drawn_rate, rung_rber=None, expected=2e5):
    """Return (flips, bits) over as many pages and trials as give ``expected`` flips."""
    tables = flip_tables([[drawn_rate, drawn_rate]], page_bits=PAGE_BITS, rung_rber=rung_rber)
    pages = int(min(200_000, max(1, expected / 8 / rate / PAGE_BITS)))
    trials = math.ceil(expected / (pages * PAGE_BITS * rate))
    target = FlipTarget(NO_DATA, pages=pages, page_bits=PAGE_BITS, usable_bits=PAGE_BITS)
    flips = sum(net_flips(CPU.draw(tables, target, seed=11, trial=trial)).size for trial in range(trials))
    return flips, trials * pages * PAGE_BITS


RATES = [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 4e-3, 1e-2, 0.1, 0.25, 0.26, 0.5, 0.7]


@pytest.mark.parametrize("rate", RATES)
def test_rates_are_exact(rate):
    flips, bits = _flips(rate, drawn_rate=rate)
    assert _accepts(flips, bits, rate)


@pytest.mark.parametrize("rate", RATES)
def test_the_same_check_rejects_two_percent_more(rate):
    flips, bits = _flips(rate, drawn_rate=1.02 * rate)
    assert not _accepts(flips, bits, rate)


@pytest.mark.parametrize(("rate", "rung"), [(1e-7, 1e-3), (2e-3, 5e-3), (0.1, 0.3), (1e-3, 1.0), (0.3, 1.0)])
def test_rates_are_exact_under_a_named_rung(rate, rung):
    flips, bits = _flips(rate, drawn_rate=rate, rung_rber=rung, expected=1e5 if rate > 1e-6 else 300)
    assert _accepts(flips, bits, rate)


@pytest.mark.parametrize(("rate", "flips"), [(1.0, PAGE_BITS), (0.0, 0)])
def test_certain_rates(rate, flips):
    tables = flip_tables([[rate, rate]], page_bits=PAGE_BITS, rung_rber=1.0)
    target = FlipTarget(NO_DATA, pages=1, page_bits=PAGE_BITS, usable_bits=PAGE_BITS)
    assert CPU.draw(tables, target, seed=1, trial=0).size == flips


SHAPE = {"channels": 2, "dies_per_channel": 2, "planes_per_die": 2, "page_types": 3, "scrambler": True}
SPLIT_RATES = np.array([[0.02, 0.01], [0.03, 0.015], [0.012, 0.05]])


def _split_target():
    """27 pages, the last one part full; user bits 131,072, so that there is a spare area."""
    image = np.random.default_rng(3).integers(0, 2**16, 26 * 8_192 + 4_000, dtype=np.uint16)
    return FlipTarget(image, pages=27, page_bits=PAGE_BITS, usable_bits=131_072, **SHAPE)


def _stored(target):
    """Every stored bit of the target, from whole Philox blocks: (pages, page_bits)."""
    data = np.zeros((target.pages, target.page_bits), np.uint8)
    stream = np.unpackbits(target.buffer.view(np.uint8), bitorder="little")
    for page in range(target.pages):
        part = stream[page * target.usable_bits : (page + 1) * target.usable_bits]
        data[page, : part.size] = part
    blocks, pages = np.meshgrid(np.arange(target.page_bits // 128), np.arange(target.pages))
    counter = np.stack([blocks, pages, 0 * blocks, 0 * blocks + SCRAMBLER], axis=-1)
    mask = np.unpackbits(
        philox4x32(counter, [0, 0]).reshape(target.pages, -1).view(np.uint8), axis=1, bitorder="little"
    )
    return data ^ mask[:, : target.page_bits]


def _split_counts(rates, trials=40):
    """Return flips and bits by (region, page type, stored bit); regions: user, spare, last page, first 2 KiB."""
    target, tables = _split_target(), flip_tables(rates, page_bits=PAGE_BITS)
    stored, bit = _stored(target), np.arange(PAGE_BITS)
    page = np.arange(27)[:, None]
    user = (bit < 131_072) & (page < 26)
    regions = {"user": user, "spare": (bit >= 131_072) & (page < 26), "last": page == 26, "edge": bit % 131_072 < 64}
    found = {name: np.zeros((2, 3, 2)) for name in regions}
    for trial in range(trials):
        offset = trial_offset(5, trial, 3)
        addresses = net_flips(CPU.draw(tables, target, seed=5, trial=trial, offset=offset))
        flipped = np.zeros((27, PAGE_BITS), bool)
        flipped[addresses >> np.uint64(32), addresses & np.uint64(0xFFFFFFFF)] = True
        kinds = page_types(np.arange(27), target, offset)
        for name, region in regions.items():
            inside = np.broadcast_to(region, flipped.shape)
            for kind in range(3):
                for value in (0, 1):
                    cells = inside[kinds == kind] & (stored[kinds == kind] == value)
                    found[name][:, kind, value] += (flipped[kinds == kind] & cells).sum(), cells.sum()
    return found


def test_rates_by_region_page_type_and_stored_bit():
    found = _split_counts(SPLIT_RATES)
    for name, (flips, bits) in found.items():
        for place in np.ndindex(3, 2):
            assert _accepts(flips[place], bits[place], SPLIT_RATES[place]), (name, place)


def test_the_split_check_rejects_two_percent_more():
    flips, bits = _split_counts(1.02 * SPLIT_RATES)["user"]
    assert not any(_accepts(flips[place], bits[place], SPLIT_RATES[place]) for place in np.ndindex(3, 2))


# --- independence ---------------------------------------------------------------------------------------------


def _matrix(rate, page_bits, pages, trials):
    """Return which of the bits flipped: bool (trials, pages * page_bits)."""
    tables = flip_tables([[rate, rate]], page_bits=page_bits)
    target = FlipTarget(NO_DATA, pages=pages, page_bits=page_bits, usable_bits=page_bits)
    flipped = np.zeros((trials, pages * page_bits), bool)
    for trial in range(trials):
        addresses = net_flips(CPU.draw(tables, target, seed=21, trial=trial))
        flipped[trial, (addresses >> np.uint64(32)) * np.uint64(page_bits) + (addresses & np.uint64(0xFFFFFFFF))] = True
    return flipped


@pytest.mark.parametrize(("rate", "page_bits", "pages"), [(0.05, 40, 8), (0.2, 320, 1), (0.4, 40, 8)])
def test_bits_are_independent(rate, page_bits, pages):
    trials, n = 20_000, page_bits * pages
    flipped = _matrix(rate, page_bits, pages, trials)
    hits = flipped.sum(0)
    each = ((hits - trials * rate) ** 2 / (trials * rate * (1 - rate))).sum()
    assert ALPHA < chi2.sf(each, n) < 1 - ALPHA
    scaled = (flipped - rate) / math.sqrt(rate * (1 - rate))
    pairs = (scaled.T @ scaled)[np.triu_indices(n, 1)] / math.sqrt(trials)
    assert ALPHA < chi2.sf((pairs**2).sum(), pairs.size) < 1 - ALPHA
    assert np.abs(pairs).max() < 6.5  # 51,040 pairs: exceeded by chance once in 1e5
    serial = (scaled[1:] * scaled[:-1]).sum() / math.sqrt((trials - 1) * n)
    assert abs(serial) < 4.9
    counts = np.bincount(flipped.sum(1), minlength=n + 1)
    expected = trials * binom.pmf(np.arange(n + 1), n, rate)
    common = expected > 20
    seen, wanted = [*counts[common], counts[~common].sum()], [*expected[common], expected[~common].sum()]
    assert chisquare(seen, wanted, sum_check=False).pvalue > ALPHA


def test_neighbouring_rates_nest_under_one_rung():
    target = FlipTarget(NO_DATA, pages=300, page_bits=PAGE_BITS, usable_bits=PAGE_BITS)
    for rung, rates in ((1e-3, (1e-6, 2e-4, 7e-4, 1e-3)), (1.0, (0.01, 0.3, 1.0))):
        pages = 300 if rung < 1 else 2
        drawn = [
            CPU.draw(
                flip_tables([[rate, rate]], page_bits=PAGE_BITS, rung_rber=rung),
                target._replace(pages=pages),
                seed=4,
                trial=2,
            ).tolist()
            for rate in rates
        ]
        for fewer, more in pairwise(drawn):
            rest = iter(more)
            assert 0 < len(fewer) < len(more)
            assert all(address in rest for address in fewer)  # a subsequence: kept events, in order
