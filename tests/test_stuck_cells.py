"""Stuck cells: as many as said, the same in every read, trial and rewrite, wrong only against what is stored."""

import numpy as np
import pytest
from ridge_network import BCH, ridge_layout, ridge_model, ridge_task
from scipy.stats import binomtest

from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.trial import disturbed, draw_noise, run_trial
from nvmsim.device.ecc import final_uber, make_ecc, page_failures
from nvmsim.device.error_kinds import error_kinds
from nvmsim.device.every_model import StuckAt
from nvmsim.device.page_variation import page_factors
from nvmsim.device.profile import load_device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.stuck import stuck_cells
from nvmsim.inject.target import FlipTarget
from nvmsim.zoo.network import Network

ALPHA = 1e-6
PAGES, PAGE_BITS = 1000, 8192
BUFFER = np.random.default_rng(5).integers(0, 2**16, PAGES * PAGE_BITS // 16, dtype=np.uint16)
TARGET = FlipTarget(BUFFER, pages=PAGES, page_bits=PAGE_BITS, usable_bits=PAGE_BITS, page_types=2)
STORED = np.unpackbits(BUFFER.view(np.uint8), bitorder="little")
FRACTION, ONES = 0.03, 0.7


def accepts(count, of, rate):
    return binomtest(int(count), int(of), rate).pvalue > ALPHA


def found(target=TARGET, *, backend="cpu", device_seed=4, fraction=FRACTION, ones=ONES):
    how = {"fraction": fraction, "value_one_fraction": ones, "device_seed": device_seed}
    return stuck_cells(get_backend(backend), target, **how)


def place(addresses):
    return ((addresses >> np.uint64(32)) * np.uint64(PAGE_BITS) + (addresses & np.uint64(0xFFFFFFFF))).astype(int)


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(ridge_model()))


def compiled(slot, *, backend="cpu", fraction=FRACTION, ones=ONES, **changes):
    task = ridge_task(**{"stuck": StuckAt(fraction, ones), **changes})
    return CompiledTask(task, ridge_model().weights, slot=slot, backend=get_backend(backend))


def test_there_are_as_many_as_said_and_they_read_what_is_said():
    cells = found()
    right = np.setdiff1d(cells.cells, cells.wrong)
    assert accepts(cells.cells.size, STORED.size, FRACTION)
    assert not accepts(found(fraction=1.02 * FRACTION).cells.size, STORED.size, FRACTION)
    ones = STORED[place(right)].sum() + (1 - STORED[place(cells.wrong)]).sum()
    assert accepts(ones, cells.cells.size, ONES)
    for stored, share in ((0, ONES), (1, 1 - ONES)):
        here = STORED[place(cells.cells)] == stored
        wrong = np.isin(cells.cells[here], cells.wrong).sum()
        assert accepts(wrong, here.sum(), share)
        assert not accepts(wrong, here.sum(), share * 1.05)


def test_they_stay_where_they_are_when_others_are_written():
    first = found()
    again = found(TARGET._replace(buffer=~BUFFER))
    assert np.array_equal(first.cells, again.cells)
    assert np.array_equal(np.setdiff1d(first.cells, first.wrong), again.wrong)


def test_they_belong_to_the_device():
    first, other = found().cells, found(device_seed=5).cells
    assert accepts(np.intersect1d(first, other).size, STORED.size, FRACTION**2)


@pytest.mark.parametrize("backend", ["reference", "shim"])
def test_backends_give_equal_cells(backend):
    few = TARGET._replace(pages=40, scrambler=True)
    assert all(map(np.array_equal, found(few), found(few, backend=backend)))


def test_a_stuck_cell_returns_its_value_in_every_trial_and_the_others_have_their_rate(slot):
    task, rber = compiled(slot, rber=4e-3, rung_rber=5e-3), 4e-3
    stuck, bits = task.parts[0].stuck, task.parts[0].image.pages * task.task.layout.page_bits
    others = []
    for trial in range(20):
        wrong = draw_noise(task, trial)[0].wrong
        assert np.array_equal(np.intersect1d(wrong, stuck.cells), stuck.wrong)
        others.append(wrong.size - stuck.wrong.size)
    assert accepts(sum(others), 20 * (bits - stuck.cells.size), rber)
    assert not accepts(sum(others), 20 * bits, rber)


def test_the_image_reads_the_stuck_value(slot):
    task = compiled(slot, rber=0.0, layout=ridge_layout(scrambler=False), ones=1.0)
    written = task.parts[0].image.buffer.copy()
    with disturbed(task, draw_noise(task, 0)):
        read = task.parts[0].image.buffer.copy()
    assert np.array_equal(read & written, written)  # stuck at 1: bits are only gained
    gained = int(np.bitwise_count(read ^ written).sum())
    zeros = written.size * 16 - int(np.bitwise_count(written).sum())
    assert accepts(gained, zeros, FRACTION)
    assert np.array_equal(task.parts[0].image.buffer, written)


def test_without_other_errors_every_trial_and_read_is_the_same(slot):
    task = compiled(slot, rber=0.0)
    trials = [run_trial(task, trial, [0, 1]) for trial in (0, 3)]
    assert trials[0].counts == trials[1].counts
    assert trials[0].counts.residual_flips > 0
    assert task.facts.change_bound == 1
    assert not task.task.exact


def test_ecc_sees_them_as_errors(slot):
    fraction = 4e-3
    task = compiled(slot, rber=1e-3, mode="ecc", ecc=BCH, fraction=fraction)
    device = load_device("slc", ["page.user_bytes=512", "page.spare_bytes=136", "ecc.codeword_bytes=64"])
    rates = Rates(((1e-3, 1e-3),), stuck=StuckAt(fraction, ONES))
    expected = make_ecc(BCH).codeword_failure(0.996e-3 + fraction / 2)
    failed = codewords = 0
    for device_seed in range(40):
        one = compiled(slot, rber=1e-3, mode="ecc", ecc=BCH, fraction=fraction, device_seed=device_seed)
        failed += draw_noise(one, 0)[0].failed_codewords
        codewords += 8 * one.parts[0].image.pages
    assert accepts(failed, codewords, expected)
    assert not accepts(failed, codewords, make_ecc(BCH).codeword_failure(1e-3))
    assert final_uber(device, rates) == pytest.approx(make_ecc(device.ecc).uber(0.996e-3 + fraction / 2), rel=1e-12)
    assert page_failures(device, rates)[0, 0] > page_failures(device, Rates(((1e-3, 1e-3),)))[0, 0]
    changed = sum(draw_noise(task, trial)[0].failed_codewords > 0 for trial in range(100))
    assert changed <= 100 * task.facts.change_bound + 1e-9 or accepts(changed, 100, task.facts.change_bound)


def test_the_change_bound_knows_this_device_s_stuck_cells(slot):
    task = compiled(slot, rber=2e-3, rung_rber=2e-3, mode="ecc", ecc=BCH, fraction=2e-3)
    alone = compiled(slot, rber=2e-3, mode="ecc", ecc=BCH, stuck=None)
    changed = sum(draw_noise(task, trial)[0].failed_codewords > 0 for trial in range(300))
    assert alone.facts.change_bound < task.facts.change_bound < 1
    assert binomtest(changed, 300, task.facts.change_bound, alternative="greater").pvalue > ALPHA
    assert binomtest(changed, 300, alone.facts.change_bound).pvalue < ALPHA


IDS = {
    "another fraction": {"stuck": StuckAt(2 * FRACTION, ONES)},
    "other values": {"stuck": StuckAt(FRACTION, 0.0)},
    "another device": {"device_seed": 1},
    "no scrambler": {"layout": ridge_layout(scrambler=False)},
    "none": {"stuck": None},
}


@pytest.mark.parametrize("change", IDS.values(), ids=IDS)
def test_the_id_depends_on(change):
    task = {"stuck": StuckAt(FRACTION, ONES)}
    assert ridge_task(**{**task, **change}).id != ridge_task(**task).id


def test_the_id_does_not_depend_on_channels_or_a_device_seed_without_use():
    task = {"stuck": StuckAt(FRACTION, ONES)}
    assert ridge_task(**task, layout=ridge_layout(channels=8)).id == ridge_task(**task).id
    assert ridge_task(device_seed=3).id == ridge_task().id


def test_a_profile_says_them():
    device = load_device("reram", ["rber.stuck_at={fraction: 1e-3, value_one_fraction: 0.8}"])
    age = device.condition("worn")
    rates, plain = device_rates(device, age), device_rates(load_device("reram"), age)
    assert rates.stuck == StuckAt(1e-3, 0.8)
    assert rates.by_page_type == plain.by_page_type
    assert rates.mean == pytest.approx(0.999 * plain.mean + 0.5e-3)
    assert rates.seen.tolist() == pytest.approx(np.add(0.999 * plain.array, [[0.8e-3, 0.2e-3]]))
    kinds = error_kinds(device, age)
    assert kinds.written + kinds.retained == pytest.approx(rates.mean)
    assert kinds.written > 0.5e-3
    with pytest.raises(InputError) as caught:
        load_device("reram", ["rber.stuck_at={fraction: 0.6}"])
    assert "rber.stuck_at.fraction: 0.6: must be a number above 0 and at most 0.5" in str(caught.value)
    assert "rber.stuck_at.value_one_fraction: missing" in str(caught.value)


def test_with_page_variation_fresh_reads_and_ecc_together(slot):
    """Rates, factors, kinds and stuck cells add up, and every backend gives the same bits."""
    together = {"rber": 3e-3, "rung_rber": 1e-2, "page_sigma": 0.4, "per_read_fraction": 0.5, "fraction": 2e-3}
    together |= {"mode": "ecc", "ecc": BCH}
    task = compiled(slot, **together)
    wrong = [draw_noise(task, 4, block)[0] for block in (0, 1)]
    for backend in ("reference", "shim"):
        other = draw_noise(compiled(slot, backend=backend, **together), 4, 1)[0]
        assert np.array_equal(other.wrong, wrong[1].wrong)
        assert other[1:] == wrong[1][1:]
    assert not np.array_equal(wrong[0].wrong, wrong[1].wrong)
    bits, stuck = task.parts[0].image.pages * task.task.layout.page_bits, task.parts[0].stuck
    factor = np.mean(np.array(page_factors(0.4))[task.parts[0].places.at(0)])
    seen = sum(draw_noise(task, trial, trial % 4)[0].raw_flips - stuck.wrong.size for trial in range(30))
    assert accepts(seen, 30 * (bits - stuck.cells.size), 3e-3 * factor)
    assert not accepts(seen, 30 * (bits - stuck.cells.size), 3e-3 * factor * 1.03)
