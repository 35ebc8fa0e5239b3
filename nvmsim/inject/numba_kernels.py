"""The sampler in numba, one thread a call, without the GIL.

Sixteen Philox blocks at a time fill small arrays in a loop of fixed length, which LLVM unrolls and vectorises
(32-bit factors in 64-bit lanes); a scalar loop then takes what is needed. Everything is in this one file because
numba's cache watches the file of a function, not those it calls.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from nvmsim.inject.compiled import compiled
from nvmsim.inject.philox import FLIPS, MULTIPLIERS, ROUNDS, SCRAMBLER, WEYL
from nvmsim.inject.sampler import GUIDE_BITS
from nvmsim.inject.target import (
    CELL_PAGES,
    DIE_GROUPS,
    FIRST_COUNT,
    GROUP_PAGES,
    OFFSET_FIELD,
    PAGE_BITS,
    PAGE_TYPES,
    PAGES,
    SCRAMBLER_FIELD,
    SEED_HIGH,
    SEED_LOW,
    TRIAL,
    USABLE_BITS,
    WORD_BITS,
)
from nvmsim.inject.thresholds import ALWAYS

BATCH = 16  # blocks a vector loop: unrolled whole
AHEAD = 64  # words asked for before they are flipped
APPLY_EVERY = 4096  # events between two visits to the image: the record is still in the first-level cache
_M0, _M1 = (np.uint64(m) for m in MULTIPLIERS)
_LOW, _32, _ZERO, _ONE = (np.uint64(v) for v in (0xFFFFFFFF, 32, 0, 1))
_ALWAYS = np.uint64(ALWAYS)
_FLIPS, _SCRAMBLER = np.uint64(FLIPS), np.uint64(SCRAMBLER)
_GUIDE_SHIFT = np.uint64(64 - GUIDE_BITS)

_I64 = types.int64
_RECORD = types.Array(types.int64, 1, "C")
_BUFFER = types.Array(types.uint16, 1, "C")
_ADDRESSES = types.Array(types.uint64, 1, "C")
_TABLE = types.Array(types.uint64, 1, "C", readonly=True)
_GUIDE = types.Array(types.uint32, 1, "C", readonly=True)
_KEEP = types.Array(types.uint64, 2, "C", readonly=True)


@njit(inline="always")
def _philox(c0, c1, c2, c3, keys):  # noqa: ANN001
    for step in range(ROUNDS):
        first, second = c0 * _M0, c2 * _M1
        c0 = (second >> _32) ^ c1 ^ np.uint64(keys[2 * step])
        c1 = second & _LOW
        c2 = (first >> _32) ^ c3 ^ np.uint64(keys[2 * step + 1])
        c3 = first & _LOW
    return c0, c1, c2, c3


@njit
def _key_schedule(low, high):  # noqa: ANN001
    keys = np.empty(2 * ROUNDS, np.uint32)  # 32-bit, so that LLVM knows the high halves are zero
    for step in range(ROUNDS):
        keys[2 * step] = low + step * WEYL[0]
        keys[2 * step + 1] = high + step * WEYL[1]
    return keys


@njit
def _page_type(page, record):  # noqa: ANN001
    if record[PAGE_TYPES] == 1:
        return 0
    turn = page // record[GROUP_PAGES] // record[DIE_GROUPS]
    return (turn + record[OFFSET_FIELD]) % record[PAGE_TYPES]


@njit(inline="always")
def _scrambler_word(page, bit, zero_keys):  # noqa: ANN001
    """Return the 32 scrambler bits that hold ``bit``."""
    w0, w1, w2, w3 = _philox(bit >> np.uint64(7), page, _ZERO, _SCRAMBLER, zero_keys)
    lane = bit >> np.uint64(5) & np.uint64(3)
    low, high = (w1 if lane & _ONE else w0), (w3 if lane & _ONE else w2)
    return high if lane > _ONE else low


@njit
def _sees_data(keep):  # noqa: ANN001
    """Whether the stored bit matters at all."""
    for pair in keep:  # noqa: SIM110  numba has no any() over a generator
        if pair[0] != pair[1]:
            return True
    return False


@compiled(_I64(_RECORD, _TABLE, _GUIDE, _RECORD))
def count_events(counts, cdf, guide, record):  # noqa: ANN001, ANN201
    """Fill ``counts`` (one a cell) and return their sum."""
    keys = _key_schedule(record[SEED_LOW], record[SEED_HIGH])
    trial = np.uint64(record[TRIAL])
    words = np.empty(BATCH, np.uint64)
    total = 0
    for first in range(0, counts.size, BATCH):
        for i in range(BATCH):
            low, high, _, _ = _philox(_ZERO, np.uint64(first + i) & _LOW, trial, _FLIPS, keys)
            words[i] = high << _32 | low
        for i in range(min(BATCH, counts.size - first)):
            at = np.int64(guide[words[i] >> _GUIDE_SHIFT])
            while at < cdf.size and cdf[at] <= words[i]:
                at += 1
            counts[first + i] = record[FIRST_COUNT] + at
            total += counts[first + i]
    return total


@njit(inline="always")
def _place(low, high, bits, inverse, page_bits):  # noqa: ANN001
    """Return page and bit of a 64-bit word: multiply-shift, then division by a multiplied inverse (both exact)."""
    place = (high * bits + (low * bits >> _32)) >> _32
    page = (place * (inverse >> _32) + (place * (inverse & _LOW) >> _32)) >> _32
    return page, place - page * page_bits


@njit
def _draw_all(count, cell, out, scratch, record, keys, inverse):  # noqa: ANN001
    """Write ``count`` events of ``cell`` to ``out``, none thinned out; return how many lie on a page."""
    page_bits, first = np.uint64(record[PAGE_BITS]), np.uint64(cell * record[CELL_PAGES])
    bits, end = np.uint64(record[CELL_PAGES]) * page_bits, np.uint64(record[PAGES]) << _32
    trial, c1 = np.uint64(record[TRIAL]), np.uint64(cell) & _LOW
    batch = scratch[0, :BATCH]
    n = 0
    for base in range(0, count, BATCH):
        for i in range(BATCH):
            low, high, _, _ = _philox(np.uint64(base + i + 1) & _LOW, c1, trial, _FLIPS, keys)
            page, bit = _place(low, high, bits, inverse, page_bits)
            batch[i] = (first + page) << _32 | bit
        for i in range(min(BATCH, count - base)):
            if batch[i] < end:
                out[n] = batch[i]
                n += 1
    return n


@intrinsic
def _prefetch(typing, buffer, word):  # noqa: ANN001
    """Ask for the cache line of buffer[word], to be written; any address is harmless."""

    def generate(context, builder, signature, args):  # noqa: ANN001
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.bitcast(builder.gep(data, [args[1]]), ir.PointerType(ir.IntType(8)))
        kind = ir.FunctionType(ir.VoidType(), [place.type, *[ir.IntType(32)] * 3])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [place, *(ir.Constant(ir.IntType(32), flag) for flag in (1, 3, 1))])
        return context.get_dummy_value()

    return types.void(buffer, word), generate


@njit(inline="always")
def _locate(addresses, words, masks, buffer, width, usable, first, last):  # noqa: ANN001
    """Fill ``words`` and ``masks`` with where each address lies; a mask is 0 where there is nothing to flip."""
    even = width & (width - _ONE) == _ZERO  # a power of two: shifts, which vectorise
    shift = _ZERO
    while _ONE << shift < width:
        shift += _ONE
    size = np.uint64(buffer.size)
    for i in range(addresses.size):
        page, bit = addresses[i] >> _32, addresses[i] & _LOW
        stream = page * usable + bit
        word = stream >> shift if even else stream // width
        fine = (bit < usable) & (first <= page) & (page < last) & (word < size)
        words[i] = word if fine else _ZERO
        masks[i] = _ONE << (stream - word * width) if fine else _ZERO


@njit
def _thin(scratch, count, out, buffer, keep, record):  # noqa: ANN001
    """Write to ``out`` those of the first ``count`` events that are kept; return how many."""
    sees_data = _sees_data(keep) and buffer.size > 0
    batch, marks, scramble, words, masks = scratch
    if sees_data:
        width, usable = np.uint64(record[WORD_BITS]), np.uint64(record[USABLE_BITS])
        _locate(batch, words, masks, buffer, width, usable, _ZERO, np.uint64(record[PAGES]))
        for i in range(count):
            _prefetch(buffer, words[i])
    kind, kind_page = 0, -1
    n = 0
    for i in range(count):
        page = np.int64(batch[i] >> _32)
        if page >= record[PAGES]:
            continue
        if page != kind_page:
            kind, kind_page = _page_type(page, record), page
        data = sees_data and buffer[words[i]] & masks[i] != _ZERO
        limit = keep[kind, np.int64(data) ^ np.int64(scramble[i])]
        out[n] = batch[i]
        n += (marks[i] < limit) | (limit == _ALWAYS)
    return n


@njit
def _draw_kept(count, cell, out, scratch, buffer, keep, record, keys, inverse, zero_keys):  # noqa: ANN001
    """Write the kept ones of ``count`` events of ``cell`` to ``out``; return how many."""
    page_bits, first = np.uint64(record[PAGE_BITS]), np.uint64(cell * record[CELL_PAGES])
    bits, scrambled = np.uint64(record[CELL_PAGES]) * page_bits, record[SCRAMBLER_FIELD] and _sees_data(keep)
    trial, c1 = np.uint64(record[TRIAL]), np.uint64(cell) & _LOW
    batch, marks, scramble = scratch[0, :BATCH], scratch[1, :BATCH], scratch[2, :BATCH]
    n = 0
    for base in range(0, count, BATCH):
        for i in range(BATCH):
            low, high, mark_low, mark_high = _philox(np.uint64(base + i + 1) & _LOW, c1, trial, _FLIPS, keys)
            page, bit = _place(low, high, bits, inverse, page_bits)
            batch[i] = (first + page) << _32 | bit
            marks[i] = mark_high << _32 | mark_low
        if scrambled:
            for i in range(BATCH):
                bit = batch[i] & _LOW
                scramble[i] = _scrambler_word(batch[i] >> _32, bit, zero_keys) >> (bit & np.uint64(31)) & _ONE
        n += _thin(scratch, min(BATCH, count - base), out[n:], buffer, keep, record)
    return n


@compiled(types.void(_BUFFER, _ADDRESSES, _I64, _I64, _I64, _I64))
def apply_flips(buffer, addresses, word_bits, usable_bits, first_page, last_page):  # noqa: ANN001, ANN201
    """Flip in ``buffer`` the bits at ``addresses`` on pages [first_page, last_page)."""
    if buffer.size == 0:
        return
    width, usable, first, last = (
        np.uint64(word_bits),
        np.uint64(usable_bits),
        np.uint64(first_page),
        np.uint64(last_page),
    )
    words, masks = np.empty((2, AHEAD), np.uint64), np.empty((2, AHEAD), np.uint64)
    waiting = 0
    for start in range(0, addresses.size + AHEAD, AHEAD):
        turn = (start // AHEAD) & 1
        part = addresses[start : start + AHEAD]
        _locate(part, words[turn], masks[turn], buffer, width, usable, first, last)
        for i in range(part.size):
            _prefetch(buffer, words[turn, i])
        for i in range(waiting):
            buffer[words[1 - turn, i]] ^= np.uint16(masks[1 - turn, i])
        waiting = part.size


@compiled(_I64(_RECORD, _I64, _I64, _ADDRESSES, _BUFFER, _KEEP, _RECORD, types.boolean))
def draw_cells(counts, first_cell, last_cell, out, buffer, keep, record, flip):  # noqa: ANN001, ANN201
    """Write the kept events of cells [first_cell, last_cell) to ``out``, flip them if asked; return how many.

    An event is decided on the written bit: a cell's bits are changed by its own events alone, after all of them
    are drawn.
    """
    keys, zero_keys = _key_schedule(record[SEED_LOW], record[SEED_HIGH]), _key_schedule(0, 0)
    inverse = _ALWAYS // np.uint64(record[PAGE_BITS]) + _ONE
    everything = keep.min() == _ALWAYS
    scratch = np.zeros((5, BATCH), np.uint64)  # addresses, marks, scrambler bits, words, masks
    n = done = 0
    for cell in range(first_cell, last_cell):
        if everything:
            n += _draw_all(counts[cell], cell, out[n:], scratch, record, keys, inverse)
        else:
            n += _draw_kept(counts[cell], cell, out[n:], scratch, buffer, keep, record, keys, inverse, zero_keys)
        if flip and (n - done >= APPLY_EVERY or cell == last_cell - 1):
            apply_flips(buffer, out[done:n], record[WORD_BITS], record[USABLE_BITS], 0, record[PAGES])
            done = n
    return n


@compiled(_I64(_I64, _I64, _ADDRESSES, _BUFFER, _KEEP, _RECORD))
def draw_dense(first_page, last_page, out, buffer, keep, record):  # noqa: ANN001, ANN201
    """Write every flipped bit of pages [first_page, last_page) to ``out``, each bit by its own mark."""
    keys, zero_keys = _key_schedule(record[SEED_LOW], record[SEED_HIGH]), _key_schedule(0, 0)
    trial, page_bits = np.uint64(record[TRIAL]), record[PAGE_BITS]
    scratch = np.zeros((5, 2 * BATCH), np.uint64)  # addresses, marks, scrambler bits, words, masks
    batch, marks, scramble = scratch[0], scratch[1], scratch[2]
    n = 0
    for page in range(first_page, last_page):
        for base in range(0, page_bits, 2 * BATCH):
            word = _scrambler_word(np.uint64(page), np.uint64(base), zero_keys) if record[SCRAMBLER_FIELD] else _ZERO
            for i in range(BATCH):
                draw = np.uint64(base // 2 + i) & _LOW
                w0, w1, w2, w3 = _philox(draw, np.uint64(page) & _LOW, trial, _FLIPS, keys)
                marks[2 * i], marks[2 * i + 1] = w1 << _32 | w0, w3 << _32 | w2
            for i in range(2 * BATCH):
                batch[i] = np.uint64(page) << _32 | np.uint64(base + i)
                scramble[i] = word >> np.uint64(i) & _ONE
            n += _thin(scratch, min(2 * BATCH, page_bits - base), out[n:], buffer, keep, record)
    return n
