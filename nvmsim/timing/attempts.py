"""How often the decoding of each page fails before it succeeds."""

from functools import lru_cache

import numpy as np

from nvmsim.inject.philox import TIMING, uniform64
from nvmsim.timing.system import ReadSystem

CHUNK_ROUNDS = 64


class Attempts:
    """The number of failed decodings of each page, decided by one uniform number of its index.

    Attempt r + 1 of a page is made iff its uniform number is below P(attempt r + 1 is made): then a page that
    fails under a lower probability fails under a higher one too.
    """

    def __init__(self, system: ReadSystem) -> None:
        self._system = system
        self._chunks: dict[int, np.ndarray] = {}

    def __call__(self, die: int, group: int) -> list[int]:
        """Return the failures of each page of one group of a die."""
        chunk, row = divmod(group, CHUNK_ROUNDS)
        if chunk not in self._chunks:
            self._chunks[chunk] = self._draw(chunk)
        return self._chunks[chunk][row, die].tolist()

    def _draw(self, chunk: int) -> np.ndarray:
        """Return int64 (rounds, dies, planes) for one run of rounds."""
        system = self._system
        first, count = chunk * CHUNK_ROUNDS * system.round_pages, CHUNK_ROUNDS * system.round_pages
        uniform = page_uniforms(first, count).reshape(CHUNK_ROUNDS, system.dies, system.planes, 1)
        rounds = np.arange(chunk * CHUNK_ROUNDS, (chunk + 1) * CHUNK_ROUNDS)
        reached = np.array(system.retries)[rounds % system.types]
        return (uniform < reached[:, None, None, :]).sum(axis=-1)


@lru_cache(maxsize=64)
def page_uniforms(first: int, count: int) -> np.ndarray:
    """Return float64 (count,) in [0, 1): one uniform number of each page index from ``first`` on.

    Each is the first 64-bit word of the Philox block (page, stream TIMING) under key 0.

    >>> bool(page_uniforms(0, 4)[2] == page_uniforms(2, 1)[0])
    True
    """
    pages = np.arange(first, first + count, dtype=np.uint64)
    words = uniform64(pages >> np.uint64(32), pages & np.uint64(0xFFFFFFFF), trial=0, stream=TIMING, seed=0)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
