"""Pages that differ: each has its own multiple of the rates, exactly, in every trial, on every backend."""

import math
from dataclasses import replace
from itertools import pairwise

import jsonschema
import numpy as np
import pytest
from ridge_network import BCH, ridge_model, ridge_task
from scipy.integrate import quad
from scipy.stats import binom, binomtest, chisquare, lognorm, spearmanr
from small_device import write_profile

from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.flip_source import FlipSource, rates_by_class
from nvmsim.accuracy.trial import draw_noise
from nvmsim.device.ecc import final_uber, make_ecc, page_failures
from nvmsim.device.json_schema import device_schema
from nvmsim.device.life import ecc_limits
from nvmsim.device.page_variation import CLASSES, page_factors
from nvmsim.device.profile import load_device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.draws import net_flips, page_classes
from nvmsim.inject.sampler import rung_for
from nvmsim.inject.target import FlipTarget
from nvmsim.study.question import choose_rates
from nvmsim.zoo.network import Network

ALPHA, SIGMA = 1e-6, 0.5
PAGES, PAGE_BITS = 1600, 4096
FACTORS = page_factors(SIGMA)


def accepts(flips, bits, rate):
    return binomtest(int(flips), int(bits), rate).pvalue > ALPHA


# --- the factors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.05, 0.5, 2.0])
def test_a_class_has_the_mean_of_its_part_of_the_log_normal_distribution(sigma):
    law = lognorm(sigma, scale=math.exp(-(sigma**2) / 2))
    factors = page_factors(sigma)
    assert len(factors) == CLASSES
    assert np.mean(factors) == pytest.approx(1, abs=1e-11)
    for number in (0, 5, 31, 32, 60, 62):
        ends = law.ppf([number / CLASSES, (number + 1) / CLASSES])
        part = CLASSES * quad(lambda x: x * law.pdf(x), *ends, epsabs=1e-12)[0]
        assert factors[number] == pytest.approx(part, rel=1e-7)
        assert ends[0] < factors[number] < ends[1]


def test_classes_are_equally_likely_and_belong_to_the_device():
    classes = page_classes(3, 200_000, CLASSES)
    assert chisquare(np.bincount(classes, minlength=CLASSES)).pvalue > ALPHA
    other = page_classes(4, 200_000, CLASSES)
    assert binomtest(int((classes == other).sum()), 200_000, 1 / CLASSES).pvalue > ALPHA


# --- the draws ------------------------------------------------------------------------------------------------

BUFFER = np.random.default_rng(5).integers(0, 2**16, PAGES * PAGE_BITS // 16, dtype=np.uint16)
TARGET = FlipTarget(BUFFER, pages=PAGES, page_bits=PAGE_BITS, usable_bits=PAGE_BITS, page_types=2)
STORED = np.unpackbits(BUFFER.view(np.uint8), bitorder="little").reshape(PAGES, PAGE_BITS)
CLASS = page_classes(8, PAGES, CLASSES)
CASES = {
    "even": [[0.02, 0.02], [0.02, 0.02]],
    "by type and stored bit": [[0.03, 0.05], [0.06, 0.02]],
    "dense": [[0.2, 0.12], [0.1, 0.09]],
}


def source(rates, sigma=SIGMA):
    by_class = rates_by_class(rates, page_factors(sigma))
    return FlipSource.of(by_class, page_bits=PAGE_BITS, rung_rber=rung_for(by_class.max()))


def wrong(rates, trial, *, backend="cpu", sigma=SIGMA):
    """Return which bits are wrong: bool (pages, page bits)."""
    how = {"classes": CLASS, "seed": 2, "trial": trial, "offset": trial % 2}
    addresses = net_flips(source(rates, sigma).draw(get_backend(backend), TARGET, **how))
    found = np.zeros((PAGES, PAGE_BITS), bool)
    found[addresses >> np.uint64(32), addresses & np.uint64(0xFFFFFFFF)] = True
    return found


def counts(rates):
    """Return flips and bits of two trials by class, page type and stored bit, int (2, 64, 2, 2)."""
    found = np.zeros((2, CLASSES, 2, 2), np.int64)
    for trial in range(2):
        flipped, types = wrong(rates, trial), (np.arange(PAGES) + trial % 2) % 2
        for bit in (0, 1):
            here = bit == STORED
            np.add.at(found[0, :, :, bit], (CLASS, types), (flipped & here).sum(axis=1))
            np.add.at(found[1, :, :, bit], (CLASS, types), here.sum(axis=1))
    return found


@pytest.mark.parametrize("rates", CASES.values(), ids=CASES)
def test_each_class_type_and_stored_bit_has_its_rate(rates):
    flips, bits = counts(rates)
    exact = np.minimum(np.multiply.outer(FACTORS, rates), 0.5)
    for place in np.ndindex(exact.shape):
        assert accepts(flips[place], bits[place], exact[place]), place


@pytest.mark.parametrize("rates", CASES.values(), ids=CASES)
def test_the_same_check_rejects_two_percent_more(rates):
    flips, bits = counts(1.02 * np.array(rates))
    exact = np.minimum(np.multiply.outer(FACTORS, rates), 0.5)
    worst, every = slice(CLASSES // 2, CLASSES), np.arange(CLASSES)[:, None, None]
    told = (every >= CLASSES // 2) & (exact < 0.49)  # half of the classes together: enough flips to tell
    mean = (bits * exact)[told].sum() / bits[told].sum()
    assert flips[worst].sum() > 150_000
    assert not accepts(flips[told].sum(), bits[told].sum(), mean)


def test_counts_of_pages_are_a_mixture_and_over_dispersed():
    rate = 4e-3
    seen = np.concatenate([wrong([[rate] * 2] * 2, trial).sum(axis=1) for trial in range(4)])
    expected = PAGE_BITS * rate * page_variance_of_mixture(rate)
    assert seen.mean() == pytest.approx(PAGE_BITS * rate, rel=0.05)
    assert seen.var() == pytest.approx(expected, rel=0.15)
    assert seen.var() > 4 * binom.var(PAGE_BITS, rate)
    # Given the pages' classes, what is seen is their mixture; one rate for all pages is rejected.
    bins = np.arange(60)
    mixture = np.mean([binom.pmf(bins, PAGE_BITS, rate * FACTORS[one]) for one in CLASS], axis=0)
    alone = binom.pmf(bins, PAGE_BITS, rate)
    assert fits(seen, mixture)
    assert not fits(seen, alone)


def page_variance_of_mixture(rate):
    """Return variance / mean of a page's count: 1 - p + (n - 1) p var(f) - ..., written out from the moments."""
    factors = np.array(FACTORS)[CLASS]
    mean, square = PAGE_BITS * rate * factors.mean(), ((PAGE_BITS * rate * factors) ** 2).mean()
    within = (PAGE_BITS * rate * factors * (1 - rate * factors)).mean()
    return (within + square - mean**2) / (PAGE_BITS * rate)


def fits(seen, pmf):
    common = pmf * seen.size > 20
    have = [*np.bincount(seen, minlength=pmf.size)[: pmf.size][common], 0]
    have[-1] = seen.size - sum(have)
    want = [*(pmf[common] * seen.size), seen.size * (1 - pmf[common].sum())]
    return chisquare(have, want, sum_check=False).pvalue > ALPHA


def test_a_bad_page_stays_bad_in_every_trial():
    first, second = (wrong([[0.02] * 2] * 2, trial).sum(axis=1) for trial in (0, 1))
    assert spearmanr(first, second).statistic > 0.8
    even = [wrong([[0.02] * 2] * 2, trial, sigma=0.0).sum(axis=1) for trial in (0, 1)]
    assert abs(spearmanr(*even).statistic) < 0.15


@pytest.mark.parametrize("rates", CASES.values(), ids=CASES)
@pytest.mark.parametrize("backend", ["reference", "shim"])
def test_backends_give_equal_bits(rates, backend):
    assert np.array_equal(wrong(rates, 3), wrong(rates, 3, backend=backend))


def test_a_better_read_has_a_part_of_the_errors():
    """A retry's events are among those of the first read, thinned by page or not."""
    parts = [set(net_flips_of(factor)) for factor in (1.0, 0.6, 0.36)]
    for more, fewer in pairwise(parts):
        assert 0.98 < len(fewer & more) / len(fewer) <= 1
        assert len(fewer) < 0.7 * len(more)


def net_flips_of(factor):
    by_class = rates_by_class(np.array([[4e-3] * 2] * 2) * factor, FACTORS)
    drawn = FlipSource.of(by_class, page_bits=PAGE_BITS, rung_rber=0.02)
    return net_flips(drawn.draw(get_backend("cpu"), TARGET, classes=CLASS, seed=2, trial=0, offset=0)).tolist()


# --- tasks, correction, profiles ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(ridge_model()))


def compiled(slot, **changes):
    rates = changes.pop("rber", 3e-3)
    task = ridge_task(rber=rates, page_sigma=SIGMA, rung_rber=rung_for(rates * FACTORS[-1]), **changes)
    return CompiledTask(task, ridge_model().weights, slot=slot, backend=get_backend("cpu"))


def test_trials_of_a_task_see_its_pages(slot):
    task = compiled(slot)
    pages = np.concatenate([draw_noise(task, trial)[0].wrong >> np.uint64(32) for trial in range(20)]).astype(int)
    flips = np.bincount(pages, minlength=task.parts[0].image.pages)
    exact = np.array(FACTORS)[page_classes(0, task.parts[0].image.pages, CLASSES)] * 3e-3
    bits = 20 * task.task.layout.page_bits
    assert all(accepts(seen, bits, rate) for seen, rate in zip(flips, exact, strict=True))
    assert not np.array_equal(task.parts[0].places.at(0), compiled(slot, device_seed=1).parts[0].places.at(0))


def test_the_share_of_pages_that_fail_is_the_mean_over_pages(slot):
    slc = load_device("slc", ["page.user_bytes=512", "page.spare_bytes=136", "ecc.codeword_bytes=64"])
    device = replace(slc, ecc=BCH)
    rates = Rates(((3e-3, 3e-3),), page_sigma=SIGMA)
    expected = page_failures(device, rates)[0, 0]
    alone = page_failures(device, Rates(((3e-3, 3e-3),)))[0, 0]
    each = [page_failures(device, Rates(((3e-3 * factor,) * 2,)))[0, 0] for factor in FACTORS]
    assert expected == pytest.approx(np.mean(each), rel=1e-12)
    assert expected > 2 * alone
    failed = pages = 0
    for device_seed in range(40):  # pages of one device share its classes
        task = compiled(slot, mode="ecc", ecc=BCH, device_seed=device_seed)
        failed += len(np.unique(draw_noise(task, 0)[0].wrong >> np.uint64(32)))
        pages += task.parts[0].image.pages
    # A failed codeword keeps its wrong data bits: a page has some unless all nine or more errors are in the parity.
    assert accepts(failed, pages, expected)
    assert not accepts(failed, pages, alone)


def test_uber_is_the_mean_over_pages():
    slc = load_device("slc")
    rates = Rates(((2e-5, 2e-5),), page_sigma=SIGMA)
    each = [make_ecc(slc.ecc).uber(2e-5 * factor) for factor in FACTORS]
    assert final_uber(slc, rates) == pytest.approx(np.mean(each), rel=1e-12)


def test_the_change_bound_holds(slot):
    task = compiled(slot, rber=2e-3, mode="ecc", ecc=BCH)
    changed = sum(draw_noise(task, trial)[0].failed_codewords > 0 for trial in range(200))
    assert task.facts.change_bound > 0.05
    assert accepts(changed, 200, task.facts.change_bound)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("{sigma: 3}", r"rber\.page_variation\.sigma: 3: must be a number above 0 and at most 2"),
        ("{}", r"rber\.page_variation\.sigma: missing; must be a number above 0 and at most 2"),
        ("{sigma: 1, mean: 2}", r"rber\.page_variation\.mean: 2: unknown"),
        ("0.3", r"rber\.page_variation: 0\.3: must map sigma"),
    ],
)
def test_what_is_wrong_with_it_is_said(value, problem):
    with pytest.raises(InputError, match=problem):
        load_device("slc", [f"rber.page_variation={value}"])


def test_a_mean_that_the_worst_pages_cannot_keep_is_said():
    device = load_device("tlc", ["rber.page_variation.sigma=2", 'rber.page_variation.source="assumption: a try"'])
    rates = device_rates(device, device.condition("beyond"))
    assert rates.page_sigma == 2 and rates.worst < 0.5 and rates.warnings == ()
    device = load_device("tlc", ["rber.page_variation.sigma=2", "rber.epsilon=0.05"])
    said = device_rates(device, device.condition()).warnings
    assert "rber.page_variation: the worst pages would have" in said[-1]


def test_the_limit_of_ecc_is_that_of_the_mean_page():
    plain, varied = load_device("slc"), load_device("slc", [f"rber.page_variation.sigma={SIGMA}"])
    (alone,), (limit,) = ecc_limits(plain), ecc_limits(varied)
    uber = np.mean([make_ecc(plain.ecc).uber(limit * factor) for factor in FACTORS])
    assert uber == pytest.approx(plain.ecc.uber_target, rel=1e-6)
    assert alone / FACTORS[-1] < limit < 0.6 * alone


def test_its_source_may_stand_beside_it_or_in_the_section(tmp_path):
    beside = "page_variation: {sigma: 0.4, source: 'a datasheet [V]'}"
    for text in (beside, "page_variation: {sigma: 0.4}, source: {page_variation: 'a datasheet [V]'}"):
        device = load_device(write_profile(tmp_path, f"{{model: constant, rber: 1.0e-3, {text}}}"))
        assert device.source("rber.page_variation.sigma") == "a datasheet [V]"
        assert device.is_assumption("rber.rber")


def test_the_schema_knows_it():
    schema = jsonschema.Draft202012Validator(device_schema()["properties"]["rber"])
    assert schema.is_valid({"model": "constant", "rber": 1e-3, "page_variation": {"sigma": 0.4, "source": "a paper"}})
    assert schema.is_valid({"per_read_fraction": 0.5, "stuck_at": {"fraction": 1e-3, "value_one_fraction": 1}})
    for wrong in ({"page_variation": {"sigma": 3}}, {"per_read_fraction": 2}, {"stuck_at": {"fractions": 1e-3}}):
        assert not schema.is_valid(wrong)


def test_what_a_given_rber_leaves_out_is_said():
    device = load_device("tlc", [f"rber.page_variation.sigma={SIGMA}"])
    (said,) = choose_rates(device, device.condition(), rber=1e-3).warnings
    assert "rber.page_variation of the profile left out" in said
    assert choose_rates(load_device("tlc"), device.condition(), rber=1e-3).warnings == ()
