"""Where flips land: the stored image and its pages in plain numbers, and the launch record all kernels read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nvmsim.errors import InputError
from nvmsim.inject.sampler import FlipTables


class FlipTarget(NamedTuple):
    """A stored image as the kernels see it.

    ``buffer`` (uint16, contiguous): stream bit a is bit a % word_bits of buffer[a // word_bits] and lies on page
    a // usable_bits at bit a % usable_bits. ``pages`` pages of ``page_bits`` bits, spare area included, are drawn.
    Groups of ``planes_per_die`` pages go round the channels, then the dies; a die's k-th group has page type
    (k + offset) % page_types. ``scrambler`` says whether the stored bits are scrambled.
    """

    buffer: NDArray[np.uint16]
    pages: int
    page_bits: int
    usable_bits: int
    word_bits: int = 16
    channels: int = 1
    dies_per_channel: int = 1
    planes_per_die: int = 1
    page_types: int = 1
    scrambler: bool = False


LAUNCH_FIELDS = (
    *("seed_low", "seed_high", "trial", "offset"),
    *("cells", "cell_pages", "page_bits", "pages", "usable_bits", "word_bits", "words"),
    *("group_pages", "die_groups", "page_types", "scrambler", "first_count", "thresholds"),
)
(
    SEED_LOW,
    SEED_HIGH,
    TRIAL,
    OFFSET_FIELD,
    CELLS,
    CELL_PAGES,
    PAGE_BITS,
    PAGES,
    USABLE_BITS,
    WORD_BITS,
    WORDS,
    GROUP_PAGES,
    DIE_GROUPS,
    PAGE_TYPES,
    SCRAMBLER_FIELD,
    FIRST_COUNT,
    THRESHOLDS,
) = range(len(LAUNCH_FIELDS))


def cells_of(tables: FlipTables, pages: int) -> int:
    """Return how many cells cover ``pages`` pages; events behind the last page are dropped.

    >>> from nvmsim.inject.sampler import flip_tables
    >>> cells_of(flip_tables([[1e-6, 1e-6]], page_bits=148_736), 342)
    3
    """
    return -(-pages // tables.cell_pages)


def launch_record(tables: FlipTables, target: FlipTarget, *, seed: int, trial: int, offset: int) -> NDArray[np.int64]:
    """Return the launch record (int64, in the order of LAUNCH_FIELDS) of one trial.

    Raises InputError on a seed outside [0, 2^64), a trial outside [0, 2^32), or tables of another page.
    """
    if not (0 <= seed < 2**64 and 0 <= trial < 2**32 and tables.page_bits == target.page_bits):
        raise InputError(_launch_problems(tables, target, seed=seed, trial=trial))
    return np.array(
        [
            *(seed & 0xFFFFFFFF, seed >> 32, trial, offset),
            *(cells_of(tables, target.pages), tables.cell_pages, target.page_bits, target.pages),
            *(target.usable_bits, target.word_bits, target.buffer.size),
            *(target.planes_per_die, target.channels * target.dies_per_channel, target.page_types),
            *(target.scrambler, tables.first_count, tables.cdf.size),
        ],
        np.int64,
    )


def _launch_problems(tables: FlipTables, target: FlipTarget, *, seed: int, trial: int) -> list[str]:
    checks = (
        (0 <= seed < 2**64, f"seed: {seed}: must lie in [0, 2^64)"),
        (0 <= trial < 2**32, f"trial: {trial}: must lie in [0, 2^32)"),
        (
            tables.page_bits == target.page_bits,
            f"page_bits: {target.page_bits}: the tables are for {tables.page_bits}",
        ),
    )
    return [problem for fine, problem in checks if not fine]
