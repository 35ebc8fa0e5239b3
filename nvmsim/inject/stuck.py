"""Cells that are stuck: which ones, at which value, and where that is not what was written."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nvmsim.inject.backend import Backend, net_flips
from nvmsim.inject.philox import STUCK, uniform64
from nvmsim.inject.reference import stored_bits
from nvmsim.inject.sampler import flip_tables
from nvmsim.inject.target import FlipTarget
from nvmsim.inject.thresholds import ALWAYS, dense_threshold

_32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
VALUES, PLACES = 0, 1  # in place of a trial: a device's cells are drawn once


class StuckCells(NamedTuple):
    """Sorted physical addresses (uint64) of the stuck cells, and of those whose value is not the stored bit."""

    cells: NDArray[np.uint64]
    wrong: NDArray[np.uint64]

    def read(self, wrong: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the bits that are wrong if those at the sorted addresses ``wrong`` were, had no cell been stuck.

        >>> cells, bad = np.array([3, 5, 8], np.uint64), np.array([5], np.uint64)
        >>> StuckCells(cells, bad).read(np.array([1, 8, 9], np.uint64)).tolist()
        [1, 9, 5]
        """
        return np.concatenate([np.setdiff1d(wrong, self.cells, assume_unique=True), self.wrong])


def stuck_cells(
    backend: Backend, target: FlipTarget, *, fraction: float, value_one_fraction: float, device_seed: int
) -> StuckCells:
    """Return the stuck cells of a device: each bit is one with probability ``fraction``, 0 to 0.5.

    Of these a ``value_one_fraction`` reads 1. Both belong to the device, whatever is written and however often it is
    read. ``target.buffer`` must hold the written image.
    """
    tables = flip_tables([[fraction, fraction]] * target.page_types, page_bits=target.page_bits)
    seed = int(uniform64(0, 0, trial=PLACES, stream=STUCK, seed=device_seed))
    cells = net_flips(backend.draw(tables, target, seed=seed, trial=0))
    pages, bits = cells >> _32, cells & _LOW
    limit, words = (
        dense_threshold(value_one_fraction),
        uniform64(bits, pages, trial=VALUES, stream=STUCK, seed=device_seed),
    )
    values = (words < np.uint64(limit)) | (limit == ALWAYS)
    return StuckCells(cells, cells[values != stored_bits(pages, bits, target)])
