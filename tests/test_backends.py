"""All backends equal the reference bit for bit; the reference equals a sampler in plain integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.cpu import cell_spans
from nvmsim.inject.philox import philox4x32
from nvmsim.inject.sampler import flip_tables
from nvmsim.inject.shim import ShimBackend
from nvmsim.inject.target import FlipTarget

REFERENCE = get_backend("reference")
BACKENDS = {"cpu": get_backend("cpu"), "shim": get_backend("shim"), "grid": ShimBackend(grid=(3, 5))}


def _cuda():
    try:
        return get_backend("cuda")
    except InputError:
        return None


# --- the reference, by hand -----------------------------------------------------------------------------------


def _block(draw, cell, trial, stream, seed):
    lanes = [int(v) for v in philox4x32([draw, cell, trial, stream], [seed & 0xFFFFFFFF, seed >> 32])]
    return lanes[0] | lanes[1] << 32, lanes[2] | lanes[3] << 32


def _stored(target, page, bit):
    stream = page * target.usable_bits + bit
    word = stream // target.word_bits
    data = 0
    if bit < target.usable_bits and word < target.buffer.size:
        data = int(target.buffer[word]) >> stream % target.word_bits & 1
    if not target.scrambler:
        return data
    return data ^ int(philox4x32([bit // 128, page, 0, 1], [0, 0])[bit // 32 % 4]) >> bit % 32 & 1


def _keeps(tables, target, page, bit, mark, offset):
    turn = page // target.planes_per_die // (target.channels * target.dies_per_channel)
    limit = int(tables.keep[(turn + offset) % target.page_types, _stored(target, page, bit)])
    return mark < limit or limit == 2**64 - 1


def _by_hand(tables, target, seed, trial, offset):
    found, size = [], tables.cell_pages * tables.page_bits
    for cell in range(-(-target.pages // tables.cell_pages)):
        word, _ = _block(0, cell, trial, 0, seed)
        count = tables.first_count + sum(int(threshold) <= word for threshold in tables.cdf)
        for event in range(count):
            word, mark = _block(event + 1, cell, trial, 0, seed)
            page, bit = divmod(word * size >> 64, tables.page_bits)
            page += cell * tables.cell_pages
            if page < target.pages and _keeps(tables, target, page, bit, mark, offset):
                found.append(page << 32 | bit)
    return found


def _dense_by_hand(tables, target, seed, trial, offset):
    marks = {
        (page, bit): _block(bit // 2, page, trial, 0, seed)[bit % 2]
        for page in range(target.pages)
        for bit in range(tables.page_bits)
    }
    return [page << 32 | bit for (page, bit), mark in marks.items() if _keeps(tables, target, page, bit, mark, offset)]


RATES = {
    "even": [[1e-2, 1e-2]],
    "types": [[1e-2, 1e-2], [3e-3, 3e-3], [2e-2, 2e-2]],
    "stored": [[1e-2, 4e-3], [3e-3, 0.0], [2e-2, 2e-2]],
    "sparse": [[1e-4, 2e-4]],
    "dense": [[0.3, 0.5], [1.0, 0.0], [0.7, 1e-3]],
}


def _target(rates, *, word_bits=16, words=901, page_bits=1_160, usable_bits=1_024, scrambler=True):
    image = np.random.default_rng(7).integers(0, 2**word_bits, words).astype(np.uint16)
    pages = -(-words * word_bits // usable_bits)
    shape = {"channels": 2, "dies_per_channel": 1, "planes_per_die": 2, "page_types": len(rates)}
    return FlipTarget(image, pages, page_bits, usable_bits, word_bits=word_bits, scrambler=scrambler, **shape)


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("scrambler", [True, False])
def test_the_reference_is_the_sampler_of_the_text(name, scrambler):
    target = _target(RATES[name], words=301, scrambler=scrambler)
    tables = flip_tables(RATES[name], page_bits=target.page_bits)
    by_hand = _dense_by_hand if tables.dense else _by_hand
    for trial in (0, 3):
        got = REFERENCE.draw(tables, target, seed=2**63 + 5, trial=trial, offset=2)
        assert got.tolist() == by_hand(tables, target, 2**63 + 5, trial, 2)


# --- the others, by the reference -----------------------------------------------------------------------------


def _flipped(backend, tables, target, **options):
    image = target.buffer.copy()
    record = backend.flip(tables, target._replace(buffer=image), **options)
    return record, image


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("word_bits", [16, 12, 5])
def test_backends_are_equal(backend, name, word_bits):
    target = _target(RATES[name], word_bits=word_bits)
    tables = flip_tables(RATES[name], page_bits=target.page_bits)
    for options in ({"seed": 1, "trial": 0, "offset": 0}, {"seed": 2**64 - 1, "trial": 2**32 - 1, "offset": 3}):
        wanted, flipped = _flipped(REFERENCE, tables, target, **options)
        record, image = _flipped(BACKENDS[backend], tables, target, **options)
        drawn = BACKENDS[backend].draw(tables, target, **options)
        assert wanted.size or name == "sparse"
        assert np.array_equal(record, wanted)
        assert np.array_equal(drawn, wanted)
        assert np.array_equal(image, flipped)
        BACKENDS[backend].apply(image, record, word_bits=word_bits, usable_bits=target.usable_bits)
        assert np.array_equal(image, target.buffer)


@st.composite
def _cases(draw):
    types = draw(st.integers(1, 4))
    top = draw(st.sampled_from([1e-5, 1e-3, 0.05, 0.25, 1.0]))
    rates = draw(st.lists(st.tuples(*[st.floats(0, top)] * 2), min_size=types, max_size=types))
    page_bits = 8 * draw(st.integers(1, 200))
    usable_bits = 8 * draw(st.integers(1, page_bits // 8))
    width, words = draw(st.integers(1, 16)), draw(st.integers(0, 400))
    image = np.random.default_rng(words).integers(0, 2**width, words).astype(np.uint16)
    shape = {name: draw(st.integers(1, 3)) for name in ("channels", "dies_per_channel", "planes_per_die")}
    shape |= {"page_types": types, "scrambler": draw(st.booleans())}
    pages = min(-(-words * width // usable_bits), 60)
    return rates, FlipTarget(image, pages, page_bits, usable_bits, width, **shape)


@settings(max_examples=60, deadline=None)
@given(_cases(), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_backends_are_equal_on_any_layout(case, seed, trial, offset):
    rates, target = case
    tables = flip_tables(rates, page_bits=target.page_bits)
    wanted, flipped = _flipped(REFERENCE, tables, target, seed=seed, trial=trial, offset=offset)
    for backend in BACKENDS.values():
        record, image = _flipped(backend, tables, target, seed=seed, trial=trial, offset=offset)
        assert np.array_equal(record, wanted)
        assert np.array_equal(image, flipped)


@pytest.mark.parametrize("word_bits", [16, 12])
@pytest.mark.parametrize("rates", [[[0.01, 0.01]], [[0.01, 0.004], [0.007, 0.002]], [[0.3, 0.1]]])
def test_threads_change_nothing(word_bits, rates):
    pages = 8 if max(map(max, rates)) > 0.25 else 280
    words = pages * 131_072 // word_bits - 5
    target = _target(rates, word_bits=word_bits, words=words, page_bits=148_736, usable_bits=131_072)
    tables = flip_tables(rates, page_bits=148_736)
    one, image_one = _flipped(BACKENDS["cpu"], tables, target, seed=9, trial=1)
    three, image_three = _flipped(BACKENDS["cpu"], tables, target, seed=9, trial=1, threads=3)
    assert one.size > 200_000
    assert np.array_equal(one, three)
    assert np.array_equal(image_one, image_three)
    BACKENDS["cpu"].apply(image_three, three, word_bits=word_bits, usable_bits=131_072, threads=2)
    assert np.array_equal(image_three, target.buffer)


@given(st.integers(1, 500), st.integers(1, 5), st.integers(0, 6), st.integers(1, 16), st.integers(1, 10**4))
def test_runs_of_cells_share_no_word(cells, threads, power, word_bits, usable_bits):
    spans = cell_spans(cells, threads, cell_pages=2**power, word_bits=word_bits)
    assert [cell for span in spans for cell in range(*span)] == list(range(cells))
    assert len(spans) <= threads
    assert all(first * 2**power * usable_bits % word_bits == 0 for first, _ in spans)


@pytest.mark.parametrize("backend", [REFERENCE, *BACKENDS.values()], ids=lambda b: b.name)
def test_nothing_to_draw(backend):
    tables = flip_tables([[0.1, 0.1]], page_bits=64)
    empty = FlipTarget(np.zeros(0, np.uint16), pages=0, page_bits=64, usable_bits=64)
    assert backend.flip(tables, empty, seed=0, trial=0).size == 0
    silent = flip_tables([[0.0, 0.0]], page_bits=64)
    assert backend.draw(silent, empty._replace(pages=9), seed=0, trial=0).size == 0


# --- choosing -------------------------------------------------------------------------------------------------


def test_unknown_backends_are_refused():
    with pytest.raises(InputError, match="must be one of auto, cpu, cuda"):
        get_backend("tpu")


@pytest.mark.skipif(_cuda() is not None, reason="a CUDA device is here")
def test_without_a_gpu_cuda_says_what_is_missing_and_auto_is_the_cpu():
    with pytest.raises(InputError, match=r"backend cuda: .*use --backend cpu"):
        get_backend("cuda")
    assert get_backend("auto").name == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(_cuda() is None, reason="no CUDA device")
@pytest.mark.parametrize("name", RATES)
def test_cuda_is_equal(name):
    target, backend = _target(RATES[name]), get_backend("cuda")
    tables = flip_tables(RATES[name], page_bits=target.page_bits)
    wanted, flipped = _flipped(REFERENCE, tables, target, seed=8, trial=4, offset=1)
    record, image = _flipped(backend, tables, target, seed=8, trial=4, offset=1)
    assert np.array_equal(record, wanted)
    assert np.array_equal(image, flipped)
    device = backend.xp.asarray(target.buffer)
    record = backend.flip(tables, target._replace(buffer=device), seed=8, trial=4, offset=1)
    assert np.array_equal(record.get(), wanted)
    assert np.array_equal(device.get(), flipped)


def test_kernels_compile_where_nothing_can_be_kept_on_disk(monkeypatch):
    from nvmsim.inject import compiled

    def refuse(*_, cache, **__):
        def decorate(function):
            if cache:
                raise RuntimeError("cannot cache function: no locator available")
            return function

        return decorate

    monkeypatch.setattr(compiled, "njit", refuse)
    assert compiled.compiled("signature")(len) is len
