"""Chosen layers on reliable pages: a bijection, where each bit lies, flips at the rates of there, equal bytes."""

from dataclasses import replace

import numpy as np
import pytest
from example_result import rows as example_rows
from hypothesis import given
from hypothesis import strategies as st
from ridge_network import BCH, ridge_layout, ridge_model, ridge_task
from scipy.stats import binomtest

import nvmsim
from nvmsim import plugins
from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.flip_source import rates_by_class
from nvmsim.accuracy.part import first_spans
from nvmsim.accuracy.task import Task
from nvmsim.accuracy.trial import disturbed, draw_noise, run_trial
from nvmsim.accuracy.unequal import Protected, Unequal
from nvmsim.cli import main
from nvmsim.device.block_variation import BlockVariation
from nvmsim.device.every_model import StuckAt
from nvmsim.device.memory_image import MemoryImage
from nvmsim.device.page_classes import combined_classes
from nvmsim.device.parts import Retry
from nvmsim.device.placement import ByPageType
from nvmsim.device.profile import load_device
from nvmsim.device.ranking import WordsFirst
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.sampler import rung_for
from nvmsim.report.formats import apart, row_name
from nvmsim.study.grid.load import read_study
from nvmsim.study.scheme import parse_scheme, parse_schemes, placed
from nvmsim.zoo.network import Network
from nvmsim.zoo.tensors import lay_out

MODEL = ridge_model()  # layer "1" has 50,240 weights, layer "3" has 650, stored behind
N_WEIGHTS, LAST = len(MODEL.weights), sum(tensor.size for tensor in MODEL.tensors if tensor.module == "3")
NO_CODE = "ecc={code: none}"
ORDER = (2, 0, 1)
RATES = ((1e-2, 1e-2), (2e-2, 2e-2), (5e-3, 5e-3))
ALPHA = 1e-6


def spans_of(chosen):
    """Return the runs of True."""
    edges = np.flatnonzero(np.diff([0, *map(int, chosen), 0])).tolist()
    return tuple(zip(edges[::2], edges[1::2], strict=True))


@st.composite
def maps(draw):
    """Draw which of a few words are chosen, and small pages of up to four types for them."""
    chosen, types = draw(st.lists(st.booleans(), max_size=40)), draw(st.integers(1, 4))
    ranking = WordsFirst(len(chosen), draw(st.integers(1, 20)), spans_of(chosen))
    pages = {"usable_bits": draw(st.integers(1, 30)), "round_pages": draw(st.integers(1, 5))}
    start = draw(st.integers(0, types - 1))
    return chosen, ByPageType(ranking, order=tuple(draw(st.permutations(range(types)))), first_type=start, **pages)


def dealt(chosen, one):
    """List the (weight, bit) of stream bit 0, 1, 2 ... by dealing sorted words to sorted places."""
    n_bits = len(chosen) * one.ranking.width
    kinds = [(s // one.usable_bits // one.round_pages + one.first_type) % len(one.order) for s in range(n_bits)]
    reliable = sorted(range(n_bits), key=lambda s: (one.order.index(kinds[s]), s))
    words = sorted(range(len(chosen)), key=lambda weight: (not chosen[weight], weight))
    logical = [(weight, bit) for weight in words for bit in range(one.ranking.width)]
    found = dict(zip(reliable, logical, strict=True))
    return [found[s] for s in range(n_bits)], kinds


@given(maps())
def test_it_is_the_bijection_that_dealing_sorted_words_to_sorted_places_gives(drawn):
    chosen, one = drawn
    weights, bits = one.weight_and_bit(np.arange(one.n_bits))
    assert list(zip(weights.tolist(), bits.tolist(), strict=True)) == dealt(chosen, one)[0]
    assert one.stream_of(weights, bits).tolist() == list(range(one.n_bits))


@given(maps(), st.data())
def test_bits_of_a_run_of_ranks_are_counted_by_page_type(drawn, data):
    chosen, one = drawn
    (where, kinds), n_bits = dealt(chosen, one), one.n_bits
    rank = data.draw(st.integers(0, n_bits))
    count = data.draw(st.integers(0, n_bits - rank))
    ranks = [int(one.ranking.rank_of(weight, bit)) for weight, bit in where]
    inside = [kind for kind, at in zip(kinds, ranks, strict=True) if rank <= at < rank + count]
    assert one.held(rank=rank, count=count).tolist() == [inside.count(kind) for kind in range(len(one.order))]


@given(words=st.lists(st.tuples(st.integers(0, 2**32 - 1), st.booleans()), max_size=40), width=st.integers(1, 32))
def test_words_come_back_from_as_many_pages_as_without(words, width):
    values = np.array([word for word, _ in words], np.uint32) & np.uint32(2**width - 1)
    plain = ridge_layout(user_bytes=3, spare_bytes=0, metadata_bytes=0)
    how = {"width": width, "first": spans_of([first for _, first in words])}
    image = MemoryImage.build(values, layout=replace(plain, plane_order=ORDER), **how)
    linear = MemoryImage.build(values, width=width, layout=plain)
    assert image.read(slice(None)).tolist() == values.tolist()
    assert image.read(np.arange(len(words))[::-2]).tolist() == values[::-2].tolist()
    assert (image.pages, image.n_bits, image.buffer.size) == (linear.pages, linear.n_bits, linear.buffer.size)


@pytest.mark.parametrize("width", [5, 16, 17])
@pytest.mark.parametrize("name", ["reference", "cpu", "shim"])
def test_a_flipped_stream_bit_is_the_one_bit_that_dealing_names(name, width):
    chosen = [17 <= weight < 30 or weight > 44 for weight in range(50)]
    words = np.random.default_rng(3).integers(0, 2**width, 50).astype(np.uint32)
    layout = replace(ridge_layout("reclaim", user_bytes=5, spare_bytes=3, metadata_bytes=1), plane_order=ORDER)
    image = MemoryImage.build(words, width=width, layout=layout, first=spans_of(chosen))
    where, _ = dealt(chosen, image.placement)
    sizes = {"word_bits": image.word_bits, "usable_bits": layout.usable_bits}
    for stream in range(0, image.n_bits, 7):
        get_backend(name).apply(image.buffer, layout.to_physical([stream]), **sizes)
        changed = image.read(slice(None)) ^ words
        weight, bit = where[stream]
        assert changed[weight] == 1 << bit and np.count_nonzero(changed) == 1
        assert image.weights_at([stream]).tolist() == [weight]
        get_backend(name).apply(image.buffer, layout.to_physical([stream]), **sizes)


def test_layers_are_found_among_the_weights_of_a_file():
    tensors = lay_out([("a.weight", (4,)), ("b.weight", (2, 3)), ("b.bias", (3,)), ("c.weight", (1,))])
    assert first_spans(tensors, ["c", "a"]) == ((0, 4), (13, 14))
    assert first_spans([tensor for tensor in tensors if tensor.module != "b"], ["c"]) == ((4, 5),)
    assert first_spans(tensors, []) == ()


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(MODEL))


def task_of(*, encoding="binary:16", first=("3",), order=ORDER, rates=RATES, mode="bypass", **changes) -> Task:
    layout = replace(ridge_layout(mode, **changes.pop("page", {})), plane_order=order)
    factors = combined_classes(changes.get("page_sigma", 0.0), changes.get("blocks")).factors
    rung = rung_for(float(rates_by_class(rates, factors).max()))
    return ridge_task(encoding, layout=layout, rates=rates, rung_rber=rung, first_layers=first, **changes)


def compiled(slot, *, backend="cpu", **changes):
    return CompiledTask(task_of(**changes), MODEL.weights, slot=slot, backend=get_backend(backend))


def flipped(task, trial):
    before = task.read_all()
    task.load()
    with disturbed(task, draw_noise(task, trial)):
        return before ^ task.read_all()


WRAPPED = ("", "+parity-nulling", "+parity-nulling-extra", "+range-check")


@pytest.mark.parametrize("encoding", [f"{name}{more}" for name in plugins.names("encoding") for more in WRAPPED])
def test_every_encoding_is_written_and_read_back(slot, encoding):
    linear, task = (
        compiled(slot, encoding=encoding, first=first, order=order) for first, order in (((), ()), (("3",), ORDER))
    )
    assert np.array_equal(task.read_all(), linear.read_all())
    some = np.array([0, 50_239, 50_240, 50_889])
    assert np.array_equal(task.read(some), linear.read_all()[some])
    assert not np.array_equal(task.parts[0].image.buffer, linear.parts[0].image.buffer)


def worst_words(task):
    """Return the words all of whose bits lie on pages of the worst type, by dealing pages out one by one."""
    layout, pages = task.task.layout, task.parts[0].image.pages
    groups = task.parts[0].image.stripe_groups * layout.planes_per_die
    on_type = {kind: [page for page in range(pages) if page // groups % 3 == kind] for kind in range(3)}
    worst = (len(on_type[ORDER[2]]) - 1) * layout.usable_bits // 16  # less one page, as the last is not full
    return np.arange(N_WEIGHTS - LAST - worst + 1, N_WEIGHTS - LAST)


def test_flips_of_a_layer_come_at_the_rate_of_its_page_type(slot):
    """The named layer lies on the best type, and the end of the other on the worst; 2 % off either is seen."""
    task, trials = compiled(slot, rates=((2.2e-1, 2.2e-1), (2.45e-1, 2.45e-1), (2e-1, 2e-1))), 80
    changed = [flipped(task, trial) for trial in range(trials)]
    named, worst = np.arange(N_WEIGHTS - LAST, N_WEIGHTS), worst_words(task)
    assert 2_000 < len(worst) < N_WEIGHTS / 3
    for words, rate in ((named, 2e-1), (worst, 2.45e-1)):
        count = sum(int(np.bitwise_count(one[words]).sum()) for one in changed)
        assert binomtest(count, 16 * trials * len(words), rate).pvalue > ALPHA
        for off in (1.02, 0.98):
            assert binomtest(count, 16 * trials * len(words), off * rate).pvalue < ALPHA


def test_where_only_the_best_type_is_free_of_errors_the_named_layer_is_too_and_linear_it_is_not(slot):
    rates = ((2e-2, 2e-2), (3e-2, 3e-2), (0.0, 0.0))
    for trial in range(3):
        assert not flipped(compiled(slot, rates=rates), trial)[-LAST:].any()
    assert any(flipped(compiled(slot, rates=rates, first=(), order=()), trial)[-LAST:].any() for trial in range(3))


THREE = BlockVariation(sigma=0.5, layer_factors=(1.6, 1.0, 0.4), pages_per_block=9, word_lines=3)
RETRIED = replace(BCH, retry=Retry(2, 0.7))
BESIDE = {
    "nothing": {},
    "reclaim": {"mode": "reclaim"},
    "pages": {"page_sigma": 0.5},
    "blocks": {"blocks": THREE, "page_sigma": 0.3},
    "fresh reads": {"per_read_fraction": 0.5},
    "ECC, retries": {"mode": "ecc", "ecc": RETRIED, "rates": ((1.5e-2, 1.5e-2), (2e-2, 2e-2), (8e-3, 8e-3))},
    "a small model": {"page": {"user_bytes": 16384, "spare_bytes": 2208}},
}


@pytest.mark.parametrize("changes", BESIDE.values(), ids=BESIDE)
def test_the_pages_that_err_are_those_of_bit_planes(slot, changes):
    """Where rates do not depend on what is stored, the same addresses flip: other bits lie there, on equal pages."""
    layers, planes = (compiled(slot, first=first, **changes) for first in (("3",), ()))
    for trial in (0, 4):
        one, other = (draw_noise(task, trial)[0] for task in (layers, planes))
        assert one.wrong.size > 100 and np.array_equal(one.wrong, other.wrong)
        assert (one.raw_flips, one.failed_codewords) == (other.raw_flips, other.failed_codewords)
        assert not np.array_equal(flipped(layers, trial), flipped(planes, trial))


@pytest.mark.parametrize("backend", ["reference", "shim"])
def test_backends_agree_bit_for_bit(slot, backend):
    """Rates by the stored bit, so that the written image counts too."""
    rates = ((4e-3, 6e-3), (6e-3, 9e-3), (1e-3, 3e-3))
    how = {"mode": "ecc", "ecc": RETRIED, "stuck": StuckAt(1e-3, 0.4), "per_read_fraction": 0.5, "blocks": THREE}
    how |= {"encoding": "binary:16+parity-nulling-extra", "rates": rates}
    one, other = (draw_noise(compiled(slot, backend=name, **how), 5, 1)[0].wrong for name in ("cpu", backend))
    assert one.size and one.tolist() == other.tolist()


@pytest.mark.parametrize("encoding", ["binary:16", "hamming:16+parity-nulling-extra", "fp16+range-check", "binary:5"])
@pytest.mark.parametrize("more", [{}, {"mode": "reclaim"}, {"stuck": StuckAt(1e-3, 0.4), "page_sigma": 0.4}])
def test_a_disturbed_network_is_the_flipped_image_decoded_as_a_whole_and_undone(slot, encoding, more):
    task = compiled(slot, encoding=encoding, **more)
    task.load()
    clean, image = slot.network.flat.numpy().copy(), task.parts[0].image.buffer.copy()
    with disturbed(task, draw_noise(task, 2)) as (counts, _):
        whole = task.ranges.decode(task.encoding, task.read_all())
        assert np.array_equal(whole.values, slot.network.flat.numpy(), equal_nan=True)
        assert counts.residual_flips > 1000
    assert (task.parts[0].image.buffer == image).all()
    assert np.array_equal(clean, slot.network.flat.numpy(), equal_nan=True)


def test_ecc_corrects_what_it_can(slot):
    few = ((3e-4, 3e-4), (4e-4, 4e-4), (2e-4, 2e-4))
    counts = run_trial(compiled(slot, rates=few, mode="ecc", ecc=BCH), 0, [0]).counts
    assert counts.raw_flips > 200 and counts.residual_flips == 0


def test_errors_meet_chosen_layers_and_bits_alone(slot):
    whole, part = flipped(compiled(slot), 1), flipped(compiled(slot, layers=("3",), bits=(3, 14)), 1)
    assert whole[:-LAST].any() and not part[:-LAST].any()
    assert np.array_equal(part[-LAST:], whole[-LAST:] & (1 << 3 | 1 << 14)) and part.any()


def test_with_ecc_in_part_each_file_has_its_own_map(slot):
    bare = Unequal(Protected(bits=(15, 14, 13, 12)), replace(ridge_layout(), plane_order=ORDER))
    rates = ((1e-2, 1e-2), (1e-2, 1e-2), (0.0, 0.0))
    task = compiled(slot, mode="ecc", ecc=BCH, rates=rates, unequal=bare, encoding="binary:16+parity-nulling-extra")
    assert [part.image.placement.ranking.width for part in task.parts] == [4, 13]
    words = flipped(task, 1)
    assert words.any() and not words[-LAST:].any()
    clean = compiled(slot, order=(), encoding="binary:16+parity-nulling-extra")
    assert np.array_equal(task.read_all(), clean.read_all())


def test_the_id_holds_the_choice_and_not_how_it_was_written():
    base, wide = task_of(first=("3", "1")), task_of(first=())
    assert base.id == task_of(first=("1", "3", "3")).id
    assert len({base.id, wide.id, task_of(first=("3",)).id, task_of(order=()).id}) == 4
    assert "first_layers" not in wide.text and "first_layers" not in task_of(order=()).text
    assert task_of(order=()).id == task_of(first=(), order=()).id
    assert task_of(rates=((0.0, 0.0),) * 3).id == task_of(rates=((0.0, 0.0),) * 3, first=()).id


def test_a_layer_that_is_not_there_is_named(slot):
    with pytest.raises(InputError, match="layer '4': unknown; known are 1, 3"):
        compiled(slot, first=("4",))


def test_names_of_schemes():
    scheme = parse_scheme("hamming+nulling-extra@layers=fc6+conv1+fc6")
    assert (scheme.name, scheme.first_layers) == ("hamming+nulling-extra@layers=conv1+fc6", ("conv1", "fc6"))
    assert make_encoding(scheme.encoding).width == 17
    assert parse_scheme("ecc/layers=b+a@layers=d+c").name == "ecc/layers=a+b@layers=c+d"
    assert len(parse_schemes(["raw@layers=a+b", "raw@layers=b+a", "raw"])) == 2
    assert placed(["raw"], ["linear", "layers=conv1+fc6"]) == ["raw@linear", "raw@layers=conv1+fc6"]
    assert parse_scheme("raw@bit-plane").first_layers == parse_scheme("raw").first_layers == ()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("raw@layers", "'layers': must be layers=... such as layers=conv1"),
        ("raw@layers=", "must be layers=... such as"),
        ("raw@layers=conv1+", "must be layers=... such as"),
        ("raw@layer=conv1", "'layer=conv1': unknown, did you mean layers=...?"),
        ("raw@bits=15", "unknown; known are linear, bit-plane, layers=..."),
        ("raw@bit-plane=conv1", "unknown, did you mean bit-plane"),
        ("raw@layers=conv1@bit-plane", "one placement alone"),
        ("ecc@layers=conv1/bits=15", "must be last"),
    ],
)
def test_a_placement_that_is_none_is_refused(name, problem):
    with pytest.raises(InputError, match=problem.replace("?", r"\?")):
        parse_scheme(name)


TENSORS = lay_out([("conv1.weight", (4,)), ("conv1.bias", (1,)), ("fc5.weight", (8,)), ("fc6.weight", (2,))])


def problems_of(*names):
    try:
        parse_schemes(names, network="net", tensors=TENSORS)
    except InputError as error:
        return list(error.problems)
    return []


def test_all_problems_of_layers_are_told_at_once():
    found = problems_of("raw@layers=conv2+fc9", "ecc/layers=fc7@layers=fc7", "raw@layers=conv1")
    assert len(found) == 3
    assert found[0].startswith("--schemes: 'raw@layers=conv2+fc9': net: layer 'conv2': unknown, did you mean conv1")
    assert "'fc9': unknown, did you mean fc" in found[1] and "'fc7'" in found[2]


def test_naming_what_chooses_nothing_is_refused():
    (every,) = problems_of("raw@layers=conv1+fc5+fc6")
    assert "all layers, so that none lies on better pages than another; name fewer, or leave it out" in every
    for name in ("ecc/layers=conv1@layers=conv1", "ecc/layers=conv1@layers=fc5+fc6"):
        (files,) = problems_of(name)
        assert "in neither file a layer is named beside one that is not" in files
    fine = ("raw@layers=fc5+fc6", "ecc/layers=conv1+fc5@layers=conv1", "ecc/layers=fc5@layers=conv1")
    assert problems_of(*fine, "ecc/bits=15-12@layers=conv1") == []
    assert "all layers" in problems_of("ecc/bits=15-12@layers=conv1+fc5+fc6")[0]


def test_a_run_compares_all_three_at_equal_bytes_and_reads_as_fast_as_planes(tmp_path):
    names = placed(["raw", "gray"], ["linear", "bit-plane", "layers=3"])
    device = load_device(
        "tlc-2y", ["geometry.planes_per_die=1", "page.user_bytes=1024", "page.spare_bytes=138", NO_CODE]
    )
    effort = {"condition": "beyond", "trials": 8, "precision": 0.5, "workers": 1}
    found = nvmsim.run(device, model=MODEL, schemes=names, store=tmp_path / "trials.sqlite", **effort)
    linear, planes, layers, other = (
        next(row for row in found.rows if (row.scheme, row.mode) == (name, "bypass"))
        for name in ("raw", "raw@bit-plane", "raw@layers=3", "gray@layers=3")
    )
    speed = ("load_us", "bandwidth_gb_s", "speedup", "page_read_us", "bottleneck", "storage_bytes_per_weight")
    assert [getattr(layers, key) for key in speed] == [getattr(planes, key) for key in speed]
    assert layers.storage_bytes_per_weight == linear.storage_bytes_per_weight
    assert layers.rber_in == pytest.approx(linear.rber_in, rel=0.15)
    assert len({row.paired_with for row in (linear, planes, layers)}) == 3
    assert layers.paired_with == other.paired_with == "1024 bytes a page, 16-bit words, 3 first in 16-bit words"


def test_equal_rates_leave_nothing_to_choose(tmp_path):
    effort = {"rber": 1e-3, "trials": 1, "workers": 1, "store": tmp_path / "trials.sqlite"}
    result = nvmsim.run("tlc", model=MODEL, schemes=["raw", "raw@layers=3"], **effort)
    assert len({row.task_id for row in result.rows}) == 2  # bypass and reclaim
    assert len({(row.load_us, row.paired_with) for row in result.rows}) == 2


def test_a_study_compares_them(tmp_path):
    text = "title: t\ngrid: {device: tlc, scheme: [raw, raw@layers=fc6+conv1]}\n"
    found = read_study(text, name="s", label="s.yaml", folder=tmp_path).points[0].schemes
    assert found == ("raw", "raw@layers=conv1+fc6")


def test_commands_say_what_is_wrong(capsys):
    for command in ("sensitivity mnist-cnn --scheme raw@layers=fc6", "robustness mnist-cnn --schemes raw@layers=fc6"):
        assert main(command.split()) == 2
        assert "no page types to choose; leave out @..." in capsys.readouterr().err
    assert main(["run", "tlc", "--schemes", "raw", "--placement", "linear,layers=fc6+conv9"]) == 2
    assert "'raw@layers=fc6+conv9': mnist-cnn: layer 'conv9': unknown, did you mean conv" in capsys.readouterr().err
    assert main(["layout", "tlc", "--scheme", "raw@layers=conv9"]) == 2
    assert "--scheme: 'raw@layers=conv9': layer 'conv9': unknown, did you mean conv4" in capsys.readouterr().err


def test_a_long_name_in_a_figure_keeps_its_mode():
    row = replace(example_rows()[1], scheme="raw@layers=conv1+fc6", mode="bypass")
    assert row_name(row) == "raw@layers=conv1+fc6 (bypass)"
    labels = apart([row_name(row), row_name(replace(row, mode="reclaim"))], limit=20)
    assert [label[-5:] for label in labels.values()] == ["pass)", "laim)"]
