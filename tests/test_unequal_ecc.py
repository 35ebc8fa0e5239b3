"""ECC for chosen bits or layers alone: what is protected reads as with ECC, the rest as without, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ridge_network import BCH, ridge_layout, ridge_model, ridge_task
from scipy.stats import binomtest

from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.part import parts_of
from nvmsim.accuracy.trial import disturbed, draw_noise, run_trial
from nvmsim.accuracy.unequal import Protected, Unequal
from nvmsim.device.every_model import StuckAt
from nvmsim.device.memory_image import MemoryImage
from nvmsim.device.parts import Retry
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.zoo.network import Network
from nvmsim.zoo.tensors import lay_out

MODEL = ridge_model()
LAYERS = tuple(dict.fromkeys(tensor.module for tensor in MODEL.tensors))
STRONG = replace(BCH, parity_bytes=16, t=12)  # 12 of 640 bits: never too few at the rates here
TOP = Protected(bits=(15, 14, 13, 12))
LAST = Protected(layers=LAYERS[-1:])  # a small layer
ALPHA = 1e-6


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(MODEL))


def unequal_task(protected, *, bare="bypass", encoding="binary:16", ecc=STRONG, order=(), **changes):
    if protected is not None:
        changes["unequal"] = Unequal(protected, replace(ridge_layout(bare), plane_order=order))
    layout = replace(ridge_layout("ecc"), plane_order=order)
    return ridge_task(encoding, ecc=ecc, layout=layout, **changes)


def compiled(slot, protected, *, backend="cpu", **changes):
    task = unequal_task(protected, **changes)
    return CompiledTask(task, MODEL.weights, slot=slot, backend=get_backend(backend))


def flipped(task, trial=3):
    """Return which bits of all words a trial leaves wrong, and its counts."""
    task.load()
    before = task.read_all()
    with disturbed(task, draw_noise(task, trial)) as (counts, _):
        return before ^ task.read_all(), counts


def may_flip(protected):
    """Return the mask of the bits of each word that have no ECC, worked out from the tensors one by one."""
    masks = np.zeros(len(MODEL.weights), np.uint32)
    for tensor in MODEL.tensors:
        for bit in range(16):
            bare = bit not in protected.bits if protected.bits else tensor.module not in protected.layers
            masks[tensor.start : tensor.start + tensor.size] |= np.uint32(bare << bit)
    return masks


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_words_cut_into_two_files_and_joined_are_the_words(data):
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    tensors = lay_out([(f"{'abc'[data.draw(st.integers(0, 2))]}.w{i}", (size,)) for i, size in enumerate(sizes)])
    width = data.draw(st.integers(2, 20))
    names = sorted({tensor.module for tensor in tensors})
    if data.draw(st.booleans()):
        protected = Protected(bits=tuple(data.draw(st.sets(st.integers(0, width - 1), min_size=1))))
    else:
        protected = Protected(layers=tuple(data.draw(st.sets(st.sampled_from(names), min_size=1))))
    words = np.random.default_rng(0).integers(0, 2**width, sum(sizes), dtype=np.uint32)
    parts = parts_of(unequal_task(protected), tensors, width=width)
    images = [MemoryImage.build(p.words_of(words), width=len(p.bits), layout=p.layout) for p in parts]
    joined = np.bitwise_or.reduce(
        [p.placed(i.read(slice(None)), len(words)) for p, i in zip(parts, images, strict=True)]
    )
    assert np.array_equal(joined, words)
    where = [
        (weight, part.bits[bit])
        for part, image in zip(parts, images, strict=True)
        for weight, bit in zip(*image.weight_and_bit(np.arange(image.n_bits)), strict=True)
        for weight in [int(part.weights_of(np.array([weight]))[0])]
    ]
    assert sorted(where) == [(w, b) for w in range(len(words)) for b in range(width)]
    for part in parts:
        inside, stored = part.stored_of(np.arange(len(words)))
        assert np.array_equal(part.weights_of(stored), np.flatnonzero(inside))
        assert np.array_equal(stored, np.arange(part.n_weights))


@pytest.mark.parametrize("protected", [Protected(bits=tuple(range(16))), Protected(layers=LAYERS)])
def test_all_of_it_protected_is_ecc(slot, protected):
    weak = {"ecc": BCH, "rber": 5e-3}
    one, other = compiled(slot, protected, **weak), compiled(slot, None, **weak)
    assert one.task.id != other.task.id
    assert one.facts.change_bound == other.facts.change_bound > 0
    for trial in range(3):
        (words, counts), (as_ecc, wanted) = flipped(one, trial), flipped(other, trial)
        assert np.array_equal(words, as_ecc)
        assert counts == wanted
        assert counts.failed_codewords > 0


@pytest.mark.parametrize("bare", ["bypass", "reclaim"])
@pytest.mark.parametrize("protected", [TOP, LAST, Protected(bits=(0, 7, 15))])
def test_a_code_that_never_fails_leaves_flips_in_the_bare_part_alone(slot, protected, bare):
    rber, trials = 4e-3, 50
    task = compiled(slot, protected, bare=bare, rber=rber)
    mask, flips = may_flip(protected), 0
    for trial in range(trials):
        words, counts = flipped(task, trial)
        assert not (words & ~mask).any()
        assert counts.residual_flips == np.bitwise_count(words).sum() < counts.raw_flips
        assert counts.failed_codewords == 0
        flips += counts.residual_flips
    bits = trials * int(np.bitwise_count(mask).sum())
    assert binomtest(flips, bits, rber).pvalue > ALPHA
    assert binomtest(flips, bits, 1.02 * rber).pvalue < ALPHA


def test_raw_flips_of_both_files_have_the_stated_rate(slot):
    task, trials = compiled(slot, TOP, rber=4e-3), 30
    counts = [flipped(task, trial)[1] for trial in range(trials)]
    flips, bits = sum(one.raw_flips for one in counts), sum(one.raw_bits for one in counts)
    assert bits == trials * sum(part.image.pages * part.part.layout.read_bits for part in task.parts)
    assert counts[0].data_bits == 16 * len(MODEL.weights)
    assert binomtest(flips, bits, 4e-3).pvalue > ALPHA
    assert binomtest(flips, bits, 1.02 * 4e-3).pvalue < ALPHA


def test_the_protected_file_meets_the_errors_of_ecc_and_the_bare_one_others(slot):
    """Same pages, same events: the first file's pages are the first that ``ecc`` alone would fill."""
    task, plain = compiled(slot, TOP, rber=4e-3, ecc=replace(BCH, t=0)), compiled(slot, None, rber=4e-3, ecc=None)
    protected, bare = (noise.wrong for noise in draw_noise(task, 5))
    whole = draw_noise(plain, 5)[0].wrong
    user_bits = 8 * ridge_layout("ecc").user_bytes
    here = (whole >> np.uint64(32) < task.parts[0].image.pages) & (whole & np.uint64(0xFFFFFFFF) < user_bits)
    assert np.array_equal(protected, whole[here])
    pages = task.parts[1].image.pages * task.parts[1].part.layout.page_bits
    assert np.intersect1d(bare, whole).size < 10 * pages * 4e-3**2


def test_pages_and_stuck_cells_of_the_files_are_others(slot):
    device = {"page_sigma": 0.5, "stuck": StuckAt(2e-3, 0.5), "device_seed": 4}
    first, second = compiled(slot, TOP, rber=1e-3, rung_rber=7e-3, **device).parts
    n = min(first.image.pages, second.image.pages)
    same = np.count_nonzero(first.places.at(0)[:n] == second.places.at(0)[:n])
    assert same < n / 4  # one in 64 by chance
    shared = np.intersect1d(first.stuck.cells, second.stuck.cells).size
    assert shared < first.stuck.cells.size / 20 < second.stuck.cells.size / 20
    bits = second.image.pages * second.part.layout.page_bits
    assert binomtest(second.stuck.cells.size, bits, 2e-3).pvalue > ALPHA


ALL_OF_IT = {
    "rber": 3e-3,
    "rung_rber": 2e-2,
    "page_sigma": 0.4,
    "per_read_fraction": 0.5,
    "stuck": StuckAt(1e-3, 0.8),
    "retry_rates": (((1e-3, 2e-3),) * 3,),
    "ecc": replace(BCH, t=1, retry=Retry(1, 0.5)),
}


@pytest.mark.parametrize("protected", [TOP, LAST])
def test_all_kinds_of_errors_together_on_every_backend(slot, protected):
    task = compiled(slot, protected, **ALL_OF_IT)
    wanted = [draw_noise(task, 4, block) for block in (0, 1)]
    for backend in ("reference", "shim"):
        found = draw_noise(compiled(slot, protected, backend=backend, **ALL_OF_IT), 4, 1)
        for one, other in zip(found, wanted[1], strict=True):
            assert np.array_equal(one.wrong, other.wrong)
            assert one[1:] == other[1:]
    for one, other in zip(*wanted, strict=True):  # each block is a read of its own, of either file
        assert not np.array_equal(one.wrong, other.wrong)
    assert wanted[0][0].failed_codewords > 0 == wanted[0][1].failed_codewords


def test_trials_leave_no_trace_and_the_bound_is_that_of_either_part(slot):
    task = compiled(slot, TOP, **ALL_OF_IT)
    before = [part.image.buffer.copy() for part in task.parts]
    clean = task.clean.copy()
    trial = run_trial(task, 2, [0, 3])
    assert set(trial.blocks) == {0, 3}
    assert all(np.array_equal(a, part.image.buffer) for a, part in zip(before, task.parts, strict=True))
    assert np.array_equal(slot.network.flat.numpy(), clean)
    assert task.facts.change_bound == 1
    few = compiled(slot, TOP, rber=1e-8)
    assert few.facts.change_bound == pytest.approx(1 - (1 - 1e-8) ** (12 * len(MODEL.weights)), rel=1e-3)
    assert compiled(slot, TOP, rber=0.0).task.exact


def test_what_is_decoded_are_the_joined_words(slot):
    task = compiled(slot, Protected(bits=(16, 3)), encoding="binary:16+parity-nulling-extra", rber=5e-3, ecc=BCH)
    task.load()
    with disturbed(task, draw_noise(task, 1)) as (counts, _):
        whole = task.ranges.decode(task.encoding, task.read_all())
        assert np.array_equal(whole.values, slot.network.flat.numpy(), equal_nan=True)
        assert counts.nulled == np.count_nonzero(whole.nulled) > 100


def test_bit_planes_lie_in_either_file(slot):
    task = compiled(slot, TOP, rber=4e-3, order=(2, 0, 1))
    words, counts = flipped(task)
    assert not (words & ~may_flip(TOP)).any()
    assert counts.residual_flips == np.bitwise_count(words).sum() > 1000
    assert task.parts[1].image.placement.ranking.width == 12


def test_the_id_holds_what_changes_the_result():
    base = unequal_task(TOP)
    others = [
        unequal_task(None),
        unequal_task(TOP, bare="reclaim"),
        unequal_task(Protected(bits=(15, 14, 13))),
        unequal_task(Protected(layers=("1",))),
        unequal_task(TOP, page_sigma=0.3),
    ]
    assert len({base.id, *(other.id for other in others)}) == 6
    assert base.id == unequal_task(Protected(bits=(12, 13, 14, 15, 15))).id
    elsewhere = replace(ridge_layout("bypass"), channels=1)  # at one rate for all it does not matter where a bit lies
    assert base.id == replace(base, unequal=Unequal(TOP, elsewhere)).id
    uneven = {"rates": ((1e-4, 2e-4),) * 3}
    assert unequal_task(TOP, **uneven).id != replace(unequal_task(TOP, **uneven), unequal=Unequal(TOP, elsewhere)).id
    assert unequal_task(TOP, rber=0.0).id == unequal_task(None, rber=0.0).id
    with pytest.raises(InputError, match="unequal ECC"):
        unequal_task(TOP, bits=(3,))


def test_layers_and_bits_that_are_not_there_are_named(slot):
    with pytest.raises(InputError, match=r"layer 'conv9': unknown; known are 1, 3"):
        compiled(slot, Protected(layers=("conv9",)))
    with pytest.raises(InputError, match=r"bits 16, 17: words of 16 bits have bits 0"):
        compiled(slot, Protected(bits=(3, 16, 17)))
