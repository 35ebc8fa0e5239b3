"""Threshold-voltage model against published figures and a Monte Carlo of cells; Gray codes against their names."""

import json
import re

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from nvmsim.device.error_models.read_levels import Levels, misread, optimal_read_levels
from nvmsim.device.gray_codes import GRAY_CODES, gray_labels
from nvmsim.device.parts import Cell, Condition
from nvmsim.device.rber import build_error_model
from nvmsim.errors import InputError

TYPES = ("lsb", "csb", "msb")
# Cai et al., Proc. IEEE 2017, Table 5: TLC after 2,000 P/E cycles, at 1, 7, 30, 90 and 365 days.
CAI = """
[-92.7, 66.6,128.1,191.9,254.9,318.3,384.3,448.1] [48.2, 9.7, 9.7, 9.4, 9.3, 9.1, 9.5, 9.1]
[-86.7, 67.5,128.1,191.4,253.8,316.5,381.8,444.9] [46.4,10.7,10.8,10.5,10.6,10.3,10.6,10.6]
[-84.4, 68.6,128.7,191.6,253.5,315.8,380.9,443.6] [46.8,11.3,11.2,11.0,10.9,10.8,11.2,11.1]
[-75.6, 72.8,131.6,193.3,254.3,315.7,380.2,442.2] [45.9,12.0,11.8,11.5,11.4,11.4,11.7,11.7]
[-69.4, 76.6,134.2,195.2,255.3,316.0,379.6,440.8] [45.9,12.8,12.4,12.0,12.0,11.9,12.3,12.4]
"""
ROWS = [[json.loads(text) for text in re.findall(r"\[.*?\]", line)] for line in CAI.strip().splitlines()]
STATES = [
    {"retention_days": days, "mean": mean, "sigma": sigma}
    for days, (mean, sigma) in zip((1, 7, 30, 90, 365), ROWS, strict=True)
]


def model(gray_code="2-3-2", bits=3, **parameters):
    rber = {"model": "gaussian_vth", "pe_cycles": 2000, "states": STATES, **parameters}
    return build_error_model(rber, Cell(bits, gray_code), TYPES)


def rates_at(days, **parameters):
    return model(**parameters).rates(Condition(pe_cycles=2000, retention_days=days))


@pytest.mark.parametrize(("days", "published"), [(1, 3.9e-4), (7, 1.1e-3), (30, 1.7e-3), (90, 3.3e-3), (365, 6.2e-3)])
def test_fixed_read_levels_give_the_published_rber(days, published):
    assert float(f"{rates_at(days).mean:.1e}") == pytest.approx(published, rel=1e-9)


@pytest.mark.parametrize(("days", "published"), [(90, 2.4e-3), (365, 3.8e-3)])
def test_reoptimised_read_levels_give_the_published_rber(days, published):
    assert float(f"{rates_at(days, read_levels='reoptimised').mean:.1e}") == pytest.approx(published, rel=1e-9)


@pytest.mark.parametrize(
    ("code", "days", "published"),
    [
        ("2-3-2", 1, (1.66, 0.87, 0.46)),
        ("2-3-2", 30, (0.84, 1.22, 0.94)),
        ("2-3-2", 365, (0.47, 1.58, 0.95)),
        ("1-2-4", 1, (0.24, 0.63, 2.13)),
        ("1-2-4", 365, (0.27, 1.32, 1.42)),
    ],
)
def test_page_types_differ_as_published(code, days, published):
    rates = rates_at(days, gray_code=code)
    assert rates.array.mean(axis=1) / rates.mean == pytest.approx(published, abs=0.0051)


def test_most_errors_are_of_stored_ones_as_published():
    share = [rates_at(days).array[:, 1].sum() / rates_at(days).array.sum() for days in (1, 7, 30, 90, 365)]
    assert float(f"{min(share):.2f}") >= 0.62 and float(f"{max(share):.2f}") <= 0.81
    best = rates_at(365, read_levels="reoptimised").array
    assert best[:, 1].sum() / best.sum() == pytest.approx(0.54, abs=0.005)


def monte_carlo(days, code, cells):
    """Draw cells, read them at the crossings found by a minimiser, and count each page type's flips by stored bit."""
    (mean, sigma), (first_mean, first_sigma) = ROWS[(1, 7, 30, 90, 365).index(days)], ROWS[0]
    best = [
        minimize_scalar(
            lambda x, i=i: (
                stats.norm.sf(x, first_mean[i], first_sigma[i])
                + stats.norm.cdf(x, first_mean[i + 1], first_sigma[i + 1])
            ),
            bounds=(first_mean[i], first_mean[i + 1]),
            method="bounded",
            options={"xatol": 1e-9},
        ).x
        for i in range(7)
    ]
    stored = np.repeat(np.arange(8), cells)
    read = np.searchsorted(best, np.random.default_rng(1).normal(np.array(mean)[stored], np.array(sigma)[stored]))
    return [
        [(int(((label[read] != label[stored]) & (label[stored] == bit)).sum()), 4 * cells) for bit in (0, 1)]
        for label in gray_labels(code)
    ]


@pytest.mark.parametrize(("days", "code"), [(1, "2-3-2"), (365, "2-3-2"), (90, "1-2-4")])
def test_rates_match_a_monte_carlo_of_cells(days, code):
    rates = rates_at(days, gray_code=code)
    for expected, counted in zip(rates.by_page_type, monte_carlo(days, code, 400_000), strict=True):
        for rate, (flips, bits) in zip(expected, counted, strict=True):
            assert stats.binomtest(flips, bits, rate).pvalue > 1e-6


def test_the_monte_carlo_would_notice_two_percent():
    counted, bits = np.sum(monte_carlo(365, "2-3-2", 900_000), axis=(0, 1))
    for off in (0.98, 1.02):
        assert stats.binomtest(int(counted), int(bits), rates_at(365).mean * off).pvalue < 1e-6


def test_ages_between_are_linear_in_log_time():
    levels = model().levels(np.sqrt(7 * 30))
    assert levels.mean == pytest.approx((np.array(ROWS[1][0]) + ROWS[2][0]) / 2, rel=1e-12)
    assert levels.sigma == pytest.approx((np.array(ROWS[1][1]) + ROWS[2][1]) / 2, rel=1e-12)


def test_outside_the_table_the_nearest_age_is_taken_with_a_warning():
    rates = model().rates(Condition(pe_cycles=1500, retention_days=0))
    assert rates.by_page_type == rates_at(1).by_page_type
    assert rates.warnings == (
        "pe_cycles 1500 lies outside the fitted range 2000 to 2000; taken as 2000",
        "retention_days 0 lies outside the fitted range 1 to 365; taken as 1",
    )


def test_read_levels_may_be_best_at_another_age():
    later = rates_at(365, read_levels={"optimal_at_days": 365}).by_page_type
    assert np.array(later) == pytest.approx(rates_at(365, read_levels="reoptimised").array, rel=1e-12)


def test_read_levels_minimise_errors_between_neighbours():
    levels = Levels((0.0, 3.0, 4.0, 9.0), (2.0, 0.3, 0.3, 1.5))
    for i, found in enumerate(optimal_read_levels(levels)):
        grid = np.linspace(levels.mean[i], levels.mean[i + 1], 200_001)
        errors = stats.norm.sf(grid, levels.mean[i], levels.sigma[i]) + stats.norm.cdf(
            grid, levels.mean[i + 1], levels.sigma[i + 1]
        )
        assert found == pytest.approx(grid[errors.argmin()], abs=1e-4)


def test_without_a_crossing_the_wide_level_s_mean_divides():
    assert optimal_read_levels(Levels((0.0, 1.0), (9.0, 0.9))).tolist() == [0.0]
    assert optimal_read_levels(Levels((0.0, 1.0), (0.9, 9.0))).tolist() == [1.0]


def test_misreading_is_exact_far_in_the_tails():
    chance = misread(Levels((0.0, 10.0, 20.0), (1.0, 1.0, 1.0)), np.array([8.0, 12.0]))
    assert chance[0, 1] == pytest.approx(stats.norm.sf(8) - stats.norm.sf(12), rel=1e-12)
    assert chance[0, 2] == pytest.approx(stats.norm.sf(12), rel=1e-12)
    assert chance[2, 0] == pytest.approx(stats.norm.cdf(-12), rel=1e-12)
    assert chance.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-15)


@pytest.mark.parametrize("name", GRAY_CODES)
def test_gray_codes_change_one_bit_a_level_and_as_often_as_named(name):
    labels = gray_labels(name).astype(int)
    assert labels.shape == (len(name.split("-")), 2 ** len(name.split("-")))
    assert len(set(map(tuple, labels.T))) == labels.shape[1]
    changes = np.abs(np.diff(labels, axis=1))
    assert (changes.sum(axis=0) == 1).all()
    assert "-".join(map(str, changes.sum(axis=1))) == name
    assert labels[:, 0].all()


def test_gray_codes_are_the_published_ones():
    assert ["".join(map(str, row)) for row in gray_labels("2-3-2")] == ["10000111", "11001100", "11100001"]
    assert ["".join(map(str, row)) for row in gray_labels("1-2-4")] == ["11110000", "11000011", "10011001"]
    assert ["".join(map(str, column)) for column in gray_labels("1-2")[::-1].T] == ["11", "01", "00", "10"]


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"gray_code": None}, "rber.model: 'gaussian_vth': needs cell.gray_code"),
        ({"gray_code": "9-9-9"}, "rber.model: 'gaussian_vth': cell.gray_code: '9-9-9': must be one of 1, 1-2,"),
        ({"gray_code": "1-2"}, "rber.model: 'gaussian_vth': cell.gray_code 1-2 is not for cell.bits 3"),
        ({"pe_cycles": -1}, "rber.pe_cycles: -1: must be a number of at least 0"),
        ({"states": [{**STATES[0], "mean": [1, 2]}]}, "rber.states[0].mean: [1, 2]: must be a list of 8 numbers"),
        ({"states": [{**STATES[0], "mean": ROWS[0][0][::-1]}]}, "rber.states[0].mean: [448.1, 384.3"),
        ({"states": [{**STATES[0], "sigma": [0] * 8}]}, "rber.states[0].sigma[7]: 0: must be a number above 0"),
        ({"states": [STATES[0], STATES[0]]}, "rber.states[1].retention_days: 1.0: this age is there twice"),
        ({"states": []}, "rber.states: []: must be a list of at least one mapping with retention_days, mean, sigma"),
        ({"read_levels": "best"}, "rber.read_levels: 'best': must be {optimal_at_days: DAYS} or reoptimised"),
        ({"read_levels": {"optimal_at_days": 400}}, "rber.read_levels.optimal_at_days: 400: must be a number of at"),
        ({"read_levels": {"optimal_at": 4}}, "rber.read_levels.optimal_at: 4: unknown, did you mean optimal_at_days?"),
    ],
)
def test_bad_parameters_are_named(changes, start):
    with pytest.raises(InputError) as error:
        model(**changes)
    assert any(problem.startswith(start) for problem in error.value.problems), error.value.problems
