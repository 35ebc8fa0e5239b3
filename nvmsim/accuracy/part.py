"""The parts of a stored model: one, or with unequal ECC two, each in pages of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nvmsim.accuracy.ranges import Placed
from nvmsim.accuracy.task import Task
from nvmsim.accuracy.unequal import split, unknown_layers
from nvmsim.device.layout import PageLayout
from nvmsim.device.memory_image import BUFFER_BITS
from nvmsim.device.ranking import Spans
from nvmsim.errors import InputError
from nvmsim.inject.draws import file_seed

_BARE_FILE = 1


@dataclass(frozen=True)
class Part:
    """Some ``bits`` (rising, 0 the least significant) of the words of some weights, stored one after the other.

    Words have ``width`` bits. ``spans`` are those weights, (first, one behind the last) in order. ``task`` says what
    happens to the part as if it was all that is stored: its layout, its code or None, its seeds. Where layers are
    placed by page type, ``first`` are the weights whose words lie on the most reliable pages, as numbered in the part.

    >>> from nvmsim.accuracy.bsc import bsc_task
    >>> from nvmsim.zoo.card import load_card
    >>> part = Part(bsc_task(load_card("mnist-cnn"), "binary:4", rber=0.1), ((5, 6), (10, 12)), (1, 3), width=4)
    >>> part.words_of(np.arange(16, dtype=np.uint32)).tolist()  # of the words 5, 10 and 11
    [0, 3, 3]
    >>> part.spread(np.uint32([0, 1, 2, 3])).tolist()
    [0, 2, 8, 10]
    """

    task: Task
    spans: Spans
    bits: tuple[int, ...]
    width: int
    first: Spans | None = None

    @property
    def layout(self) -> PageLayout:
        """How its pages are used."""
        return self.task.layout

    @property
    def n_weights(self) -> int:
        """Weights of which it stores something."""
        return sum(stop - start for start, stop in self.spans)

    @property
    def n_bits(self) -> int:
        """Bits that it stores."""
        return self.n_weights * len(self.bits)

    @property
    def pages(self) -> int:
        """Pages that it takes."""
        return self.layout.pages_for(self.n_bits)

    @property
    def addresses(self) -> str:
        """Name its bit addresses: parts with equal ones see the same flips in the same trial."""
        width = len(self.bits)
        words = f"{self.layout.usable_bits // 8} bytes a page, {min(width, BUFFER_BITS)}-bit words"
        if not self.layout.plane_order:
            return words
        layers = "+".join(sorted(set(self.task.first_layers)))
        return f"{words}, {f'{layers} first in' if layers else 'planes of'} {width}-bit words"

    def words_of(self, words: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return what it stores of all ``words`` (uint32, one a weight of the model), its lowest bit in bit 0."""
        mine = np.concatenate([words[start:stop] for start, stop in self.spans])
        if len(self.bits) == self.width:
            return mine
        packed = np.zeros_like(mine)
        for at, low, count in self._runs:
            packed |= (mine >> np.uint32(low) & np.uint32(2**count - 1)) << np.uint32(at)
        return packed

    def spread(self, packed: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return stored words (uint32) with their bits where they belong, zeros elsewhere."""
        if len(self.bits) == self.width:
            return packed
        words = np.zeros_like(packed)
        for at, low, count in self._runs:
            words |= (packed >> np.uint32(at) & np.uint32(2**count - 1)) << np.uint32(low)
        return words

    def placed(self, packed: NDArray[np.uint32], n_weights: int) -> NDArray[np.uint32]:
        """Return the words of a model of ``n_weights`` weights, of all stored ones; zeros where others hold bits."""
        words, stored = np.zeros(n_weights, np.uint32), self.spread(packed)
        for (start, stop), first in zip(self.spans, self._offsets.tolist(), strict=True):
            words[start:stop] = stored[first : first + stop - start]
        return words

    def weights_of(self, stored: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which weights of the model the weights number ``stored`` of the part are, int64."""
        span = np.searchsorted(self._offsets, stored, side="right") - 1
        return stored - self._offsets[span] + self._starts[span]

    def stored_of(self, weights: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return which of the model's ``weights`` (int64) it stores, and the numbers in it of those that it does."""
        span = np.searchsorted(self._starts, weights, side="right") - 1
        inside = (span >= 0) & (weights < self._stops[span])
        span = span[inside]
        return inside, weights[inside] - self._starts[span] + self._offsets[span]

    @cached_property
    def _runs(self) -> tuple[tuple[int, int, int], ...]:
        """The runs of neighbouring bits: (place in a stored word, place in the model's word, how many)."""
        starts = [i for i, bit in enumerate(self.bits) if i == 0 or self.bits[i - 1] != bit - 1]
        ends = [*starts[1:], len(self.bits)]
        return tuple((start, self.bits[start], end - start) for start, end in zip(starts, ends, strict=True))

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.array([start for start, _ in self.spans], np.int64)

    @cached_property
    def _stops(self) -> NDArray[np.int64]:
        return np.array([stop for _, stop in self.spans], np.int64)

    @cached_property
    def _offsets(self) -> NDArray[np.int64]:
        sizes = self._stops - self._starts
        return np.cumsum(sizes) - sizes


def parts_of(task: Task, tensors: Sequence[Placed], *, width: int) -> tuple[Part, ...]:
    """Return the parts in which ``task`` stores a model of these tensors in words of ``width`` bits.

    One, or with unequal ECC the protected one and then the bare one, which lies on other pages: its flips, page classes
    and stuck cells are draws of their own. A part that would be empty is none. Raises InputError on a layer or bit that
    is not there.
    """
    if problems := unknown_layers(task.first_layers, tensors):
        raise InputError(problems)
    files = split(task.unequal and task.unequal.protected, tensors, width=width)
    tasks = (replace(task, unequal=None), _bare(task)) if task.unequal else (task,)
    return tuple(
        Part(one, _spans(inside), bits, width, first_spans(inside, task.first_layers) if task.first_layers else None)
        for one, (inside, bits) in zip(tasks, files, strict=False)
    )


def first_spans(tensors: Sequence[Placed], layers: Sequence[str]) -> Spans:
    """Return which of the weights of ``tensors``, numbered in their order from 0, are those of ``layers``.

    >>> from nvmsim.zoo.tensors import lay_out
    >>> tensors = lay_out([("a.weight", (4,)), ("b.weight", (2, 3)), ("b.bias", (3,)), ("c.weight", (1,))])
    >>> first_spans(tensors, ["b"]), first_spans(tensors[1:], ["c", "b"])
    (((4, 13),), ((0, 10),))
    """
    stops = np.cumsum([tensor.size for tensor in tensors]).tolist()
    each = zip(tensors, stops, strict=True)
    return _joined([(stop - tensor.size, stop) for tensor, stop in each if tensor.module in layers])


def _bare(task: Task) -> Task:
    seeds = {key: file_seed(getattr(task, key), _BARE_FILE) for key in ("seed", "device_seed")}
    return replace(task, unequal=None, layout=task.unequal.layout, ecc=None, retry_rates=(), **seeds)


def _spans(tensors: Sequence[Placed]) -> Spans:
    """Return the weights of tensors (in stored order)."""
    return _joined([(tensor.start, tensor.start + tensor.size) for tensor in tensors])


def _joined(each: Sequence[tuple[int, int]]) -> Spans:
    """Return spans, neighbours joined."""
    spans: list[tuple[int, int]] = []
    for start, stop in each:
        begin = spans.pop()[0] if spans and spans[-1][1] == start else start
        spans.append((begin, stop))
    return tuple(spans)
