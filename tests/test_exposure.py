"""Errors in chosen layers and bit positions alone: exactly those flips of the whole network's, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ridge_network import ridge_layout, ridge_model, ridge_task
from scipy.stats import binomtest

from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.trial import disturbed, draw_noise, run_trial
from nvmsim.device.memory_image import MemoryImage
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.zoo.network import Network

MODEL = ridge_model()
LAYERS = tuple(dict.fromkeys(tensor.module for tensor in MODEL.tensors))


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(MODEL))


def compiled(slot, encoding="binary:16", **changes):
    return CompiledTask(ridge_task(encoding, **changes), MODEL.weights, slot=slot, backend=get_backend("cpu"))


def flipped(task, trial=3):
    before = task.parts[0].image.read(slice(None))
    task.load()
    with disturbed(task, draw_noise(task, trial)) as (counts, _):
        return before ^ task.parts[0].image.read(slice(None)), counts


def of_layer(name):
    mask = np.zeros(len(MODEL.weights), bool)
    for tensor in MODEL.tensors:
        mask[tensor.start : tensor.start + tensor.size] |= tensor.module == name
    return mask


@pytest.mark.parametrize("encoding", ["binary:16", "binary:16+parity-nulling-extra"])
def test_layers_and_bits_select_among_the_flips_of_the_whole_network(slot, encoding):
    whole, _ = flipped(compiled(slot, encoding, rber=2e-2))
    for layer in LAYERS:
        part, counts = flipped(compiled(slot, encoding, rber=2e-2, layers=(layer,), bits=(0, 13)))
        assert np.array_equal(part, np.where(of_layer(layer), whole & (1 | 1 << 13), 0))
        assert counts.residual_flips == counts.raw_flips == np.bitwise_count(part).sum() > 0
        assert counts.data_bits == counts.raw_bits == 2 * of_layer(layer).sum()


def test_layers_together_are_the_whole(slot):
    whole = compiled(slot, rber=1e-2)
    named = compiled(slot, rber=1e-2, layers=LAYERS, bits=tuple(range(16)))
    assert np.array_equal(flipped(whole)[0], flipped(named)[0])
    assert whole.task.id != named.task.id


def test_rates_within_a_layer_are_exact(slot):
    task = compiled(slot, rber=1e-2, layers=LAYERS[:1])
    flips = sum(flipped(task, trial)[1].residual_flips for trial in range(40))
    bits = 40 * task.parts[0].exposure.n_bits
    assert binomtest(flips, bits, 1e-2).pvalue > 1e-6
    assert binomtest(flips, bits, 1.2e-2).pvalue < 1e-6


def test_order_and_repeats_in_a_choice_do_not_make_another_task():
    one = ridge_task("binary:16", rber=1e-2, layers=LAYERS, bits=(3, 1))
    assert one.id == ridge_task("binary:16", rber=1e-2, layers=(*LAYERS[::-1], LAYERS[0]), bits=(1, 3)).id
    assert one.id != ridge_task("binary:16", rber=1e-2, layers=LAYERS, bits=(1,)).id


def test_unknown_layers_and_bits_are_named(slot):
    with pytest.raises(InputError, match=r"layer 'conv9'.*\n.*bit 16"):
        compiled(slot, rber=1e-2, layers=("conv9",), bits=(16,))


def test_trials_run_and_leave_no_trace(slot):
    task = compiled(slot, rber=0.2, layers=LAYERS[-1:])
    image = task.parts[0].image.buffer.copy()
    assert run_trial(task, 0, [0]).counts.raw_flips > 0
    assert np.array_equal(image, task.parts[0].image.buffer)
    assert np.array_equal(slot.network.flat.numpy(), task.clean)


@given(st.integers(1, 20), st.integers(1, 24))
def test_weight_and_bit_tile_the_stream(n_weights, width):
    image = MemoryImage.build(np.zeros(n_weights, np.uint32), width=width, layout=ridge_layout("bypass"))
    weight, bit = image.weight_and_bit(np.arange(image.n_bits))
    assert sorted(zip(weight, bit, strict=True)) == [(w, b) for w in range(n_weights) for b in range(width)]
