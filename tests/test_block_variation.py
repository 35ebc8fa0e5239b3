"""Layers and blocks that differ: each page at the rate of its place, exactly, as closed forms say, on every backend."""

from collections import Counter
from dataclasses import replace
from itertools import product

import jsonschema
import numpy as np
import pytest
from ridge_network import BCH, ridge_layout, ridge_model, ridge_task
from scipy.stats import binom, binomtest, chi2, spearmanr

import nvmsim
from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.flip_source import FlipSource, rates_by_class
from nvmsim.accuracy.page_places import PagePlaces
from nvmsim.accuracy.trial import draw_noise
from nvmsim.cli import main
from nvmsim.device.block_variation import BlockVariation, block_variation
from nvmsim.device.ecc import final_uber, make_ecc, page_failures
from nvmsim.device.every_model import EveryModel, StuckAt
from nvmsim.device.json_schema import device_schema
from nvmsim.device.page_classes import MOST_CLASSES, combined_classes
from nvmsim.device.page_variation import CLASSES, page_factors
from nvmsim.device.parts import Geometry
from nvmsim.device.profile import load_device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.draws import block_classes, first_word_line, net_flips, trial_offset
from nvmsim.inject.sampler import rung_for
from nvmsim.inject.target import FlipTarget
from nvmsim.study.question import choose_rates
from nvmsim.zoo.network import Network

ALPHA, SIGMA = 1e-6, 0.5
RAW = (2.0, 1.6, 1.0, 0.8, 0.6)
LAYERS = tuple(5 * factor / sum(RAW) for factor in RAW)
BLOCK = page_factors(SIGMA)
PER_BLOCK, LINES, TYPES = 20, 10, 2


def variation(*, sigma=0.0, layers=False, pages_per_block=PER_BLOCK, bits=TYPES):
    keys = EveryModel(block_sigma=sigma, layer_factors=RAW if layers else ())
    return block_variation(keys, Geometry(1, 1, 1, pages_per_block, 1), bits)


def accepts(flips, bits, rate):
    return binomtest(int(flips), int(bits), rate).pvalue > ALPHA


# --- classes --------------------------------------------------------------------------------------------------

KINDS = {
    "a page's own": (SIGMA, None),
    "block": (0.0, variation(sigma=SIGMA)),
    "layer": (0.0, variation(layers=True)),
    "block and layer": (0.0, variation(sigma=SIGMA, layers=True)),
    "all": (SIGMA, variation(sigma=SIGMA, layers=True)),
    "all, far apart": (2.0, variation(sigma=2.0, layers=True)),
}


@pytest.mark.parametrize(("page_sigma", "blocks"), KINDS.values(), ids=KINDS)
def test_classes_are_few_rise_and_have_mean_1(page_sigma, blocks):
    classes = combined_classes(page_sigma, blocks)
    assert len(classes.factors) == len(classes.shares) <= MOST_CLASSES
    assert list(classes.factors) == sorted(set(classes.factors))
    assert sum(classes.shares) == pytest.approx(1, abs=1e-12)
    assert np.dot(classes.factors, classes.shares) == pytest.approx(1, abs=1e-11)


@pytest.mark.parametrize(("page_sigma", "blocks"), KINDS.values(), ids=KINDS)
def test_a_product_is_in_the_class_of_its_factor(page_sigma, blocks):
    classes, blocks = combined_classes(page_sigma, blocks), blocks or BlockVariation()
    parts = [list(factors) for factors in (blocks.layers[0], page_factors(blocks.sigma), page_factors(page_sigma))]
    products = np.array([np.prod(one) for one in product(*parts)])
    own = np.array(classes.factors)[classes.by_part.ravel()]
    step = (products.max() / products.min()) ** (1 / MOST_CLASSES)
    joined = len(set(products)) > MOST_CLASSES
    assert np.abs(np.log(own / products)).max() < (np.log(step) if joined else 1e-11)
    assert np.var(own) == pytest.approx(np.var(products), rel=1e-3 if page_sigma < 1 else 0.02)
    assert step < (1.05 if max(page_sigma, blocks.sigma) <= SIGMA else 1.25)


def test_without_blocks_classes_are_those_of_pages_alone():
    assert combined_classes(SIGMA).factors == page_factors(SIGMA)
    assert combined_classes(SIGMA).by_part.ravel().tolist() == list(range(CLASSES))


def test_layers_that_are_unequal_in_word_lines_still_have_mean_1():
    blocks = variation(layers=True, pages_per_block=14)  # 7 word lines on 5 layers
    lines = Counter(blocks.layer_of(np.arange(7)).tolist())
    assert sorted(lines.values()) == [1, 1, 1, 2, 2]
    assert sum(blocks.layer_factors[layer] * n for layer, n in lines.items()) / 7 == pytest.approx(1, abs=1e-11)
    assert np.array(blocks.layer_factors) / blocks.layer_factors[0] == pytest.approx(np.array(RAW) / RAW[0])


# --- draws ----------------------------------------------------------------------------------------------------

PAGES, PAGE_BITS, PLANES = 1600, 4096, 8
BUFFER = np.random.default_rng(5).integers(0, 2**16, PAGES * PAGE_BITS // 16, dtype=np.uint16)
TARGET = FlipTarget(BUFFER, pages=PAGES, page_bits=PAGE_BITS, usable_bits=PAGE_BITS, channels=PLANES, page_types=TYPES)
LAYOUT = ridge_layout(channels=PLANES, dies_per_channel=1, planes_per_die=1, page_types=TYPES)
IN_PLANE, PLANE = np.divmod(np.arange(PAGES), PLANES)
BLOCK_OF = IN_PLANE // PER_BLOCK * PLANES + PLANE


def places_of(blocks, device_seed=8):
    return PagePlaces(ridge_task(layout=LAYOUT, blocks=blocks, device_seed=device_seed, seed=2), PAGES)


def wrong(places, trial, rate, *, backend="cpu"):
    """Return how many bits of each page are wrong, int64[pages]."""
    by_class = rates_by_class([[rate, rate]] * TYPES, places.classes.factors)
    source = FlipSource.of(by_class, page_bits=PAGE_BITS, rung_rber=rung_for(by_class.max()))
    how = {"classes": places.at(trial), "seed": 2, "trial": trial, "offset": places.offset(trial)}
    addresses = net_flips(source.draw(get_backend(backend), TARGET, **how))
    return np.bincount((addresses >> np.uint64(32)).astype(int), minlength=PAGES)


def layer_of_pages(trial):
    lines = (IN_PLANE + trial_offset(2, trial, TYPES)) // TYPES + first_word_line(2, trial, LINES)
    return lines % LINES // (LINES // len(RAW))


def by_layer(rate):
    """Return flips and bits of each layer over four trials."""
    flips, bits = np.zeros(len(RAW), int), np.zeros(len(RAW), int)
    for trial in range(4):
        flips += np.bincount(layer_of_pages(trial), wrong(places_of(variation(layers=True)), trial, rate)).astype(int)
        bits += PAGE_BITS * np.bincount(layer_of_pages(trial))
    return flips, bits


@pytest.mark.parametrize("rate", [0.012, 0.15], ids=["sparse", "dense"])
def test_each_layer_has_its_rate_and_2_percent_more_is_rejected(rate):
    flips, bits = by_layer(rate)
    assert [accepts(*one) for one in zip(flips, bits, rate * np.array(LAYERS), strict=True)] == [True] * len(RAW)
    more, bits = by_layer(1.02 * rate)
    told = [accepts(*one) for one in zip(more, bits, rate * np.array(LAYERS), strict=True)]
    assert not any(told[:2] if rate < 0.1 else told)
    assert not accepts(more.sum(), bits.sum(), rate)


def by_block(rate, **how):
    """Return flips of each block over 8 trials."""
    places = places_of(variation(sigma=SIGMA), **how)
    return sum(np.bincount(BLOCK_OF, wrong(places, trial, rate)).astype(int) for trial in range(8))


BLOCK_BITS = PER_BLOCK * PAGE_BITS
BLOCKS = PAGES // PER_BLOCK
BLOCK_FACTORS = np.array(BLOCK)[block_classes(8, blocks=10, planes=PLANES, classes=CLASSES)].ravel()


def test_each_block_has_its_rate_and_2_percent_more_is_rejected():
    rate = 0.07
    every = rate * BLOCK_FACTORS
    flips, more = by_block(rate), by_block(1.02 * rate)
    assert all(accepts(seen, 8 * BLOCK_BITS, one) for seen, one in zip(flips, every, strict=True))
    worst = BLOCK_FACTORS > 2
    told = [accepts(seen, 8 * BLOCK_BITS, one) for seen, one in zip(more[worst], every[worst], strict=True)]
    assert sum(told) == 0 < worst.sum()
    assert not accepts(more.sum(), 8 * BLOCK_BITS * BLOCKS, every.mean())


def test_counts_of_blocks_are_over_dispersed_as_the_closed_form_says():
    """n p f (1 - p f) within a block, and (n p)^2 var f between blocks, as in a beta-binomial."""
    rate, n = 4e-3, BLOCK_BITS
    places = places_of(variation(sigma=SIGMA))
    seen = np.bincount(BLOCK_OF, wrong(places, 0, rate))
    mean = n * rate * BLOCK_FACTORS
    spread = ((seen - mean) ** 2 / (mean * (1 - rate * BLOCK_FACTORS))).sum()
    assert ALPHA < chi2.cdf(spread, BLOCKS) < 1 - ALPHA
    closed = np.mean(mean * (1 - rate * BLOCK_FACTORS)) + (n * rate) ** 2 * BLOCK_FACTORS.var()
    assert seen.var() == pytest.approx(closed, rel=0.05)
    assert closed > 30 * binom.var(n, rate)
    # Which blocks a device has is luck of its own: over devices the variance is that of the classes.
    devices = np.array(BLOCK)[block_classes(1, blocks=400, planes=400, classes=CLASSES)]
    assert devices.var() == pytest.approx(np.var(BLOCK), rel=0.03)


def test_a_bad_block_stays_bad_in_every_trial_of_one_device():
    places = places_of(variation(sigma=SIGMA, layers=True))
    first, second = (np.bincount(BLOCK_OF, wrong(places, trial, 0.01)) for trial in (0, 1))
    other = np.bincount(BLOCK_OF, wrong(places_of(variation(sigma=SIGMA, layers=True), device_seed=9), 1, 0.01))
    assert spearmanr(first, second).statistic > 0.99
    assert abs(spearmanr(first, other).statistic) < 0.5
    alone = places_of(variation(sigma=SIGMA))
    assert alone.at(0) is alone.at(1)


@pytest.mark.parametrize("rate", [4e-3, 0.1], ids=["sparse", "dense"])
@pytest.mark.parametrize("backend", ["reference", "shim"])
def test_backends_give_equal_bits(rate, backend):
    places = places_of(variation(sigma=SIGMA, layers=True))
    assert np.array_equal(wrong(places, 3, rate), wrong(places, 3, rate, backend=backend))


# --- tasks ----------------------------------------------------------------------------------------------------

THREE = variation(sigma=SIGMA, layers=True, pages_per_block=30, bits=3)


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(ridge_model()))


def compiled(slot, *, backend="cpu", rber=3e-3, page_sigma=0.4, blocks=THREE, **changes):
    worst = combined_classes(page_sigma, blocks).factors[-1]
    task = ridge_task(rber=rber, page_sigma=page_sigma, blocks=blocks, rung_rber=rung_for(rber * worst), **changes)
    return CompiledTask(task, ridge_model().weights, slot=slot, backend=get_backend(backend))


PLACED = replace(ridge_layout(), plane_order=(2, 0, 1))


@pytest.mark.parametrize("layout", [ridge_layout(), PLACED], ids=["linear", "bit planes"])
def test_trials_of_a_task_see_its_pages_at_the_rates_of_their_types(slot, layout):
    rates = ((2e-3, 2e-3), (4e-3, 4e-3), (6e-3, 6e-3))
    task = compiled(slot, rber=6e-3, rates=rates, layout=layout)
    (part,), flips, mean, variance = task.parts, 0, 0.0, 0.0
    for trial in range(30):
        types = layout.page_type(np.arange(part.image.pages), part.places.offset(trial))
        if layout.plane_order:
            types = part.image.placement.page_type(np.arange(part.image.pages))
        each = np.array(rates)[types, 0] * np.array(part.places.classes.factors)[part.places.at(trial)]
        flips += draw_noise(task, trial)[0].wrong.size
        mean, variance = mean + layout.page_bits * each.sum(), variance + layout.page_bits * (each * (1 - each)).sum()
    assert abs(flips - mean) < 4.9 * np.sqrt(variance)  # two-sided, 1e-6
    assert abs(1.02 * flips - mean) > 4.9 * np.sqrt(variance)


def test_pages_fail_as_often_as_the_closed_form_says_of_their_class(slot):
    slc = load_device("slc", ["page.user_bytes=512", "page.spare_bytes=136", "ecc.codeword_bytes=64"])
    device, ecc = replace(slc, ecc=BCH), make_ecc(BCH)
    rates = Rates(((4e-3, 4e-3),), page_sigma=0.4, blocks=THREE)
    classes = rates.classes
    each = np.array([page_failures(device, Rates(((4e-3 * factor,) * 2,)))[0, 0] for factor in classes.factors])
    assert page_failures(device, rates)[0, 0] == pytest.approx(np.dot(each, classes.shares), rel=1e-9)
    uber = np.dot([ecc.uber(4e-3 * factor) for factor in classes.factors], classes.shares)
    assert final_uber(device, rates) == pytest.approx(uber, rel=1e-9)
    failed, pages = np.zeros((2, len(each)))
    for device_seed, trial in product(range(12), range(4)):
        task = compiled(slot, rber=4e-3, mode="ecc", ecc=BCH, device_seed=device_seed)
        at = task.parts[0].places.at(trial)
        bad = np.unique(draw_noise(task, trial)[0].wrong >> np.uint64(32)).astype(int)
        failed += np.bincount(at[bad], minlength=len(each))
        pages += np.bincount(at, minlength=len(each))
    assert all(accepts(seen, n, one) for seen, n, one in zip(failed, pages, each, strict=True) if n)
    assert failed.sum() > 1000


def test_the_change_bound_holds_and_is_near(slot):
    task = compiled(slot, rber=1.6e-3, mode="ecc", ecc=BCH)
    changed = sum(draw_noise(task, trial)[0].failed_codewords > 0 for trial in range(200))
    bound = task.facts.change_bound
    assert 0.02 < bound < 1
    assert binomtest(changed, 200, bound, alternative="greater").pvalue > ALPHA
    assert changed / 200 > bound / 2


@pytest.mark.parametrize("backend", ["reference", "shim"])
def test_with_stuck_cells_fresh_reads_retries_and_ecc_backends_are_equal(slot, backend):
    code = replace(BCH, retry=replace(BCH.retry, max=2, rber_factor=0.7))
    how = {"mode": "ecc", "ecc": code, "rber": 4e-3, "stuck": StuckAt(1e-3, 0.4), "per_read_fraction": 0.5}
    one, other = (compiled(slot, backend=name, **how) for name in ("cpu", backend))
    for trial, block in ((0, 0), (1, 2)):
        noise = draw_noise(one, trial, block)[0]
        assert noise.wrong.size and np.array_equal(noise.wrong, draw_noise(other, trial, block)[0].wrong)


# --- identity -------------------------------------------------------------------------------------------------

ANOTHER = {
    "page size of a block": {"blocks": replace(THREE, pages_per_block=60)},
    "word lines": {"blocks": replace(THREE, word_lines=20)},
    "sigma": {"blocks": replace(THREE, sigma=0.4)},
    "factors": {"blocks": replace(THREE, layer_factors=LAYERS[::-1])},
    "device": {"device_seed": 1},
    "channels": {"layout": ridge_layout(channels=4)},
    "planes": {"layout": ridge_layout(planes_per_die=4)},
    "page types": {"layout": ridge_layout(page_types=2), "rates": ((1e-3, 1e-3),) * 2},
    "none": {"blocks": None},
}


@pytest.mark.parametrize("changes", ANOTHER.values(), ids=ANOTHER)
def test_what_changes_the_result_changes_the_id(changes):
    assert ridge_task(**{"blocks": THREE} | changes).id != ridge_task(blocks=THREE).id


def test_what_does_not_leaves_no_trace():
    layers = variation(layers=True, bits=3)
    assert ridge_task(blocks=layers, device_seed=1).id == ridge_task(blocks=layers).id
    assert variation(layers=True) == variation(layers=True, pages_per_block=PER_BLOCK)
    assert variation(sigma=0.3, bits=2) == variation(sigma=0.3, bits=4)
    geometry = Geometry(1, 1, 1, PER_BLOCK, 1)
    assert block_variation(EveryModel(layer_factors=(2.0, 2.0)), geometry, 1) is None
    doubled = EveryModel(layer_factors=tuple(2 * factor for factor in RAW))
    assert block_variation(doubled, geometry, TYPES) == variation(layers=True)


# --- profiles and commands ------------------------------------------------------------------------------------

BAD = {
    "rber.block_variation={sigma: 3}": r"rber\.block_variation\.sigma: 3: must be a number above 0 and at most 2",
    "rber.block_variation={}": r"rber\.block_variation\.sigma: missing; must be a number above 0 and at most 2",
    "rber.layer_variation={}": r"rber\.layer_variation\.factors: missing; must be a list of 2 to 16 numbers",
    "rber.layer_variation.factors=[1]": r"factors: \[1\]: must be a list of 2 to 16 numbers, each a number above 0",
    "rber.layer_variation.factors=[1, 0]": r"factors: \[1, 0\]: must be a list of 2 to 16 numbers",
    "rber.layer_variation=[1, 2]": r"rber\.layer_variation: \[1, 2\]: must map factors",
    "rber.layer_variations.factors=[1, 2]": r"did you mean layer_variation\?",
}


@pytest.mark.parametrize(("setting", "problem"), BAD.items())
def test_what_is_wrong_is_said(setting, problem):
    with pytest.raises(InputError, match=problem):
        load_device("slc", [setting])


def test_a_layer_has_a_word_line_at_least():
    short, four = "geometry.pages_per_block=9", "rber.layer_variation.factors=[4, 3, 2, 1]"
    problem = r"at most 3 numbers, one for each word line of a block: geometry\.pages_per_block 9 / cell\.bits 3"
    with pytest.raises(InputError, match=problem):
        load_device("tlc", [short, four])
    device = load_device("tlc", [four])
    assert device_rates(device, device.condition()).blocks.word_lines == 384


def test_the_schema_knows_them():
    schema = jsonschema.Draft202012Validator(device_schema()["properties"]["rber"])
    assert schema.is_valid({"block_variation": {"sigma": 0.4}, "layer_variation": {"factors": [1, 2], "source": "x"}})
    for bad in ({"factors": [1]}, {"factors": [0, 1]}, {"factor": [1, 2]}, {"factors": 1}):
        assert not schema.is_valid({"layer_variation": bad})


def test_a_given_rber_leaves_them_out_and_says_so():
    device = load_device("tlc", ["rber.block_variation.sigma=0.3", "rber.layer_variation.factors=[2, 1]"])
    rates = choose_rates(device, device.condition(), rber=1e-3)
    assert rates.blocks is None
    assert "rber.block_variation, rber.layer_variation of the profile left out" in rates.warnings[0]


def test_what_the_worst_pages_cannot_keep_is_said():
    device = load_device("tlc", ["rber.block_variation.sigma=2", "rber.epsilon=0.05"])
    assert device_rates(device, device.condition()).warnings[-1].startswith("rber.block_variation: the worst pages")


def test_show_says_how_far_pages_lie_apart(capsys):
    assert main(["devices", "show", "slc", "--set", "rber.layer_variation.factors=[3, 1]"]) == 0
    said = capsys.readouterr().out
    assert "pages differ: the RBER of a page is 0.5 to 1.5 times what its type has above" in said
    assert "layer_variation.factors     3 1 " in said
    assert main(["devices", "show", "slc"]) == 0
    assert "pages differ" not in capsys.readouterr().out


def test_a_run_has_them_in_linear_order_and_in_planes(tmp_path):
    device = load_device("tlc", ["rber.block_variation.sigma=0.5", "rber.layer_variation.factors=[1.6, 1, 0.4]"])
    effort = {"trials": 8, "time_limit_s": 1, "workers": 1, "store": tmp_path / "trials.sqlite"}
    result = nvmsim.run(device, model=ridge_model(), schemes=["raw", "raw@bit-plane"], **effort)
    assert any(key == "geometry.pages_per_block" for key, _, _ in result.assumptions)
    worst = device_rates(device, device.condition()).worst
    assert all(0.2 * result.rber < row.rber_in < worst for row in result.rows)
