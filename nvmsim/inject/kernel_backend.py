"""Drives the kernels in ``kernels/flips.cu``: one host code for CuPy on a GPU and for g++ on the CPU."""

import hashlib
from abc import abstractmethod
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from nvmsim.inject.backend import Backend
from nvmsim.inject.sampler import FlipTables
from nvmsim.inject.target import FlipTarget, cells_of, launch_record

KERNEL_FOLDER = Path(__file__).resolve().parent / "kernels"
KERNEL_NAMES = (
    *("count_events", "draw_events", "draw_masks", "count_mask_bits", "list_mask_bits"),
    *("apply_flips", "decode_binary"),
)
LANES = 32  # threads that share a cell
DENSE_PAGES = 256  # pages masked at once
DROPPED = np.uint64(2**64 - 1)


def sources_hash() -> str:
    """Return a hash of all kernel files: caches of compiled kernels look at the .cu file, not at what it includes.

    >>> len(sources_hash())
    16
    """
    sources = b"".join(path.read_bytes() for path in sorted(KERNEL_FOLDER.iterdir()) if path.is_file())
    return hashlib.sha256(sources).hexdigest()[:16]


class DecodedOnDevice(NamedTuple):
    """Values (float32) and nulled flags (bool), arrays of the backend's own kind."""

    values: Any
    nulled: Any


class KernelBackend(Backend):
    """The sampler's host side over ``xp`` (numpy or cupy arrays) and a way to launch a kernel.

    Arrays that are handed in as numpy come back as numpy; arrays of ``xp`` stay where they are.
    """

    xp: ModuleType

    @abstractmethod
    def launch(self, kernel: str, size: int, *arguments: Any) -> None:
        """Run ``kernel`` over ``size`` items; arguments are arrays of ``xp``, np.uint64 and np.float64."""

    def draw(
        self, tables: FlipTables, target: FlipTarget, *, seed: int, trial: int, offset: int = 0, threads: int = 1
    ) -> Any:
        """See Backend.draw; ``threads`` is ignored."""
        record = launch_record(tables, target, seed=seed, trial=trial, offset=offset)
        if tables.silent or not target.pages:
            return self._like(target.buffer, self.xp.zeros(0, np.uint64))
        launch = self.xp.asarray(record.view(np.uint64))
        draw = self._dense if tables.dense else self._events
        return self._like(target.buffer, draw(tables, target, launch))

    def apply(self, buffer: Any, addresses: Any, *, word_bits: int, usable_bits: int, threads: int = 1) -> None:
        """See Backend.apply; ``threads`` is ignored."""
        if not len(addresses):
            return
        words = self.xp.zeros(-(-buffer.size // 2) * 2, np.uint16) if self._must_copy(buffer) else buffer
        if words is not buffer:
            words[: buffer.size] = self.xp.asarray(buffer)
        numbers = (np.uint64(n) for n in (len(addresses), buffer.size, word_bits, usable_bits))
        self.launch("apply_flips", len(addresses), words, self.xp.asarray(addresses), *numbers)
        if words is not buffer:
            buffer[:] = self._like(buffer, words[: buffer.size])

    def decode_binary(self, words: Any, *, low: float, delta: float, parity: bool = False) -> DecodedOnDevice:
        """Check and decode 16-bit ``words`` in one pass: low + delta (index + 1/2); with parity, index = word >> 1.

        A word with an odd number of ones is nulled under ``parity``. The arrays speak DLPack, so
        ``torch.from_dlpack(decoded.values)`` sees them without a copy.
        """
        words = self.xp.asarray(words)
        values, nulled = self.xp.empty(words.size, np.float32), self.xp.empty(words.size, np.bool_)
        scale = (np.float64(low), np.float64(delta), np.uint64(parity))
        self.launch("decode_binary", words.size, values, nulled, words, np.uint64(words.size), *scale)
        return DecodedOnDevice(values, nulled)

    def _must_copy(self, buffer: Any) -> bool:
        """Whether the buffer is elsewhere, or has an odd word that shares its 32-bit container with nothing."""
        return not isinstance(buffer, self.xp.ndarray) or buffer.size % 2 == 1

    def _like(self, model: Any, array: Any) -> Any:
        """Hand ``array`` back in the kind of ``model``."""
        return array.get() if isinstance(model, np.ndarray) and hasattr(array, "get") else array

    def _starts(self, counts: Any) -> tuple[Any, int]:
        ends = self.xp.cumsum(counts, dtype=np.uint64)
        return ends - counts, int(ends[-1])

    def _events(self, tables: FlipTables, target: FlipTarget, launch: Any) -> Any:
        xp, cells = self.xp, cells_of(tables, target.pages)
        counts = xp.empty(cells, np.uint64)
        self.launch("count_events", cells, counts, xp.asarray(tables.cdf), launch)
        starts, total = self._starts(counts)
        out = xp.empty(total, np.uint64)
        given = (xp.asarray(tables.keep), xp.asarray(target.buffer), launch)
        self.launch("draw_events", cells * LANES, out, starts, counts, *given, np.uint64(LANES))
        return out[out != DROPPED]

    def _dense(self, tables: FlipTables, target: FlipTarget, launch: Any) -> Any:
        given = (self.xp.asarray(tables.keep), self.xp.asarray(target.buffer), launch)
        groups = -(-tables.page_bits // 32)
        starts = range(0, target.pages, DENSE_PAGES)
        parts = [self._dense_part(given, first, min(DENSE_PAGES, target.pages - first), groups) for first in starts]
        return self.xp.concatenate(parts)

    def _dense_part(self, given: tuple, first: int, pages: int, groups: int) -> Any:
        xp, n = self.xp, pages * groups
        masks, counts = xp.empty(n, np.uint32), xp.empty(n, np.uint64)
        self.launch("draw_masks", n, masks, *given, np.uint64(first), np.uint64(pages))
        self.launch("count_mask_bits", n, counts, masks, np.uint64(n))
        starts, total = self._starts(counts)
        out = xp.empty(total, np.uint64)
        self.launch("list_mask_bits", n, out, starts, masks, *(np.uint64(v) for v in (n, first, groups)))
        return out
