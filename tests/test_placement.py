"""Bit planes on page types: a bijection, equal bytes, high bits where they belong, and flips at the rates of there."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ridge_network import BCH, ridge_layout, ridge_model, ridge_task
from scipy.stats import binomtest

import nvmsim
from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.trial import disturbed, draw_noise, run_trial
from nvmsim.cli import main
from nvmsim.device.layout import MODES, PageLayout, placed_layout
from nvmsim.device.memory_image import MemoryImage
from nvmsim.device.placement import EQUALLY_RELIABLE, ByPageType, plane_order
from nvmsim.device.profile import load_device
from nvmsim.device.ranking import BitPlanes
from nvmsim.device.rber import device_rates
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.sampler import rung_for
from nvmsim.study.grid.load import read_study
from nvmsim.study.scheme import parse_scheme, parse_schemes, placed
from nvmsim.zoo.network import Network

MODEL = ridge_model()
RATES = ((5e-3, 5e-3), (2e-2, 2e-2), (1e-2, 1e-2))
NO_CODE = "ecc={code: none}"
ORDER = (0, 2, 1)


@st.composite
def planes(draw):
    """Few words on small pages of up to four types."""
    types = draw(st.integers(1, 4))
    return ByPageType(
        BitPlanes(n_weights=draw(st.integers(0, 40)), width=draw(st.integers(1, 20))),
        usable_bits=draw(st.integers(1, 30)),
        round_pages=draw(st.integers(1, 5)),
        order=tuple(draw(st.permutations(range(types)))),
        first_type=draw(st.integers(0, types - 1)),
    )


def slow_planes(one):
    """List the (weight, bit) of stream bit 0, 1, 2 ... by dealing sorted bits to sorted places."""
    places = [(page, at) for page in range(one.n_bits) for at in range(one.usable_bits)][: one.n_bits]
    kind = {page: (page // one.round_pages + one.first_type) % len(one.order) for page, _ in places}
    reliable = sorted(range(one.n_bits), key=lambda s: (one.order.index(kind[places[s][0]]), s))
    logical = sorted(
        ((weight, bit) for weight in range(one.ranking.n_weights) for bit in range(one.ranking.width)),
        key=lambda x: (-x[1], x[0]),
    )
    dealt = dict(zip(reliable, logical, strict=True))
    return [dealt[s] for s in range(one.n_bits)]


@given(planes())
def test_it_is_the_bijection_that_dealing_sorted_bits_to_sorted_places_gives(one):
    weights, bits = one.weight_and_bit(np.arange(one.n_bits))
    assert list(zip(weights.tolist(), bits.tolist(), strict=True)) == slow_planes(one)
    assert one.stream_of(weights, bits).tolist() == list(range(one.n_bits))


@given(
    words=st.lists(st.integers(0, 2**20 - 1), max_size=40), width=st.integers(1, 20), order=st.permutations(range(3))
)
def test_words_come_back_from_as_many_pages_as_without(words, width, order):
    words = np.array(words, np.uint32) & np.uint32(2**width - 1)
    plain = ridge_layout(user_bytes=3, spare_bytes=0, metadata_bytes=0)
    image = MemoryImage.build(words, width=width, layout=replace(plain, plane_order=tuple(order)))
    linear = MemoryImage.build(words, width=width, layout=plain)
    assert image.read(slice(None)).tolist() == words.tolist()
    assert image.read(np.arange(len(words))[::-2]).tolist() == words[::-2].tolist()
    assert (image.pages, image.n_bits, image.buffer.size) == (linear.pages, linear.n_bits, linear.buffer.size)


@pytest.mark.parametrize("width", [5, 16, 17])
@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_a_flipped_stream_bit_is_the_one_bit_that_the_map_names(name, width):
    words = np.random.default_rng(3).integers(0, 2**width, 50).astype(np.uint32)
    layout = replace(ridge_layout("reclaim", user_bytes=5, spare_bytes=3, metadata_bytes=1), plane_order=ORDER)
    image = MemoryImage.build(words, width=width, layout=layout)
    for stream in range(0, image.n_bits, 7):
        sizes = {"word_bits": image.word_bits, "usable_bits": layout.usable_bits}
        get_backend(name).apply(image.buffer, layout.to_physical([stream]), **sizes)
        (weight,), (bit,) = image.weight_and_bit(np.array([stream]))
        changed = image.read(slice(None)) ^ words
        assert changed[weight] == 1 << bit and np.count_nonzero(changed) == 1
        assert image.weights_at([stream]).tolist() == [weight]
        get_backend(name).apply(image.buffer, layout.to_physical([stream]), **sizes)


def shares(layout, n_weights):
    """Yield each bit position and the share of it on each page type."""
    image = MemoryImage.build(np.zeros(n_weights, np.uint16), width=16, layout=layout)
    for bit in range(16):
        page = image.placement.stream_of(np.arange(n_weights), bit) // layout.usable_bits
        yield bit, np.bincount(image.placement.page_type(page), minlength=3) / n_weights


def test_the_top_third_of_the_bits_lies_on_the_best_type_and_the_bottom_third_on_the_worst():
    n = 3 * 30 * 8 * 4096 // 16  # thirty rounds of eight pages of each type: each type holds a third
    best, middle, worst = ORDER
    for bit, share in shares(replace(ridge_layout(), plane_order=ORDER), n):
        top, bottom = np.clip(16 / 3 - (15 - bit), 0, 1), np.clip(16 / 3 - bit, 0, 1)
        assert share[[best, middle, worst]] == pytest.approx([top, 1 - top - bottom, bottom], abs=1e-4)


def test_a_small_model_meets_every_type_in_about_equal_shares():
    device = load_device("tlc-2y")
    rates = device_rates(device, device.condition()).by_page_type
    found = dict(shares(placed_layout(device, "bypass", "bit-plane", rates), 329_962))
    assert np.mean(list(found.values()), axis=0) == pytest.approx([1 / 3] * 3, abs=0.1)
    assert max(found[15]) == max(found[0]) == 1


@given(st.permutations(range(4)), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.integers(1, 500))
def test_a_load_uses_equally_many_dies_of_a_channel_and_starts_where_it_meets_the_best_types(
    order, planes, channels, dies, pages
):
    sizes = {"channels": channels, "dies_per_channel": dies, "planes_per_die": planes, "page_types": 4}
    layout = replace(ridge_layout(**sizes), plane_order=tuple(order))
    used, groups = layout.stripe_groups(pages), range(-(-pages // planes))
    assert used < channels or used % channels == 0
    assert used == channels * dies or used <= max(len(groups) // 4, 1) < used + channels
    placed = ByPageType(BitPlanes(0, 1), 8, used * planes, tuple(order), layout.first_type(pages))
    types = placed.page_type(np.arange(pages))
    assert len(set(types)) == min(len(groups), 4)
    places = [sum(order.index((kind + turn) % 4) for kind in types) for turn in range(4)]
    assert min(places) == places[0]


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_file_of_fewer_pages_than_types_is_no_worse_off_than_anywhere(pages):
    device = load_device("qlc", ["geometry.planes_per_die=1"])
    rates = device_rates(device, device.condition("beyond")).by_page_type
    layout = placed_layout(device, "bypass", "bit-plane", rates)
    image = MemoryImage.build(np.zeros(pages * layout.usable_bits // 16, np.uint16), width=16, layout=layout)
    mean = np.mean([rates[kind] for kind in image.placement.page_type(np.arange(pages))])
    windows = [np.mean([rates[(start + at) % 4] for at in range(pages)]) for start in range(4)]
    assert mean == pytest.approx(min(windows))


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(MODEL))


def compiled(slot, *, backend="cpu", encoding="binary:16", order=ORDER, rates=RATES, mode="bypass", **changes):
    layout = replace(ridge_layout(mode), plane_order=order)
    rung = rung_for(max(max(pair) for pair in rates))
    task = ridge_task(encoding, layout=layout, rates=rates, rung_rber=rung, **changes)
    return CompiledTask(task, MODEL.weights, slot=slot, backend=get_backend(backend))


def flipped(task, trial):
    before = task.parts[0].image.read(slice(None))
    task.load()
    with disturbed(task, draw_noise(task, trial)):
        return before ^ task.parts[0].image.read(slice(None))


def test_where_only_the_worst_type_errs_the_high_bits_never_do_and_linear_ones_do(slot):
    rates = ((0.0, 0.0), (2e-2, 2e-2), (0.0, 0.0))
    low = np.bitwise_or.reduce(flipped(compiled(slot, rates=rates), 0))
    assert 0 < low < 2**6
    linear = [np.bitwise_or.reduce(flipped(compiled(slot, rates=rates, order=()), trial)) for trial in range(3)]
    assert max(linear) == 2**16 - 1


def test_the_top_bit_flips_at_the_best_rate_and_the_bottom_bit_at_the_worst(slot):
    rates, trials, n = ((6e-2, 6e-2), (9e-2, 9e-2), (7e-2, 7e-2)), 30, len(MODEL.weights)
    task = compiled(slot, rates=rates)
    changed = [flipped(task, trial) for trial in range(trials)]
    for bit, rate in ((15, 6e-2), (0, 9e-2)):
        count = sum(int(np.count_nonzero(one >> bit & 1)) for one in changed)
        assert binomtest(count, trials * n, rate).pvalue > 1e-6
        assert binomtest(count, trials * n, rate * 1.02).pvalue < 1e-6
        assert binomtest(count, trials * n, rate * 0.98).pvalue < 1e-6


def test_backends_agree_bit_for_bit(slot):
    one, other = (draw_noise(compiled(slot, backend=name), 5)[0].wrong for name in ("cpu", "reference"))
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("encoding", ["binary:16", "binary:16+parity-nulling-extra", "fp16+range-check"])
@pytest.mark.parametrize("mode", ["bypass", "reclaim"])
def test_a_disturbed_network_is_the_flipped_image_decoded_as_a_whole_and_undone(slot, encoding, mode):
    task = compiled(slot, encoding=encoding, mode=mode)
    task.load()
    clean, image = slot.network.flat.numpy().copy(), task.parts[0].image.buffer.copy()
    with disturbed(task, draw_noise(task, 2)) as (counts, _):
        whole = task.ranges.decode(task.encoding, task.parts[0].image.read(slice(None)))
        assert np.array_equal(whole.values, slot.network.flat.numpy(), equal_nan=True)
        assert counts.residual_flips > 1000
    assert (task.parts[0].image.buffer == image).all() and np.array_equal(
        clean, slot.network.flat.numpy(), equal_nan=True
    )


def test_ecc_corrects_bits_in_planes_too(slot):
    few = ((2e-4, 2e-4), (4e-4, 4e-4), (3e-4, 3e-4))
    counts = run_trial(compiled(slot, rates=few, mode="ecc", ecc=BCH), 0, [0]).counts
    assert counts.raw_flips > 200 and counts.residual_flips == 0


def test_layers_and_bits_are_found_in_planes(slot):
    whole, part = flipped(compiled(slot), 1), flipped(compiled(slot, bits=(3, 14)), 1)
    assert np.array_equal(part, whole & (1 << 3 | 1 << 14))


def test_the_identity_of_linear_words_does_not_know_of_planes(slot):
    linear, placed = (compiled(slot, order=order).task for order in ((), ORDER))
    assert "plane_order" not in linear.text and placed.identity["layout"]["plane_order"] == ORDER
    other = compiled(slot, order=(2, 0, 1)).task
    assert len({linear.id, placed.id, other.id}) == 3
    same = [compiled(slot, order=order, rates=((1e-3, 1e-3),) * 3).task for order in ((), ORDER)]
    assert same[0].id != same[1].id


def test_equal_rates_leave_nothing_to_choose():
    assert plane_order(((1e-3, 1e-3),) * 3) == ()
    assert plane_order(((2e-3, 0.0), (1e-3, 1e-3), (5e-4, 5e-4))) == (2, 0, 1)
    tlc = load_device("tlc")
    for mode in MODES:
        assert placed_layout(tlc, mode, "bit-plane", ((1e-3, 1e-3),) * 3) == PageLayout.of(tlc, mode)


def test_an_order_that_is_none_of_the_types_is_refused():
    with pytest.raises(InputError, match="plane_order"):
        replace(ridge_layout(), plane_order=(0, 1))


def test_names_of_placed_schemes():
    assert parse_scheme("ecc:hamming@bit-plane").encoding == "hamming:16"
    assert [one.name for one in parse_schemes(["raw", "raw@linear", "raw@bit-plane"])] == ["raw", "raw@bit-plane"]
    with pytest.raises(InputError, match="did you mean bit-plane"):
        parse_scheme("raw@bit-plan")


def test_a_run_compares_both_at_equal_bytes(tmp_path):
    names, beyond = placed(["raw"], ["linear", "bit-plane"]), {"condition": "beyond", "trials": 8, "precision": 0.5}
    device = load_device(
        "tlc-2y", ["geometry.planes_per_die=1", "page.user_bytes=1024", "page.spare_bytes=138", NO_CODE]
    )
    found = nvmsim.run(device, model=MODEL, schemes=names, workers=1, store=tmp_path / "trials.sqlite", **beyond)
    rows = {(row.scheme, row.mode): row for row in found.rows}
    linear, other = rows["raw", "bypass"], rows["raw@bit-plane", "bypass"]
    assert other.accuracy > linear.accuracy
    assert other.bandwidth_gb_s == linear.bandwidth_gb_s
    assert other.storage_bytes_per_weight == linear.storage_bytes_per_weight
    assert 0.9 * linear.loads_per_s < other.loads_per_s <= linear.loads_per_s
    assert other.rber_in == pytest.approx(linear.rber_in, rel=0.15)
    assert other.paired_with != linear.paired_with


def test_a_study_compares_both(tmp_path):
    text = "title: t\ngrid: {device: tlc, scheme: [raw, raw@bit-plane]}\n"
    assert read_study(text, name="s", label="s.yaml", folder=tmp_path).points[0].schemes == ("raw", "raw@bit-plane")


def test_commands_whose_medium_has_no_page_types_refuse_it_and_the_layout_shows_it(capsys):
    for command in ("sensitivity mnist-cnn --scheme raw@bit-plane", "robustness mnist-cnn --schemes raw@bit-plane"):
        assert main(command.split()) == 2
        assert "no page types" in capsys.readouterr().err
    assert main(["run", "tlc", "--schemes", "raw", "--placement", "bitplane"]) == 2
    assert "did you mean bit-plane" in capsys.readouterr().err
    assert main(["layout", "tlc-2y", "--scheme", "raw@bit-plane", "--format", "json"]) == 0
    top, *_, bottom = json.loads(capsys.readouterr().out)["bits"]
    assert top == {"file": "bypass", "bit": 15, "lsb": 1.0, "csb": 0.0, "msb": 0.0}
    assert (bottom["bit"], bottom["csb"]) == (0, 1.0)


def test_where_there_is_nothing_to_choose_a_run_says_so_and_leaves_no_row_undecided(tmp_path):
    store = {"trials": 8, "workers": 1, "store": tmp_path / "trials.sqlite"}
    device = load_device("slc", [NO_CODE])
    found = nvmsim.run(device, model=MODEL, schemes=["raw", "raw@bit-plane"], rber=5e-3, **store)
    modes = {row.mode: row.pareto for row in found.rows if row.scheme == "raw"}
    assert modes == {row.mode: row.pareto for row in found.rows if row.scheme == "raw@bit-plane"}
    assert modes["reclaim"] == "yes"
    assert [text for text in found.warnings if "equally reliable" in text] == [f"raw@bit-plane: {EQUALLY_RELIABLE}"]


def test_a_placement_that_is_none_is_named_with_its_option(capsys):
    assert main(["run", "tlc", "--schemes", "raw", "--placement", "linear,,bit-plan"]) == 2
    said = capsys.readouterr().err
    assert said.count("--placement: placement ") == 2 and "--schemes" not in said


def test_spaces_around_a_placement_do_not_matter():
    assert parse_scheme("raw@ bit-plane ").name == "raw@bit-plane"
