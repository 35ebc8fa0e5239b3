"""Stored errors and errors of each read: each with its rate, the stored ones the same for every block of images."""

from itertools import combinations

import numpy as np
import pytest
from ridge_network import BCH, ridge_model, ridge_task
from scipy.stats import binomtest, f

from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.flip_source import split
from nvmsim.accuracy.stats import Sample, accuracy_interval, t_half_width
from nvmsim.accuracy.trial import draw_noise, run_trial
from nvmsim.device.error_kinds import error_kinds
from nvmsim.device.parts import Condition
from nvmsim.device.profile import load_device
from nvmsim.device.rber import device_rates
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.study.grid.load import read_study
from nvmsim.study.grid.questions import questions_of
from nvmsim.study.question import Effort, ask, choose_condition
from nvmsim.study.rows import cases_of
from nvmsim.zoo.network import Network

ALPHA, RBER = 1e-6, 4e-3


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(ridge_model()))


def compiled(slot, fraction, *, backend="cpu", **changes):
    task = ridge_task(**{"rber": RBER, "per_read_fraction": fraction, **changes})
    return CompiledTask(task, ridge_model().weights, slot=slot, backend=get_backend(backend))


def wrong(task, trial, block):
    return draw_noise(task, trial, block)[0].wrong


def accepts(count, of, rate):
    return binomtest(int(count), int(of), rate).pvalue > ALPHA


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("rber", [RBER, 0.2])
def test_a_read_has_the_model_s_rber_whatever_the_fraction(slot, fraction, rber):
    task = compiled(slot, fraction, rber=rber, rung_rber=1.0 if rber > 0.1 else 5e-3)
    reads = [(0, 0)] if rber > 0.1 else [(trial, block) for trial in range(30) for block in (0, 1)]
    flips = sum(wrong(task, *read).size for read in reads)
    bits = len(reads) * task.parts[0].image.pages * task.task.layout.page_bits
    # Two reads of a trial share errors, so that the test is exact for one read a trial only: for no fraction too tight.
    share = 1 if rber > 0.1 else 2
    assert accepts(flips // share, bits // share, rber)
    assert not accepts(flips // share, bits // share, rber * 1.02)


def test_stored_and_fresh_errors_have_their_rates(slot):
    """Two reads differ by their fresh errors alone: P(differ) = 2 q (1 - q) for q the rate of those."""
    task, fraction = compiled(slot, 0.3), 0.3
    fresh = RBER * fraction
    stored = (RBER - fresh) / (1 - 2 * fresh)
    bits = both = differ = 0
    for trial in range(40):
        first, second = (wrong(task, trial, block) for block in (0, 1))
        shared = np.intersect1d(first, second, assume_unique=True).size
        both += shared
        differ += first.size + second.size - 2 * shared
        bits += task.parts[0].image.pages * task.task.layout.page_bits
    same = stored * (1 - fresh) ** 2 + (1 - stored) * fresh**2
    assert accepts(differ, bits, 2 * fresh * (1 - fresh))
    assert accepts(both, bits, same)
    assert not accepts(differ, bits, 1.02 * 2 * fresh * (1 - fresh))
    assert not accepts(both, bits, 1.02 * same)


@pytest.mark.parametrize("rates", [[[1e-3, 0.2], [0.5, 0.0]]])
def test_split_rates_xor_to_the_whole(rates):
    for fraction in (0.0, 0.25, 1.0):
        stored, fresh = split(np.array(rates), fraction)
        assert np.allclose(stored + fresh - 2 * stored * fresh, rates, rtol=1e-14)
    assert split(np.array(rates), 0.0)[0].tolist() == rates


def test_without_fresh_errors_bits_and_counts_are_those_of_one_read(slot):
    plain, none = ridge_task(rber=RBER), ridge_task(rber=RBER, per_read_fraction=0.0)
    assert plain.id == none.id
    assert np.array_equal(wrong(compiled(slot, 0.0), 5, 3), wrong(compiled(slot, 0.0), 5, 0))


def test_fresh_errors_alone_make_reads_independent(slot):
    task = compiled(slot, 1.0)
    reads = {(trial, block): wrong(task, trial, block) for trial in (0, 1) for block in range(4)}
    bits = task.parts[0].image.pages * task.task.layout.page_bits
    pairs = list(combinations(reads.values(), 2))
    shared = sum(np.intersect1d(*pair, assume_unique=True).size for pair in pairs)
    assert accepts(shared, bits * len(pairs), RBER**2)


@pytest.mark.parametrize("backend", ["reference", "shim"])
def test_backends_give_equal_reads(slot, backend):
    one, other = (compiled(slot, 0.4, backend=name, page_sigma=0.3, rung_rber=2e-2) for name in ("cpu", backend))
    assert np.array_equal(wrong(one, 2, 1), wrong(other, 2, 1))


def test_a_block_has_its_own_read_whoever_asks_for_it(slot):
    task = compiled(slot, 0.5)
    whole = run_trial(task, 3, [0, 1, 2])
    again = run_trial(task, 3, [2])
    assert again.blocks.keys() == {2}
    assert again.blocks[2].correct == whole.blocks[2].correct
    assert again.counts == whole.counts
    before = task.parts[0].image.buffer.copy()
    assert whole.counts.raw_flips == draw_noise(task, 3, 0)[0].raw_flips
    assert np.array_equal(before, task.parts[0].image.buffer)


def test_trial_means_vary_less_the_more_is_fresh(slot):
    """Means over 4 blocks: var = (stored part) + (fresh part) / 4 of the variance that a single read has."""
    accuracies = {}
    for fraction in (0.0, 1.0):
        task = compiled(slot, fraction, rber=0.03)
        trials = [run_trial(task, trial, range(4)) for trial in range(60)]
        accuracies[fraction] = np.array([[trial.blocks[block].correct for block in range(4)] for trial in trials])
    one, each = accuracies[0.0].mean(axis=1).var(ddof=1), accuracies[1.0].var(axis=0, ddof=1).mean() / 4
    fresh = accuracies[1.0].mean(axis=1).var(ddof=1)
    ratio = f(59, 59).ppf(1 - 1e-3)
    assert 1 / ratio < fresh / each < ratio  # as independent blocks predict
    assert one / fresh > 2
    between = np.corrcoef(accuracies[0.0].T)[np.triu_indices(4, 1)].mean()
    assert between > 0.5 > 0.3 > abs(np.corrcoef(accuracies[1.0].T)[np.triu_indices(4, 1)].mean())


def test_with_ecc_each_block_s_read_is_corrected_on_its_own(slot):
    stored, fresh = (compiled(slot, fraction, rber=3e-3, mode="ecc", ecc=BCH) for fraction in (0.0, 1.0))
    failed = [draw_noise(fresh, 0, block)[0].failed_codewords for block in range(60)]
    assert len({draw_noise(stored, 0, block)[0].failed_codewords for block in range(4)}) == 1
    assert 0 < np.count_nonzero(failed) < 60
    none = 1 - stored.facts.change_bound
    assert fresh.facts.change_bound == pytest.approx(1 - none**4)
    assert accepts(np.count_nonzero(failed), 60, stored.facts.change_bound)


def test_kinds_of_a_power_law_are_its_terms():
    device = load_device("mlc", ["rber.per_read_fraction=0.2"])
    age = Condition("x", 3000, 30, 40, 1000)
    kinds = error_kinds(device, age)
    new = device_rates(device, Condition("x", 3000, 0, 40, 0)).mean
    whole = device_rates(device, age).mean
    assert kinds.written == pytest.approx(0.8 * new)
    assert kinds.retained == pytest.approx(0.8 * (whole - new))
    assert kinds.per_read == pytest.approx(0.2 * whole)
    assert kinds.retained > 0


def cases(settings=(), **changes):
    device = load_device("slc", settings)
    question = ask(
        device,
        ridge_model(),
        condition=choose_condition(device, None),
        rber=changes.pop("rber", None),
        schemes=["raw"],
        range_scope="global",
        effort=Effort(),
        seed=0,
        backend="cpu",
        workers=1,
        **changes,
    )
    return question, [case.task.id for case in cases_of(question)]


def test_the_id_changes_only_where_reading_again_matters():
    fresh = ["rber.per_read_fraction=0.5"]
    plain = cases()[1]
    assert cases(reads_per_inference=1)[1] == plain == cases(fresh)[1]
    assert cases(fresh, reads_per_inference=1)[1] != plain
    assert cases(fresh, rber=1e-3, reads_per_inference=1)[1] != cases(fresh, rber=1e-3)[1]
    assert "changes nothing" in cases(reads_per_inference=1)[0].rates.warnings[-1]
    assert cases(fresh, reads_per_inference=1)[0].rates.warnings == ()


def test_other_numbers_of_reads_are_refused():
    with pytest.raises(InputError, match=r"--reads-per-inference: 2: must be 0 .* or 1"):
        cases(reads_per_inference=2)
    with pytest.raises(
        InputError, match=r"rber\.per_read_fraction: 1\.5: must be a number of at least 0 and at most 1"
    ):
        load_device("slc", ["rber.per_read_fraction=1.5"])


STUDY = """
title: reads
grid:
  device: slc
  scheme: raw
  rber.per_read_fraction: 0.5
  reads_per_inference: [0, 1]
  device_seed: 3
"""


def test_a_study_may_vary_it(tmp_path):
    study = read_study(STUDY, name="reads", label="reads.yaml", folder=tmp_path)
    asked = questions_of(study, backend="cpu", workers=1)
    assert [one.question.reads_per_inference for one in asked] == [0, 1]
    assert {one.question.device_seed for one in asked} == {3}
    assert [one.cases[0].task.per_read_fraction for one in asked] == [0.0, 0.5]
    with pytest.raises(InputError, match="reads_per_inference: 2"):
        read_study(STUDY.replace("[0, 1]", "2"), name="reads", label="reads.yaml", folder=tmp_path)


def test_intervals_over_trials_cover_where_each_block_is_read_anew():
    """Trials lose something for good, and each of their blocks something more; one block in twenty collapses."""
    rng, runs, (trials, blocks), images = np.random.default_rng(1), 1500, (16, 20), 500
    baseline = np.full(blocks, 490)
    stored = rng.exponential(0.004, (runs, trials, 1))
    fresh = np.where(rng.random((runs, trials, blocks)) < 0.05, 0.6, rng.exponential(0.01, (runs, trials, blocks)))
    right = np.rint(np.clip(0.98 - stored - fresh, 0, 1) * images).astype(int)
    samples = (Sample(one, baseline, np.full(blocks, images)) for one in right)
    truth = 0.98 - 0.004 - (0.05 * 0.6 + 0.95 * 0.01)
    found = [accuracy_interval(sample) for sample in samples]
    hits = sum(one.low <= truth <= one.high for one in found)
    assert binomtest(hits, runs, 0.94, alternative="less").pvalue > ALPHA
    # Taking the blocks of a trial for trials of their own would be wrong: they share its stored errors.
    shared = np.clip(0.98 - 20 * stored - fresh, 0, 1)
    wide, narrow = (t_half_width(one).mean() for one in (shared.mean(axis=2), shared.reshape(runs, -1)))
    assert wide > 1.3 * narrow
