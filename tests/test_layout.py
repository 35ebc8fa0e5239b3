"""PageLayout and MemoryImage against a slow, obvious model of the same words."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvmsim.device.layout import MODES, PageLayout
from nvmsim.device.memory_image import MemoryImage
from nvmsim.device.profile import load_device
from nvmsim.errors import InputError

TLC = PageLayout(
    mode="bypass",
    user_bytes=16384,
    spare_bytes=2208,
    metadata_bytes=64,
    channels=8,
    dies_per_channel=4,
    planes_per_die=4,
    page_types=3,
    scrambler=True,
)


@st.composite
def layouts(draw):
    """Small layouts, odd page sizes among them."""
    spare = draw(st.integers(0, 5))
    return PageLayout(
        mode=draw(st.sampled_from(MODES)),
        user_bytes=draw(st.integers(1, 9)),
        spare_bytes=spare,
        metadata_bytes=draw(st.integers(0, spare)),
        channels=draw(st.integers(1, 4)),
        dies_per_channel=draw(st.integers(1, 3)),
        planes_per_die=draw(st.integers(1, 3)),
        page_types=draw(st.integers(1, 4)),
        scrambler=draw(st.booleans()),
    )


@st.composite
def images(draw):
    """A stored model with the words that went in."""
    width = draw(st.integers(1, 32))
    words = draw(st.lists(st.integers(0, 2**width - 1), max_size=40))
    image = MemoryImage.build(np.array(words, dtype=np.uint32), width=width, layout=draw(layouts()))
    return image, words


def slow_map(layout, offset):
    """Yield (channel, die, type) of page 0, 1, 2 ... by walking the device group by group."""
    groups_on = Counter()
    while True:
        for die in range(layout.dies_per_channel):
            for channel in range(layout.channels):
                kind = (groups_on[channel, die] + offset) % layout.page_types
                groups_on[channel, die] += 1
                for _plane in range(layout.planes_per_die):
                    yield channel, die, kind


def slow_stream(words, width):
    """List the (weight, bit of its word) of stream bit 0, 1, 2 ..."""
    main = min(width, 16)
    stream = [(i, bit) for i in range(len(words)) for bit in range(main)]
    return stream + [(i, bit) for i in range(len(words)) for bit in range(main, width)]


def slow_places(layout, n_bits):
    """List the (page, bit in page) of stream bit 0, 1, 2 ... by filling one page after the other."""
    user, spare = 8 * layout.user_bytes, 8 * layout.spare_bytes
    usable = list(range(user))
    if layout.mode == "reclaim":
        usable += list(range(user, user + spare - 8 * layout.metadata_bytes))
    return [(page, bit) for page in range(n_bits) for bit in usable][:n_bits]


@given(layout=layouts(), offset=st.integers(0, 3))
def test_pages_lie_where_a_walk_over_the_device_puts_them(layout, offset):
    pages = np.arange(100)
    channel, die, kind = zip(*islice(slow_map(layout, offset), 100), strict=True)
    assert layout.channel_of(pages).tolist() == list(channel)
    assert layout.die_of(pages).tolist() == list(die)
    assert layout.page_type(pages, offset).tolist() == list(kind)


def test_a_group_of_planes_shares_a_type_and_the_types_change_only_after_all_dies():
    group, everywhere = 4, 4 * 8 * 4
    assert set(TLC.page_type(np.arange(everywhere)).tolist()) == {0}
    assert set(TLC.page_type(np.arange(everywhere, 2 * everywhere)).tolist()) == {1}
    assert TLC.channel_of(np.arange(2 * group)).tolist() == [0] * group + [1] * group
    assert TLC.page_type([0], offset=2).tolist() == [2]


@given(layout=layouts(), n_bits=st.integers(1, 400))
def test_stream_bits_fill_one_page_after_the_other(layout, n_bits):
    places = slow_places(layout, n_bits)
    physical = layout.to_physical(np.arange(n_bits))
    assert physical.dtype == np.uint64
    assert [(int(a) >> 32, int(a) & 0xFFFFFFFF) for a in physical] == places
    assert layout.pages_for(n_bits) == places[-1][0] + 1


@given(layout=layouts(), pages=st.integers(1, 5))
def test_to_stream_inverts_to_physical_and_gives_minus_one_elsewhere(layout, pages):
    stream = np.arange(pages * layout.usable_bits)
    used = layout.to_physical(stream)
    assert layout.to_stream(used).tolist() == stream.tolist()
    everything = [page << 32 | bit for page in range(pages) for bit in range(layout.page_bits)]
    unused = sorted(set(everything) - set(used.tolist()))
    assert (layout.to_stream(np.array(unused, dtype=np.uint64)) == -1).all()


@given(st.integers(0, 2**31), st.sampled_from(MODES))
def test_addresses_of_a_large_model_stay_exact(page, mode):
    layout = replace(TLC, mode=mode)
    last = (page + 1) * layout.usable_bits - 1
    assert layout.to_physical([last]).tolist() == [page << 32 | layout.usable_bits - 1]
    assert layout.to_stream(layout.to_physical([last])).tolist() == [last]


def test_modes_differ_in_what_a_page_holds():
    bits = {mode: replace(TLC, mode=mode).usable_bits for mode in MODES}
    assert bits == {"ecc": 8 * 16384, "bypass": 8 * 16384, "reclaim": 8 * (16384 + 2208 - 64)}
    one_page = np.zeros(16384 // 2 + 1, np.uint32)
    pages = {m: MemoryImage.build(one_page, width=16, layout=replace(TLC, mode=m)).pages for m in MODES}
    assert pages == {"ecc": 2, "bypass": 2, "reclaim": 1}


@given(images())
def test_every_stored_bit_is_the_words_bit(stored):
    image, words = stored
    assert image.n_bits == len(words) * image.width
    assert image.pages == -(-image.n_bits // image.layout.usable_bits)
    for position, (weight, bit) in enumerate(slow_stream(words, image.width)):
        element = int(image.buffer[position // image.word_bits])
        assert element >> position % image.word_bits & 1 == words[weight] >> bit & 1
    assert image.buffer.size * image.word_bits - image.n_bits < 16


@given(images())
def test_words_read_back(stored):
    image, words = stored
    assert image.read(slice(None)).tolist() == words
    order = list(range(len(words)))[::-2]
    assert image.read(np.array(order, dtype=np.int64)).tolist() == [words[i] for i in order]
    assert image.read(slice(1, 3)).dtype == np.uint32


@given(images(), st.data())
@settings(max_examples=60)
def test_a_flipped_physical_bit_changes_the_one_bit_of_the_one_weight(stored, data):
    image, words = stored
    if not words:
        return
    position = data.draw(st.integers(0, image.n_bits - 1))
    page, bit_in_page = slow_places(image.layout, image.n_bits)[position]
    [found] = image.layout.to_stream([page << 32 | bit_in_page])
    image.buffer[found // image.word_bits] ^= np.uint16(1 << found % image.word_bits)
    weight, bit = slow_stream(words, image.width)[position]
    words[weight] ^= 1 << bit
    assert image.read(slice(None)).tolist() == words
    assert image.weights_at([found]).tolist() == [weight]


@given(images(), st.lists(st.integers(-50, 2000)))
def test_weights_at_names_each_touched_weight_once(stored, bits):
    image, words = stored
    stream = slow_stream(words, image.width)
    touched = {stream[bit][0] for bit in bits if 0 <= bit < len(stream)}
    assert image.weights_at(bits).tolist() == sorted(touched)


@given(images(), st.data())
def test_where_gives_the_pages_of_a_layer(stored, data):
    image, words = stored
    if not words:
        return
    first = data.draw(st.integers(0, len(words) - 1))
    count = data.draw(st.integers(1, len(words) - first))
    places = slow_places(image.layout, image.n_bits)
    pages = {True: [], False: []}
    for (weight, bit), (page, _) in zip(slow_stream(words, image.width), places, strict=True):
        if first <= weight < first + count:
            pages[bit < 16].append(page)
    assert image.where(first, count) == (min(pages[True]), max(pages[True]))
    check = (min(pages[False]), max(pages[False])) if pages[False] else None
    assert image.where_check(first, count) == check


def test_words_of_odd_width_straddle_pages():
    layout = replace(TLC, user_bytes=2, spare_bytes=0, metadata_bytes=0)
    image = MemoryImage.build(np.array([0, 0b11111], dtype=np.uint32), width=12, layout=layout)
    assert image.where(1, 1) == (0, 1)
    assert layout.to_physical(np.arange(12, 17)).tolist() == [12, 13, 14, 15, 1 << 32]


def test_building_leaves_the_words_alone():
    words = np.array([0x1FFFF, 3], dtype=np.uint32)
    image = MemoryImage.build(words, width=17, layout=TLC)
    image.buffer[:] = 0
    assert words.tolist() == [0x1FFFF, 3]


def test_layout_of_a_device(tmp_path):
    profile = tmp_path / "least.yaml"
    profile.write_text(
        "name: least\n"
        "geometry: {channels: 2, dies_per_channel: 3, planes_per_die: 4, pages_per_block: 8, blocks_per_plane: 2}\n"
        "page: {user_bytes: 512, spare_bytes: 64, metadata_bytes: 8, scrambler: false}\n"
        "cell: {bits: 1}\n"
        "timing: {read_us: 25, program_us: 200, erase_us: 2000, bus_mt_s: 100, command_us: 0.3}\n"
        "ecc: {code: none}\n"
        "rber: {model: constant, rber: 1.0e-3}\n"
        "conditions: {fresh: {}}\n"
    )
    assert PageLayout.of(load_device(profile), "reclaim") == PageLayout(
        mode="reclaim",
        user_bytes=512,
        spare_bytes=64,
        metadata_bytes=8,
        channels=2,
        dies_per_channel=3,
        planes_per_die=4,
        page_types=1,
        scrambler=False,
    )


def test_everything_wrong_with_a_layout_is_said_at_once():
    with pytest.raises(InputError) as caught:
        replace(TLC, mode="raw", user_bytes=0, planes_per_die=0, metadata_bytes=9999)
    keys = [problem.split(":")[0] for problem in caught.value.problems]
    assert sorted(keys) == ["metadata_bytes", "mode", "planes_per_die", "user_bytes"]


@pytest.mark.parametrize(("first", "count"), [(0, 0), (-1, 1), (2, 2), (3, 1)])
def test_weights_that_are_not_stored_lie_nowhere(first, count):
    image = MemoryImage.build(np.zeros(3, np.uint32), width=16, layout=TLC)
    with pytest.raises(InputError, match="3 stored weights"):
        image.where(first, count)


@pytest.mark.parametrize("width", [0, 33])
def test_words_have_1_to_32_bits(width):
    with pytest.raises(InputError, match="1 to 32"):
        MemoryImage.build(np.zeros(3, np.uint32), width=width, layout=TLC)
