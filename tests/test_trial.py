"""One trial: the same flips as named, correction, decoding and undoing, against brute force over the whole image."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from ridge_network import BCH, ridge_layout, ridge_model, ridge_task
from scipy.stats import binomtest

from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.ranges import Ranges
from nvmsim.accuracy.trial import disturbed, draw_noise, run_trial
from nvmsim.device.ecc import make_ecc
from nvmsim.device.parts import Retry
from nvmsim.encoding.base import Range
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend, image_order, trial_offset
from nvmsim.zoo.network import Network

SPECS = ("binary:16", "binary:12", "binary:16+parity-nulling-extra", "hamming:16+parity-nulling", "fp16+range-check")


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(ridge_model()))


def compiled(slot, encoding="binary:16", **changes):
    return CompiledTask(ridge_task(encoding, **changes), ridge_model().weights, slot=slot, backend=get_backend("cpu"))


def state(task):
    return task.parts[0].image.buffer.copy(), task.slot.network.flat.numpy().copy()


@pytest.mark.parametrize("mode", ["bypass", "reclaim"])
@pytest.mark.parametrize("scope", ["global", "layer", "tensor"])
@pytest.mark.parametrize("spec", SPECS)
def test_a_disturbed_network_is_the_flipped_image_decoded_as_a_whole(slot, spec, scope, mode):
    task = compiled(slot, spec, rber=5e-3, range_scope=scope, mode=mode)
    task.load()
    written = task.parts[0].image.read(slice(None))
    noises = draw_noise(task, 4)
    with disturbed(task, noises) as (counts, _):
        words = task.parts[0].image.read(slice(None))
        whole = task.ranges.decode(task.encoding, words)
        assert np.array_equal(whole.values, slot.network.flat.numpy(), equal_nan=True)
        assert counts.nulled == np.count_nonzero(whole.nulled)
        assert counts.residual_flips == np.bitwise_count(words ^ written).sum() > 1000
        assert counts.data_bits == task.parts[0].image.n_bits == len(words) * make_encoding(spec).width


@pytest.mark.parametrize("spec", SPECS)
def test_undo_restores_every_bit_even_after_an_error(slot, spec):
    task = compiled(slot, spec, rber=1e-2)
    task.load()
    image, weights = state(task)
    with pytest.raises(ZeroDivisionError), disturbed(task, draw_noise(task, 0)):
        assert not np.array_equal(image, task.parts[0].image.buffer)
        raise ZeroDivisionError
    run_trial(task, 1, [0])
    for before, after in zip((image, weights), state(task), strict=True):
        assert before.tobytes() == after.tobytes()


def test_a_trial_does_not_depend_on_what_ran_before(slot):
    first, second = compiled(slot, rber=4e-3), compiled(slot, "hamming:16", rber=4e-3)
    alone = [run_trial(first, trial, [0, 1]) for trial in range(3)]
    mixed = []
    for trial in (2, 0, 1):
        run_trial(second, trial, [1])
        mixed.append(run_trial(first, trial, [1, 0]))
    for one in alone:
        other = next(trial for trial in mixed if trial.trial == one.trial)
        assert one.counts == other.counts
        assert {block: count.correct for block, count in one.blocks.items()} == {
            block: count.correct for block, count in other.blocks.items()
        }


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_raw_flips_have_the_stated_rate_and_the_test_would_see_2_percent(slot, backend):
    rber, trials = 4e-3, 40
    task = CompiledTask(ridge_task(rber=rber), ridge_model().weights, slot=slot, backend=get_backend(backend))
    flips = sum(draw_noise(task, trial)[0].raw_flips for trial in range(trials))
    bits = trials * task.parts[0].image.pages * task.task.layout.read_bits
    assert binomtest(flips, bits, rber).pvalue > 1e-6
    assert binomtest(flips, bits, rber * 1.02).pvalue < 1e-6


def test_every_page_has_the_rate_of_its_type_in_that_trial(slot):
    rates = (1e-3, 4e-3, 2e-3)
    task = compiled(slot, rates=tuple((rate, rate) for rate in rates), rung_rber=5e-3)
    layout, pages, trials = task.task.layout, np.arange(task.parts[0].image.pages), range(60)
    flips, bits, offsets = np.zeros(3, int), np.zeros(3, int), set()
    for trial in trials:
        offset = trial_offset(task.task.seed, trial, 3)
        types = layout.page_type(pages, offset)
        hit = types[draw_noise(task, trial)[0].wrong >> np.uint64(32)]
        flips += np.bincount(hit, minlength=3)
        bits += np.bincount(types, minlength=3) * layout.page_bits
        offsets.add(offset)
    assert offsets == {0, 1, 2}
    for seen, of, rate in zip(flips.tolist(), bits.tolist(), rates, strict=True):
        assert binomtest(seen, of, rate).pvalue > 1e-6


def test_ecc_leaves_errors_only_where_a_codeword_failed(slot):
    task = compiled(slot, rber=3e-3, mode="ecc", ecc=BCH)
    trials = [run_trial(task, trial, [0]) for trial in range(60)]
    failed = [trial for trial in trials if trial.counts.failed_codewords]
    assert 0 < len(failed) < len(trials)
    for trial in trials:
        counts = trial.counts
        assert counts.raw_flips > 1000
        # A codeword that fails has more than t wrong bits; those among its data remain.
        most = counts.failed_codewords * 8 * (BCH.codeword_bytes + BCH.parity_bytes)
        assert counts.residual_flips <= most
        assert (counts.residual_flips > 0) <= (counts.failed_codewords > 0)


def test_the_change_bound_holds_and_is_close(slot):
    task = compiled(slot, rber=3e-3, mode="ecc", ecc=BCH)
    changed = sum(draw_noise(task, trial)[0].failed_codewords > 0 for trial in range(300))
    assert binomtest(changed, 300, task.facts.change_bound).pvalue > 1e-6
    assert compiled(slot, rber=0.0).facts.change_bound == 0
    assert compiled(slot, rber=4e-3).facts.change_bound == 1
    few = compiled(slot, rber=1e-8).facts.change_bound
    assert few == pytest.approx(1 - (1 - 1e-8) ** (50_890 * 16), rel=1e-6)


def test_a_retry_that_always_helps_leaves_nothing(slot):
    helped = replace(BCH, retry=replace(BCH.retry, max=1, rber_factor=0.01))
    trials = range(40)
    once, again = (compiled(slot, rber=4e-3, mode="ecc", ecc=spec) for spec in (BCH, helped))
    assert sum(draw_noise(once, trial)[0].failed_codewords for trial in trials) > 10
    assert sum(draw_noise(again, trial)[0].failed_codewords for trial in trials) == 0
    assert once.facts.change_bound > 0.5  # of a first read; where another one mends it, miscorrections alone are left
    codewords = again.parts[0].image.pages * again.task.layout.user_bytes // BCH.codeword_bytes
    silent = make_ecc(BCH).silent_uber(4e-3) * 8 * BCH.codeword_bytes * codewords
    assert silent < again.facts.change_bound < 2.2 * silent < 0.1


def test_miscorrections_stay_whatever_the_retries_mend(slot):
    """A code for single errors takes half of its double ones for others, and nobody asks for another read."""
    weak = replace(BCH, t=1, parity_bytes=2, retry=Retry(3, 0.01))
    task = compiled(slot, rber=1e-4, mode="ecc", ecc=weak)
    noises = [draw_noise(task, trial)[0] for trial in range(40)]
    drawn = [set(draw_noise(compiled(slot, rber=1e-4), trial)[0].wrong.tolist()) for trial in range(40)]
    changed = sum(noise.failed_codewords > 0 for noise in noises)
    assert changed > 10 and task.facts.change_bound >= changed / 40
    assert any(set(noise.wrong.tolist()) - bits for noise, bits in zip(noises, drawn, strict=True))


def test_the_decoder_is_named_only_where_it_is_not_as_before(slot):
    def identity(**changes):
        return json.loads(ridge_task(mode="ecc", ecc=replace(BCH, **changes)).text)["ecc"]

    def named(**changes):
        return identity(**changes).get("decoder")

    assert named() == "bch 1"
    assert named(parity_bytes=8) is None  # known by t alone: m t is 70
    assert named(t=0, parity_bytes=0) is None
    assert named(t=0, parity_bytes=2) == "bch 1"  # without strength parity may be wrong
    assert named(code="none", t=None) is None
    assert set(identity()) - {"decoder"} == {
        *("code", "codeword_bytes", "parity_bytes", "t", "limit_rber", "waterfall_decades", "uber_target", "retry")
    }
    small = {"code": "ldpc-table", "t": None, "codeword_bytes": 36, "parity_bytes": 12, "table": "qc-36-12"}
    assert named(**small).startswith("table ") and named(**small, input="soft") != named(**small)
    assert identity(**small)["table"] == "qc-36-12"


def test_schemes_with_equal_bit_addresses_see_the_same_flips(slot):
    binary, hamming = compiled(slot, rber=4e-3), compiled(slot, "hamming:16+parity-nulling", rber=4e-3)
    assert np.array_equal(draw_noise(binary, 7)[0].wrong, draw_noise(hamming, 7)[0].wrong)
    assert not np.array_equal(draw_noise(binary, 7)[0].wrong, draw_noise(binary, 8)[0].wrong)


def test_where_nothing_changes_the_clean_counts_stand(slot, monkeypatch):
    task = compiled(slot, rber=1e-4, mode="ecc", ecc=BCH)
    first = run_trial(task, 0, [0, 1])
    assert first.counts.residual_flips == 0 < first.counts.raw_flips
    task.load()
    assert first.blocks[1].correct == slot.network.correct(1, image_order(3, 2000))
    monkeypatch.setattr(slot.network, "correct", lambda *_: pytest.fail("counted again"))
    assert run_trial(task, 1, [0, 1]).blocks[1].correct == first.blocks[1].correct


def test_the_baseline_is_the_network_itself(slot):
    task = CompiledTask(ridge_task().baseline, ridge_model().weights, slot=slot, backend=get_backend("cpu"))
    trial = run_trial(task, 0, range(4))
    fresh, order = Network(ridge_model()), image_order(3, 2000)
    assert [trial.blocks[block].correct for block in range(4)] == [fresh.correct(block, order) for block in range(4)]
    assert trial.facts.change_bound == 0


def test_a_range_is_that_of_its_scope():
    model = ridge_model()
    for scope in ("global", "layer", "tensor"):
        ranges = Ranges.of(model.weights, model.tensors, scope=scope)
        for tensor in model.tensors:
            mates = [
                model.weights[other.start : other.start + other.size]
                for other in model.tensors
                if scope == "global" or getattr(other, "module" if scope == "layer" else "name")
                == getattr(tensor, "module" if scope == "layer" else "name")
            ]  # fmt: skip
            found = ranges.spans[np.searchsorted(ranges.stops, tensor.start, side="right")]
            assert found == Range.of(np.concatenate(mates))


def test_an_unknown_range_scope_is_refused(slot):
    with pytest.raises(InputError, match="range scope 'column': must be one of global, layer, tensor"):
        compiled(slot, range_scope="column")


SAME = {
    "the label": {"model": "another name"},
    "the decoder's speed": {"mode": "ecc", "ecc": replace(BCH, engines=9, decode_latency_us=5.0)},
    "the page map at equal rates": {"layout": ridge_layout(channels=8, page_types=2, scrambler=False)},
    "a specification's spelling": {"encoding": "binary"},
}
OTHER = {
    "the seed": {"seed": 8},
    "the order of images": {"order_seed": 4},
    "the rung": {"rung_rber": 2e-3},
    "the rate": {"rber": 2e-3},
    "the scope": {"range_scope": "layer"},
    "the encoding": {"encoding": "hamming:16"},
    "the mode": {"mode": "reclaim"},
    "correction": {"mode": "ecc", "ecc": BCH},
    "the weights": {"weights_sha256": "0"},
    "the images": {"data_sha256": "0"},
    "the sampler": {"sampler_version": 99},
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_the_id_ignores(change):
    plain = ridge_task(**({"mode": "ecc", "ecc": BCH} if "ecc" in change else {}))
    assert replace(plain, **_fields(change)).id == plain.id


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_the_id_depends_on(change):
    assert replace(ridge_task(), **_fields(change)).id != ridge_task().id


def _fields(change):
    fields = {key: value for key, value in change.items() if key not in ("mode", "rber")}
    if "mode" in change:
        fields["layout"] = ridge_layout(change["mode"])
    if "rber" in change:
        fields["rates"] = ((change["rber"],) * 2,) * 3
    return fields


def test_where_rates_differ_the_page_map_matters():
    uneven = ridge_task(rates=((1e-3, 1e-3), (2e-3, 2e-3), (1e-3, 1e-3)))
    assert replace(uneven, layout=ridge_layout(channels=8)).id != uneven.id


def test_without_noise_nothing_of_the_noise_is_in_the_id():
    quiet = ridge_task(rber=0.0)
    assert replace(quiet, seed=9, layout=ridge_layout("reclaim")).id == quiet.id
    assert quiet.baseline.id == ridge_task("hamming:16", rber=3e-3, seed=5).baseline.id


def test_the_id_is_the_sha256_of_canonical_text():
    task = ridge_task()
    assert hashlib.sha256(task.text.encode()).hexdigest() == task.id
    assert json.dumps(json.loads(task.text), sort_keys=True, separators=(",", ":")) == task.text
