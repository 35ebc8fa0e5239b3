"""Retries at tuned read levels: their rates, and that closed forms, trials and tasks use them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from ridge_network import BCH, ridge_model, ridge_task
from scipy import stats
from test_gaussian_vth import ROWS, model, rates_at

from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.trial import draw_noise
from nvmsim.device.ecc import final_uber, make_ecc, page_failures
from nvmsim.device.gray_codes import gray_labels
from nvmsim.device.life import ecc_limits
from nvmsim.device.parts import Condition
from nvmsim.device.profile import load_device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend, net_flips
from nvmsim.zoo.network import Network

YEAR = Condition(pe_cycles=2000, retention_days=365)
TUNED = ["rber.read_retry={steps: 4}"]


def retries(steps, attempts=4, **parameters):
    return model(read_retry={"steps": steps}, **parameters).retry_rates(YEAR, attempts)


def test_without_the_option_there_are_none():
    assert model().retry_rates(YEAR, 4) == ()
    assert device_rates(load_device("tlc-2y"), YEAR).retries == ()


def test_retries_go_from_the_fixed_levels_to_the_best_ones():
    found = retries(4)
    means = [rates_at(365).mean, *(rates.mean for rates in found)]
    assert means == sorted(means, reverse=True)
    assert found[3].by_page_type == pytest.approx(rates_at(365, read_levels="reoptimised").array)
    assert float(f"{found[3].mean:.1e}") == 3.8e-3  # published for levels that are optimised again
    assert retries(4, attempts=6)[5] == found[3]
    assert retries(1)[0].by_page_type == pytest.approx(np.array(found[3].by_page_type))


def test_levels_that_are_always_best_leave_nothing_to_tune():
    found = retries(2, read_levels="reoptimised")
    assert {rates.by_page_type for rates in found} == {rates_at(365, read_levels="reoptimised").by_page_type}


def crossings(row):
    """Where neighbouring densities are equal, by a fine grid between the means."""
    found = []
    for (low, narrow), (high, wide) in pairwise(zip(*row, strict=True)):
        grid = np.linspace(low, high, 200_001)
        apart = stats.norm.logpdf(grid, low, narrow) - stats.norm.logpdf(grid, high, wide)
        found.append(grid[np.abs(apart).argmin()])
    return np.array(found)


def test_half_way_rates_match_a_monte_carlo_of_cells():
    first, last, cells = ROWS[0], ROWS[4], 900_000
    levels = (crossings(first) + crossings(last)) / 2
    stored = np.repeat(np.arange(8), cells)
    volts = np.random.default_rng(3).normal(np.array(last[0])[stored], np.array(last[1])[stored])
    read, (half, _) = np.searchsorted(levels, volts), retries(2, attempts=2)
    total = 0
    for label, expected in zip(gray_labels("2-3-2"), half.by_page_type, strict=True):
        for bit, rate in enumerate(expected):
            flips = int(((label[read] != label[stored]) & (label[stored] == bit)).sum())
            assert stats.binomtest(flips, 4 * cells, rate).pvalue > 1e-6
            total += flips
    assert stats.binomtest(total, 24 * cells, 1.02 * half.mean).pvalue < 1e-6


def test_closed_forms_take_each_attempt_s_rates():
    device = load_device("tlc-2y", TUNED)
    rates = device_rates(device, YEAR)
    assert len(rates.retries) == device.ecc.retry.max > 0
    found = page_failures(device, rates)
    for attempt, pairs in enumerate((rates.by_page_type, *rates.retries)):
        assert found[:, attempt].tolist() == page_failures(device, Rates(pairs))[:, 0].tolist()
    last = np.array(rates.retries[-1]).mean(axis=1)
    assert final_uber(device, rates) == max(make_ecc(device.ecc).uber(float(rber)) for rber in last)
    assert len(ecc_limits(device)) == 1


RATES = ((2e-3, 6e-3), (4e-3, 4e-3), (3e-3, 1e-3))
RETRY = (((1e-3, 2e-3), (5e-3, 1e-3), (5e-4, 5e-4)),)


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(ridge_model()))


def compiled(slot, **changes):
    ecc = replace(BCH, retry=replace(BCH.retry, max=1))
    settings = {"rates": RATES, "rung_rber": 7e-3, "mode": "ecc", "ecc": ecc, "retry_rates": RETRY, **changes}
    return CompiledTask(ridge_task(**settings), ridge_model().weights, slot=slot, backend=get_backend("cpu"))


def test_an_attempt_draws_at_its_rates_on_the_written_bit(slot):
    task = compiled(slot)
    (source, _), layout = task.parts[0].sources(1), task.task.layout
    how = {"classes": task.parts[0].places.at(0), "seed": 7, "offset": 0}
    flips = np.concatenate(
        [net_flips(source.draw(task.backend, task.parts[0].target, trial=trial, **how)) for trial in range(60)]
    )
    types = layout.page_type((flips >> np.uint64(32)).astype(int))
    bits = 60 * np.bincount(layout.page_type(np.arange(task.parts[0].image.pages)), minlength=3) * layout.page_bits
    for number, pair in enumerate(RETRY[0]):  # scrambled: half of the bits store 1
        seen = int((types == number).sum())
        assert stats.binomtest(seen, int(bits[number]), np.mean(pair)).pvalue > 1e-6
        assert stats.binomtest(seen, int(bits[number]), np.mean(RATES[number])).pvalue < 1e-6


def test_trials_read_again_at_the_tuned_levels(slot):
    none = tuple(((0.0, 0.0),) * 3 for _ in range(1))
    plain, tuned = compiled(slot, retry_rates=()), compiled(slot, retry_rates=none)
    assert sum(draw_noise(plain, trial)[0].failed_codewords for trial in range(20)) > 10
    assert sum(draw_noise(tuned, trial)[0].failed_codewords for trial in range(20)) == 0
    assert tuned.facts.change_bound <= plain.facts.change_bound  # the first read may be miscorrected either way


def test_the_id_depends_on_them_where_anything_is_corrected(slot):
    assert compiled(slot).task.id != compiled(slot, retry_rates=()).task.id
    bare = {"ecc": None, "mode": "bypass"}
    assert compiled(slot, **bare).task.id == compiled(slot, retry_rates=(), **bare).task.id


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"steps": 0.5}, "steps: 0.5: must be a number of at least 1"),
        ({}, "steps: missing"),
        (4, ": 4: must map steps"),
    ],
)
def test_bad_steps_are_named(value, problem):
    with pytest.raises(InputError) as error:
        model(read_retry=value)
    assert "rber.read_retry" in str(error.value) and problem in str(error.value)
