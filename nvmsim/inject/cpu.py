"""The CPU backend: numba kernels, threads over runs of cells."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nvmsim.inject.backend import Backend
from nvmsim.inject.numba_kernels import apply_flips, count_events, draw_cells, draw_dense
from nvmsim.inject.sampler import FlipTables
from nvmsim.inject.target import FlipTarget, launch_record

THREADED_FROM = 200_000  # events below which a second thread costs more than it saves


def _spans(total: int, parts: int, *, align: int) -> list[tuple[int, int]]:
    """Cut range(total) into at most ``parts`` runs whose inner ends are multiples of ``align``.

    >>> _spans(100, 2, align=16)
    [(0, 64), (64, 100)]
    """
    step = -(-total // (parts * align)) * align
    return [(start, min(start + step, total)) for start in range(0, total, step)]


def cell_spans(cells: int, threads: int, *, cell_pages: int, word_bits: int) -> list[tuple[int, int]]:
    """Cut ``cells`` into a run a thread so that no two runs share a word, whatever a page holds.

    >>> cell_spans(100, 2, cell_pages=4, word_bits=12)
    [(0, 51), (51, 100)]
    """
    return _spans(cells, threads, align=lcm(cell_pages, word_bits) // cell_pages)


def _each(work: Callable[[int, int], Any], spans: list[tuple[int, int]], threads: int) -> list:
    if threads == 1 or len(spans) == 1:
        return [work(*span) for span in spans]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda span: work(*span), spans))


class CpuBackend(Backend):
    """numba on the CPU, the fast way without a GPU."""

    name = "cpu"

    def draw(
        self, tables: FlipTables, target: FlipTarget, *, seed: int, trial: int, offset: int = 0, threads: int = 1
    ) -> NDArray[np.uint64]:
        """See Backend.draw."""
        record = launch_record(tables, target, seed=seed, trial=trial, offset=offset)
        return _draw(tables, target, record, threads=threads, flip=False)

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
        if threads == 1 or addresses.size < THREADED_FROM:
            apply_flips(buffer, addresses, word_bits, usable_bits, 0, 2**32)
            return
        pages = buffer.size * word_bits // usable_bits + 1  # a word never straddles a multiple of word_bits pages
        spans = _spans(pages, threads, align=word_bits)
        _each(lambda *span: apply_flips(buffer, addresses, word_bits, usable_bits, *span), spans, threads)

    def flip(
        self, tables: FlipTables, target: FlipTarget, *, seed: int, trial: int, offset: int = 0, threads: int = 1
    ) -> NDArray[np.uint64]:
        """See Backend.flip; here a cell is drawn and applied while it is in the cache."""
        if tables.dense:
            return super().flip(tables, target, seed=seed, trial=trial, offset=offset, threads=threads)
        record = launch_record(tables, target, seed=seed, trial=trial, offset=offset)
        return _draw(tables, target, record, threads=threads, flip=True)


def _draw(
    tables: FlipTables, target: FlipTarget, record: NDArray[np.int64], *, threads: int, flip: bool
) -> NDArray[np.uint64]:
    if tables.silent or not target.pages:
        return np.empty(0, np.uint64)
    if tables.dense:
        return _dense(tables, target, record, threads=threads)
    counts = np.empty(-(-target.pages // tables.cell_pages), np.int64)
    total = count_events(counts, tables.cdf, tables.guide, record)
    out = np.empty(total, np.uint64)
    if threads > 1 and total >= THREADED_FROM:
        return _threaded(tables, target, record, counts=counts, out=out, threads=threads, flip=flip)
    n = draw_cells(counts, 0, counts.size, out, target.buffer, tables.keep, record, flip)
    return out if n == total else out[:n]


def _threaded(
    tables: FlipTables,
    target: FlipTarget,
    record: NDArray[np.int64],
    *,
    counts: NDArray[np.int64],
    out: NDArray[np.uint64],
    threads: int,
    flip: bool,
) -> NDArray[np.uint64]:
    """Draw runs of cells side by side, each into its own stretch of ``out``, then close the gaps."""
    spans = cell_spans(counts.size, threads, cell_pages=tables.cell_pages, word_bits=target.word_bits)
    ends = np.concatenate(([0], np.cumsum(counts)))

    def work(first: int, last: int) -> NDArray[np.uint64]:
        part = out[ends[first] : ends[last]]
        return part[: draw_cells(counts, first, last, part, target.buffer, tables.keep, record, flip)]

    n = 0
    for (first, _), part in zip(spans, _each(work, spans, threads), strict=True):
        if n != ends[first]:
            out[n : n + part.size] = part
        n += part.size
    return out[:n]


def _dense(tables: FlipTables, target: FlipTarget, record: NDArray[np.int64], *, threads: int) -> NDArray[np.uint64]:
    """Draw a few pages at a time, so that the scratch space does not grow with the image."""

    def work(first: int, last: int) -> NDArray[np.uint64]:
        out = np.empty((last - first) * tables.page_bits, np.uint64)
        return out[: draw_dense(first, last, out, target.buffer, tables.keep, record)].copy()

    chunk = max(1, 2**20 // tables.page_bits)
    return np.concatenate(_each(work, _spans(target.pages, -(-target.pages // chunk), align=1), threads))
