"""Resistance drift against cells that drift one by one, against its closed form, and at odd parameters."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq

from nvmsim.device.ecc import final_uber
from nvmsim.device.error_kinds import error_kinds
from nvmsim.device.error_models.read_levels import misread
from nvmsim.device.gray_codes import gray_labels
from nvmsim.device.parts import PAGE_TYPES, Cell, Condition
from nvmsim.device.profile import load_device
from nvmsim.device.rber import build_error_model, device_rates, error_model
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend, net_flips
from nvmsim.inject.sampler import flip_tables
from nvmsim.inject.target import FlipTarget

ALPHA = 1e-6
DAY_S = 86_400
MLC = {
    "mean_log10_ohm": [3, 4, 5, 6],
    "sigma_log10_ohm": [1 / 6, 1 / 6, 1 / 6, 1 / 6],
    "drift_exponent": [0.001, 0.02, 0.06, 0.1],
    "drift_exponent_sigma": [0.0004, 0.008, 0.024, 0.04],
}
TLC = {  # levels that differ in all they can
    "mean_log10_ohm": [3, 3.6, 4.1, 4.5, 5, 5.6, 6.3, 7],
    "sigma_log10_ohm": [0.15, 0.12, 0.1, 0.08, 0.09, 0.1, 0.13, 0.15],
    "drift_exponent": [0, 0.005, 0.005, 0.02, 0.03, 0.04, 0.06, 0.1],
    "drift_exponent_sigma": [0, 0.002, 0.003, 0.004, 0.01, 0.02, 0.02, 0.03],
}
GRAY = {1: "1", 2: "1-2", 3: "2-3-2", 4: "4-4-3-4"}
CELLS = {"MLC": (MLC, 2), "TLC": (TLC, 3)}


def model(law=MLC, bits=2, gray_code=None, **parameters):
    rber = {"model": "drift", "pe_cycles": 0, **law, **parameters}
    return build_error_model(rber, Cell(bits, gray_code or GRAY[bits]), PAGE_TYPES[bits])


def after(seconds):
    return Condition(retention_days=seconds / DAY_S)


# --- against cells --------------------------------------------------------------------------------------------


def crossings(law, decades):
    """Where neighbouring densities of log10 R are equal, by root finding."""
    mean = np.array(law["mean_log10_ohm"]) + decades * np.array(law["drift_exponent"])
    sigma = np.sqrt(np.square(law["sigma_log10_ohm"]) + np.square(decades * np.array(law["drift_exponent_sigma"])))
    apart = [
        lambda x, i=i: stats.norm.logpdf(x, mean[i], sigma[i]) - stats.norm.logpdf(x, mean[i + 1], sigma[i + 1])
        for i in range(len(mean) - 1)
    ]
    return [brentq(one, mean[i], mean[i + 1], xtol=1e-12) for i, one in enumerate(apart)]


def monte_carlo(law, bits, *, seconds, reference_s=1.0, read_at=None, cells=500_000, seed=1):
    """Draw R0 and nu of cells of each level, let each drift, read it, and count flips by page type and stored bit.

    Read levels are best ``read_at`` seconds after writing, by default at once.
    """
    random, stored = np.random.default_rng(seed), np.repeat(np.arange(2**bits), cells)
    start, sigma, exponent, spread = (np.array(values, dtype=float)[stored] for values in law.values())
    ohm = 10 ** random.normal(start, sigma)
    drifted = ohm * (max(seconds, reference_s) / reference_s) ** random.normal(exponent, spread)
    best = crossings(law, np.log10(max(read_at or 0.0, reference_s) / reference_s))
    read = np.searchsorted(10.0 ** np.array(best), drifted)
    return [
        [(int(((label[read] != label[stored]) & (label[stored] == bit)).sum()), stored.size // 2) for bit in (0, 1)]
        for label in gray_labels(GRAY[bits])
    ]


def accepts(counted, rates):
    pairs = zip(np.reshape(counted, (-1, 2)), np.ravel(rates), strict=True)
    return [stats.binomtest(int(flips), int(bits), rate).pvalue > ALPHA for (flips, bits), rate in pairs]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seconds", [0, 1, 60, DAY_S, 365 * DAY_S])
def test_rates_match_cells_that_drift(cell, seconds):
    law, bits = CELLS[cell]
    rates = model(law, bits).rates(after(seconds))
    assert all(accepts(monte_carlo(law, bits, seconds=seconds), rates.array))
    assert rates.warnings == ()


def test_rates_match_cells_that_drift_from_another_reference_and_are_read_at_levels_of_another_age():
    counted = monte_carlo(TLC, 3, seconds=DAY_S, reference_s=30.0, read_at=90 * DAY_S)
    how = {"reference_s": 30.0, "read_levels": {"optimal_at_days": 90}}
    assert all(accepts(counted, model(TLC, 3, **how).rates(after(DAY_S)).array))


def test_rates_match_cells_that_are_read_at_the_best_levels_of_their_age():
    counted = monte_carlo(TLC, 3, seconds=DAY_S, read_at=DAY_S)
    assert all(accepts(counted, model(TLC, 3, read_levels="reoptimised").rates(after(DAY_S)).array))


def test_the_cells_would_notice_two_percent():
    year = 365 * DAY_S
    rates = model().rates(after(year)).array
    counted = np.array(monte_carlo(MLC, 2, seconds=year, cells=2_000_000))
    (lsb, msb), (_, expected) = counted.sum(axis=1), rates.mean(axis=1)
    assert accepts([msb], [expected]) == [True] and lsb[0] < msb[0]
    assert accepts([msb, msb], [0.98 * expected, 1.02 * expected]) == [False, False]


def test_the_closed_form_of_one_bit_is_two_tails():
    law = {key: values[2:] for key, values in MLC.items()}
    decades = np.log10(7 * DAY_S)
    up = stats.norm.sf(5.5, 5 + 0.06 * decades, np.hypot(1 / 6, 0.024 * decades))
    down = stats.norm.cdf(5.5, 6 + 0.1 * decades, np.hypot(1 / 6, 0.04 * decades))
    assert model(law, 1).rates(after(7 * DAY_S)).by_page_type[0] == pytest.approx((down, up), rel=1e-12)


# --- against the other model of levels ------------------------------------------------------------------------


def levels_of(law, seconds):
    decades = np.log10(max(seconds, 1))
    mean = np.array(law["mean_log10_ohm"]) + decades * np.array(law["drift_exponent"])
    return mean.tolist(), np.hypot(law["sigma_log10_ohm"], decades * np.array(law["drift_exponent_sigma"])).tolist()


def gaussian(law, bits, *seconds, **parameters):
    ages = [
        dict(zip(("mean", "sigma"), levels_of(law, age), strict=True), retention_days=age / DAY_S) for age in seconds
    ]
    rber = {"model": "gaussian_vth", "pe_cycles": 0, "states": ages, **parameters}
    return build_error_model(rber, Cell(bits, GRAY[bits]), PAGE_TYPES[bits])


@pytest.mark.parametrize("cell", CELLS)
def test_without_drift_it_is_the_threshold_voltage_model_at_every_age(cell):
    law, bits = CELLS[cell]
    still = law | {key: [0.0] * 2**bits for key in ("drift_exponent", "drift_exponent_sigma")}
    for seconds in (0, 60, 365 * DAY_S):
        assert (
            model(still, bits).rates(after(seconds)).by_page_type == gaussian(law, bits, 0).rates(after(0)).by_page_type
        )


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("read_levels", [{}, "reoptimised", {"optimal_at_days": 1}])
def test_with_drift_it_is_the_threshold_voltage_model_of_the_drifted_levels(cell, read_levels):
    (law, bits), how = CELLS[cell], {"read_levels": read_levels, "read_retry": {"steps": 3}}
    one, other = model(law, bits, **how), gaussian(law, bits, 0, DAY_S, 90 * DAY_S, **how)
    for age in (after(0), after(DAY_S), after(90 * DAY_S)):
        assert one.rates(age).array == pytest.approx(other.rates(age).array, rel=1e-9)
        for mine, theirs in zip(one.retry_rates(age, 4), other.retry_rates(age, 4), strict=True):
            assert mine.array == pytest.approx(theirs.array, rel=1e-9)


def test_nothing_drifts_before_the_reference():
    fresh = model(reference_s=600).rates(after(0)).by_page_type
    assert model(reference_s=600).rates(after(600)).array == pytest.approx(np.array(fresh), rel=1e-9)
    assert model(reference_s=600).rates(after(599)).by_page_type == fresh
    assert model(reference_s=600).rates(after(601)).by_page_type != fresh
    assert model(reference_s=600).rates(after(600 * 50)).array == pytest.approx(
        model().rates(after(50)).array, rel=1e-9
    )


# --- time -----------------------------------------------------------------------------------------------------


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_level_is_read_as_a_higher_one_the_more_often_the_longer_it_drifts(data):
    law = data.draw(laws(2))
    drifting = model(law, 2)
    ages = sorted(data.draw(st.lists(st.floats(0, 4000), min_size=5, max_size=5)))
    fixed = drifting.read_levels(drifting.levels(0.0))
    above = np.array([np.triu(misread(drifting.levels(days), fixed), 1).sum(axis=1) for days in ages])
    assert (np.diff(above, axis=0) >= -1e-12).all()


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_two_levels_that_drift_alike_never_heal(data):
    sigma, nu, spread = data.draw(st.tuples(st.floats(0.05, 1), st.floats(0, 0.2), st.floats(0, 0.2)))
    law = dict(zip(MLC, ([3, 4.5], [sigma] * 2, [nu] * 2, [spread] * 2), strict=True))
    drifting, wrong = model(law, 1), []
    for days in np.geomspace(1e-6, 4000, 30):
        chances = misread(drifting.levels(days), drifting.read_levels(drifting.levels(0.0)))
        wrong.append(chances[0, 1] + chances[1, 0])  # beyond 0.5 a rate is cut, so that a sum of rates could fall
    assert (np.diff(wrong) >= -1e-12).all()


def test_fixed_levels_lose_within_minutes_and_levels_that_follow_keep_for_weeks():
    fixed, best = model(), model(read_levels="reoptimised")
    minute, day, month = (after(seconds) for seconds in (60, DAY_S, 30 * DAY_S))
    assert float(f"{fixed.rates(minute).mean:.1e}") == 2.0e-3
    assert float(f"{fixed.rates(day).mean:.1e}") == 2.1e-2
    assert float(f"{best.rates(month).mean:.1e}") == 2.6e-3
    assert fixed.rates(day).array[1, 0] > 50 * fixed.rates(day).array[1, 1]  # resistances only rise


def test_temperature_changes_nothing_but_is_warned_of_where_it_is_unknown():
    week = Condition(retention_days=7)
    for celsius in (-148, 0, 85):
        assert model().rates(replace(week, temperature_c=celsius)) == model().rates(week)
    hot = model().rates(replace(week, temperature_c=125))
    assert hot.by_page_type == model().rates(week).by_page_type
    assert hot.warnings == ("temperature_c 125 lies outside the fitted range -148 to 85; taken as 85",)


def test_what_it_does_not_know_is_warned_of():
    ranges = {"retention_days": [1, 30], "temperature_c": [20, 60], "pe_cycles": [0, 9]}
    found = model(valid_range=ranges).rates(Condition("x", 10, 90, 70, 5))
    assert found.warnings == (
        "pe_cycles 10 lies outside the fitted range 0 to 9; taken as 9",
        "reads_per_page 5 lies outside the fitted range 0 to 0; taken as 0",
        "temperature_c 70 lies outside the fitted range 20 to 60; taken as 60",
        "retention_days 90 lies outside the fitted range 1 to 30; computed as asked",
    )
    assert found.by_page_type == model().rates(Condition(retention_days=90)).by_page_type


# --- odd parameters -------------------------------------------------------------------------------------------


@st.composite
def laws(draw, bits, *, odd=False):
    """Draw a law; ``odd`` ones go to the ends of what is allowed."""
    count = 2**bits
    gap, sigma, spread = (
        (st.floats(1e-9, 3.5), st.floats(1e-6, 10), st.floats(0, 1))
        if odd
        else (st.floats(0.3, 1.5), st.floats(0.05, 0.4), st.floats(0, 0.1))
    )
    several = {"min_size": count, "max_size": count}
    steps = draw(st.lists(gap, **several))
    nu = sorted(draw(st.lists(st.floats(0, 1 if odd else 0.2), **several)))
    means = np.cumsum([-30 if odd else 2, *steps[1:]]).tolist()
    return dict(zip(MLC, (means, draw(st.lists(sigma, **several)), nu, draw(st.lists(spread, **several))), strict=True))


@given(st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_odd_parameters_give_rates_and_chances_that_are_some(data):
    bits = data.draw(st.sampled_from((1, 2, 3, 4)))
    law = data.draw(laws(bits, odd=True))
    read_levels = data.draw(st.sampled_from(({}, "reoptimised", {"optimal_at_days": 1e9})))
    reference_s = data.draw(st.sampled_from((1e-300, 1.0, 1e300)))
    found = model(law, bits, read_levels=read_levels, reference_s=reference_s, read_retry={"steps": 2})
    age = Condition(retention_days=data.draw(st.sampled_from((0.0, 1e-300, 1.0, 1e5, 1e300))))
    for rates in (found.rates(age), *found.retry_rates(age, 2)):
        assert rates.array.shape == (bits, 2) and ((rates.array >= 0) & (rates.array <= 0.5)).all()
    levels = found.levels(age.retention_days)
    read_at = found.read_levels(levels)
    chances = misread(levels, read_at)
    assert (np.diff(read_at) >= 0).all() and (chances >= 0).all()
    assert chances.sum(axis=1) == pytest.approx(np.ones(2**bits), abs=1e-12)


def test_tuned_read_levels_that_meet_do_not_cross_by_rounding():
    """The second level becomes so wide that the best read levels on both of its sides are its mean."""
    for mean, below, above in np.random.default_rng(2).uniform((-0.01, 0.1, 0.1), (0.01, 0.2, 0.2), (1000, 3)):
        start = [mean - below, mean, mean + above, mean + 5]
        drifting = model(dict(zip(MLC, (start, [0.1] * 4, [0] * 4, [0, 1, 0, 0]), strict=True)))
        levels = drifting.levels(30.0)
        read_at = drifting.read_levels(levels, tuned=1.0)
        assert read_at[:2] == pytest.approx([mean, mean], abs=1e-9) and (np.diff(read_at) >= 0).all()


def test_equal_levels_in_one_place_have_a_read_level_between_them():
    law = dict(zip(MLC, ([0.0, 5e-324], [10.0, 10.0], [0.0, 0.0], [0.0, 0.0]), strict=True))
    assert model(law, 1).rates(after(60)).mean == 0.5


# --- what is refused ------------------------------------------------------------------------------------------

FOUR = "must be a list of 4 numbers"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mean_log10_ohm": None}, f"mean_log10_ohm: null: {FOUR}"),
        ({"mean_log10_ohm": [3, 4, 5]}, f"mean_log10_ohm: [3, 4, 5]: {FOUR}"),
        ({"mean_log10_ohm": [3, 4, 4, 5]}, "mean_log10_ohm: [3, 4, 4, 5]: must rise from level to level"),
        ({"mean_log10_ohm": [3, 4, 5, 31]}, "mean_log10_ohm[3]: 31: must be a number of at least -30 and at most 30"),
        ({"sigma_log10_ohm": 0.2}, f"sigma_log10_ohm: 0.2: {FOUR}"),
        (
            {"sigma_log10_ohm": [0.2, 0, 0.2, 0.2]},
            "sigma_log10_ohm[1]: 0: must be a number of at least 1e-06 and at most 10",
        ),
        ({"drift_exponent": "0.1"}, f"drift_exponent: '0.1': {FOUR}"),
        (
            {"drift_exponent": [0, 0.1, 0.06, 0.2]},
            "drift_exponent: [0, 0.1, 0.06, 0.2]: must not fall from level to level",
        ),
        ({"drift_exponent": [-1, 0, 0, 0]}, "drift_exponent[0]: -1: must be a number of at least 0 and at most 1"),
        ({"drift_exponent": [0, 0, 0, 2]}, "drift_exponent[3]: 2: must be a number of at least 0 and at most 1"),
        ({"drift_exponent_sigma": []}, f"drift_exponent_sigma: []: {FOUR}"),
        (
            {"drift_exponent_sigma": [0, 0, 0, 1.5]},
            "drift_exponent_sigma[3]: 1.5: must be a number of at least 0 and at most 1",
        ),
        ({"reference_s": 0}, "reference_s: 0: must be a number above 0"),
        ({"pe_cycles": -1}, "pe_cycles: -1: must be a number of at least 0"),
        ({"read_levels": "best"}, "read_levels: 'best': must be {optimal_at_days: DAYS} or reoptimised"),
        ({"read_levels": {"optimal_at_days": -1}}, "read_levels.optimal_at_days: -1: must be a number of at least 0"),
        ({"read_retry": {"steps": 0.5}}, "read_retry.steps: 0.5: must be a number of at least 1"),
        (
            {"valid_range": {"temperature_c": [60, 20]}},
            "valid_range.temperature_c: [60, 20]: the first number must not exceed the second",
        ),
        (
            {"gray_code": "9-9"},
            "model: 'drift': cell.gray_code: '9-9': must be one of 1, 1-2, 1-2-4, 2-3-2, 4-4-3-4, 1-2-4-8",
        ),
        ({"gray_code": "2-3-2"}, "model: 'drift': cell.gray_code 2-3-2 is not for cell.bits 2"),
    ],
)
def test_bad_parameters_are_named(changes, problem):
    with pytest.raises(InputError) as error:
        model(**changes)
    assert error.value.problems == (f"rber.{problem}",)


def test_an_activation_energy_is_refused_and_what_is_missing_named_all_at_once():
    with pytest.raises(InputError) as error:
        build_error_model({"model": "drift", "activation_energy_ev": 1.1}, Cell(2, None), PAGE_TYPES[2])
    assert [problem.partition(":")[0] for problem in error.value.problems] == [
        "rber.activation_energy_ev",
        "rber.pe_cycles",
        *(f"rber.{key}" for key in MLC),
        "rber.model",
    ]
    assert "unknown" in error.value.problems[0]
    assert error.value.problems[1] == "rber.pe_cycles: missing; must be a number of at least 0"
    assert error.value.problems[-1] == "rber.model: 'drift': needs cell.gray_code"


# --- the profile, and all that stands beside a model ----------------------------------------------------------

BESIDE = [
    "rber.page_variation={sigma: 0.3}",
    "rber.block_variation={sigma: 0.2}",
    "rber.layer_variation={factors: [1.2, 1, 0.8]}",
    "rber.per_read_fraction=0.2",
    "rber.stuck_at={fraction: 1.0e-3, value_one_fraction: 0.25}",
]


def test_what_any_model_has_beside_it_stands_beside_drift():
    bare, device = load_device("pcm-mlc"), load_device("pcm-mlc", BESIDE)
    rates, alone = (device_rates(one, one.condition("mid")) for one in (device, bare))
    assert rates.by_page_type == alone.by_page_type and len(rates.retries) == len(alone.retries) == 2
    assert (rates.page_sigma, rates.per_read_fraction, rates.stuck.fraction) == (0.3, 0.2, 1e-3)
    assert rates.mean == pytest.approx((1 - 1e-3) * alone.mean + 1e-3 / 2, rel=1e-12)
    assert final_uber(device, rates) > final_uber(bare, alone)
    kinds = error_kinds(device, device.condition("mid"))
    assert kinds.written + kinds.retained + kinds.per_read == pytest.approx(rates.mean, rel=1e-12)


@pytest.mark.parametrize("scrambler", [True, False])
def test_flips_of_a_drawn_image_have_the_rates_of_what_is_stored(scrambler):
    """All data are 0: scrambled, half of the cells' bits store 1; else none does, and all drift over read levels."""
    device = load_device("pcm-mlc", [f"page.scrambler={str(scrambler).lower()}"])
    rates, bits = device_rates(device, device.condition("worn")).array, 2048
    target = FlipTarget(np.zeros(200 * 128, np.uint16), 200, bits, bits, page_types=2, scrambler=scrambler)
    tables = flip_tables(rates.tolist(), page_bits=bits)
    expected, seen = rates.mean(axis=1) if scrambler else rates[:, 0], np.zeros(2, int)
    for trial in range(20):
        pages = net_flips(get_backend("cpu").draw(tables, target, seed=3, trial=trial)) >> np.uint64(32)
        seen += np.bincount((pages % np.uint64(2)).astype(int), minlength=2)
    assert accepts([(count, 20 * 100 * bits) for count in seen], expected) == [True, True]
    assert accepts([(seen[1], 20 * 100 * bits)], [1.02 * expected[1]]) == [False]


def test_the_profile_has_the_cells_of_the_other_and_reads_them_again_at_tuned_levels():
    one, other = load_device("pcm"), load_device("pcm-mlc")
    assert other.geometry.pages * other.page.user_bytes == 2 * one.geometry.pages * one.page.user_bytes
    worn = other.condition("worn")
    best = error_model(load_device("pcm-mlc@time-aware")).rates(worn)
    assert device_rates(other, worn).retries[-1] == pytest.approx(best.array)
    untuned = load_device("pcm-mlc", ["ecc.retry=null"])
    assert (
        final_uber(other, device_rates(other, worn)) < 1e-15 < 1e-5 < final_uber(untuned, device_rates(untuned, worn))
    )
