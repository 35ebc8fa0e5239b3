"""The numpy reference: the sampler written to be read. Every other backend must equal it bit for bit."""

import numpy as np
from numpy.typing import NDArray

from nvmsim.inject.backend import Backend
from nvmsim.inject.philox import FLIPS, SCRAMBLER, blocks, multiply_shift, philox4x32
from nvmsim.inject.sampler import FlipTables
from nvmsim.inject.target import FlipTarget, cells_of, launch_record
from nvmsim.inject.thresholds import ALWAYS

_32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
Words = NDArray[np.uint64]


def page_types(pages: NDArray, target: FlipTarget, offset: int) -> NDArray[np.int64]:
    """Return the page type (index) of each page number.

    >>> target = FlipTarget(np.zeros(0, np.uint16), pages=6, page_bits=8, usable_bits=8, channels=2, page_types=3)
    >>> page_types(np.arange(6), target, 1).tolist()
    [1, 1, 2, 2, 0, 0]
    """
    groups = np.asarray(pages).astype(np.int64) // target.planes_per_die
    return (groups // (target.channels * target.dies_per_channel) + offset) % target.page_types


def scrambler_bits(pages: Words, bits: Words) -> Words:
    """Return the scrambler's bit (0 or 1) at bit ``bits`` of pages ``pages``: Philox under key 0."""
    counter = np.stack([bits >> np.uint64(7), pages, np.zeros_like(bits), np.full_like(bits, SCRAMBLER)], axis=-1)
    lanes = philox4x32(counter, [0, 0]).astype(np.uint64)
    lane = (bits >> np.uint64(5) & np.uint64(3)).astype(np.int64)
    word = np.take_along_axis(lanes, lane[..., None], axis=-1)[..., 0]
    return word >> (bits & np.uint64(31)) & np.uint64(1)


def stored_bits(pages: Words, bits: Words, target: FlipTarget) -> NDArray[np.int64]:
    """Return what the cells hold: the data bit (0 where there is no data), scrambled where the target says so."""
    usable, width = np.uint64(target.usable_bits), np.uint64(target.word_bits)
    stream = pages * usable + bits
    data = (bits < usable) & (stream < np.uint64(target.buffer.size) * width)
    word = np.zeros(stream.shape, np.uint64)
    word[data] = target.buffer[(stream[data] // width).astype(np.int64)]
    stored = word >> stream % width & np.uint64(1)
    return (stored ^ scrambler_bits(pages, bits) if target.scrambler else stored).astype(np.int64)


class ReferenceBackend(Backend):
    """The sampler in numpy; ``threads`` is ignored. For tests and for reading."""

    name = "reference"

    def draw(
        self, tables: FlipTables, target: FlipTarget, *, seed: int, trial: int, offset: int = 0, threads: int = 1
    ) -> NDArray[np.uint64]:
        """See Backend.draw."""
        launch_record(tables, target, seed=seed, trial=trial, offset=offset)
        if tables.silent or not target.pages:
            return np.zeros(0, np.uint64)
        candidates = _dense_bits if tables.dense else _events
        pages, bits, marks = candidates(tables, target, seed=seed, trial=trial)
        keep = tables.keep[page_types(pages, target, offset), stored_bits(pages, bits, target)]
        kept = (marks < keep) | (keep == np.uint64(ALWAYS))
        return (pages << _32 | bits)[kept]

    def apply(
        self,
        buffer: NDArray[np.uint16],
        addresses: NDArray[np.uint64],
        *,
        word_bits: int,
        usable_bits: int,
        threads: int = 1,
    ) -> None:
        """See Backend.apply."""
        pages, bits = addresses >> _32, addresses & _LOW
        stream = pages * np.uint64(usable_bits) + bits
        data = (bits < usable_bits) & (stream < buffer.size * word_bits)
        stream = stream[data].astype(np.int64)
        np.bitwise_xor.at(buffer, stream // word_bits, (1 << stream % word_bits).astype(np.uint16))


def _events(tables: FlipTables, target: FlipTarget, *, seed: int, trial: int) -> tuple[Words, Words, Words]:
    """Return page, bit and mark of every event: block 0 of a cell is its count, block 1 + j its event j."""
    cells = np.arange(cells_of(tables, target.pages))
    count_words, _ = blocks(0, cells, trial=trial, stream=FLIPS, seed=seed)
    counts = tables.first_count + np.searchsorted(tables.cdf, count_words, side="right")
    cell = np.repeat(cells, counts)
    draw = np.arange(cell.size) - np.repeat(np.cumsum(counts) - counts, counts)
    places, marks = blocks(1 + draw, cell, trial=trial, stream=FLIPS, seed=seed)
    place = multiply_shift(places, tables.cell_pages * tables.page_bits)
    pages = (cell * tables.cell_pages).astype(np.uint64) + place // np.uint64(tables.page_bits)
    there = pages < target.pages
    return pages[there], (place % np.uint64(tables.page_bits))[there], marks[there]


def _dense_bits(tables: FlipTables, target: FlipTarget, *, seed: int, trial: int) -> tuple[Words, Words, Words]:
    """Return page, bit and mark of every bit: block b // 2 of a page marks bits b and b + 1."""
    pages, draws = np.arange(target.pages), np.arange(-(-tables.page_bits // 2))
    even, odd = blocks(draws, pages[:, None], trial=trial, stream=FLIPS, seed=seed)
    marks = np.stack([even, odd], axis=-1).reshape(target.pages, -1)[:, : tables.page_bits]
    bits = np.broadcast_to(np.arange(tables.page_bits, dtype=np.uint64), marks.shape)
    return np.repeat(pages.astype(np.uint64), tables.page_bits), bits.ravel(), marks.ravel()
