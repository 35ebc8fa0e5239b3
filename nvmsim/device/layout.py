"""Where the words of a stored model lie: one stream of bits, laid page by page on channels and dies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.device.placement import LINEAR, ByPageType, first_type, plane_order, stripe_groups
from nvmsim.device.ranking import BitPlanes, Spans, WordsFirst
from nvmsim.errors import InputError

if TYPE_CHECKING:
    from nvmsim.device.profile import Device

MODES = ("ecc", "bypass", "reclaim")
BUFFER_BITS = 16
MAX_WIDTH = 32


@dataclass(frozen=True)
class PageLayout:
    """The map from the stream of stored bits to pages, page types, channels and dies.

    Pages are numbered in stream order from 0. A group is ``planes_per_die`` consecutive pages of one
    type; groups go round the channels, then round the dies of a channel; the k-th group of a die has
    page type (k + offset) mod ``page_types``. ``mode`` says what a page's bytes are for:

    - ``ecc``: user bytes hold weights, spare bytes hold parity.
    - ``bypass``: user bytes hold weights, spare bytes stay unread.
    - ``reclaim``: user and spare bytes hold weights, less ``metadata_bytes``.

    A physical address is ``page << 32 | bit in page``, user bytes first, then spare bytes.

    ``plane_order`` empty, words lie one after the other. Otherwise it names the page types from the most reliable on,
    and bits lie by page type (:class:`nvmsim.device.placement.ByPageType`), from one page type on in every trial: who
    places bits by page type knows the types.

    >>> layout = PageLayout(mode="reclaim", user_bytes=16, spare_bytes=4, metadata_bytes=1, channels=2,
    ...                     dies_per_channel=1, planes_per_die=2, page_types=3, scrambler=True)
    >>> layout.page_bits, layout.usable_bits
    (160, 152)
    """

    mode: str
    user_bytes: int
    spare_bytes: int
    metadata_bytes: int
    channels: int
    dies_per_channel: int
    planes_per_die: int
    page_types: int
    scrambler: bool
    plane_order: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            f"{key}: {getattr(self, key)}: must be at least {least}"
            for key, least in _LEAST.items()
            if getattr(self, key) < least
        ]
        if self.mode not in MODES:
            problems.append(f"mode: {self.mode!r}: must be one of {', '.join(MODES)}")
        if self.plane_order and sorted(self.plane_order) != list(range(self.page_types)):
            problems.append(f"plane_order: {self.plane_order}: must name each of the {self.page_types} page types once")
        if self.metadata_bytes > self.spare_bytes:
            problems.append(
                f"metadata_bytes: {self.metadata_bytes}: must be at most the {self.spare_bytes} spare bytes"
            )
        if problems:
            raise InputError(problems)

    @classmethod
    def of(cls, device: Device, mode: str) -> PageLayout:
        """Return the layout of a device's pages in a mode; InputError if the mode is unknown."""
        page, geometry = device.page, device.geometry
        return cls(
            mode=mode,
            user_bytes=page.user_bytes,
            spare_bytes=page.spare_bytes,
            metadata_bytes=page.metadata_bytes,
            channels=geometry.channels,
            dies_per_channel=geometry.dies_per_channel,
            planes_per_die=geometry.planes_per_die,
            page_types=device.cell.bits,
            scrambler=page.scrambler,
        )

    @property
    def page_bits(self) -> int:
        """Bits of a physical page, user and spare."""
        return 8 * (self.user_bytes + self.spare_bytes)

    @property
    def usable_bits(self) -> int:
        """Bits of a page that hold the stream; they are the page's first."""
        spare = self.spare_bytes - self.metadata_bytes if self.mode == "reclaim" else 0
        return 8 * (self.user_bytes + spare)

    @property
    def read_bits(self) -> int:
        """Bits of a page that a read moves: all of them in mode ecc, else those that hold the stream."""
        return self.page_bits if self.mode == "ecc" else self.usable_bits

    def pages_for(self, n_bits: int) -> int:
        """Return how many pages a stream of ``n_bits`` bits takes.

        >>> _example("bypass").pages_for(129)
        2
        """
        return -(-n_bits // self.usable_bits)

    def stripe_groups(self, pages: int) -> int:
        """Return how many groups follow each other with one page type: one a die, fewer for few pages placed by type.

        >>> _example("bypass").stripe_groups(100)
        2
        """
        dies = {"channels": self.channels, "dies_per_channel": self.dies_per_channel}
        if not self.plane_order:
            return self.channels * self.dies_per_channel
        return stripe_groups(pages, planes=self.planes_per_die, page_types=self.page_types, **dies)

    def first_type(self, pages: int) -> int:
        """Return the page type that a load placed by type starts on, which suits its number of ``pages``.

        >>> replace(_example("bypass"), plane_order=(2, 0, 1)).first_type(1)
        2
        """
        round_pages = self.stripe_groups(pages) * self.planes_per_die
        return first_type(pages, round_pages=round_pages, order=self.plane_order)

    def channel_of(self, pages: ArrayLike) -> NDArray[np.int64]:
        """Return the channel of each page, in [0, channels)."""
        return self._group(pages) % self.channels

    def die_of(self, pages: ArrayLike) -> NDArray[np.int64]:
        """Return the die within its channel of each page, in [0, dies_per_channel)."""
        return self._group(pages) // self.channels % self.dies_per_channel

    def page_type(self, pages: ArrayLike, offset: int = 0) -> NDArray[np.int64]:
        """Return the page type of each page, in [0, page_types); ``offset`` is the trial's starting type.

        >>> _example("bypass").page_type([0, 1, 2, 3, 4, 5, 8]).tolist()  # two planes, two channels
        [0, 0, 0, 0, 1, 1, 2]
        """
        round_of_die = self._group(pages) // (self.channels * self.dies_per_channel)
        return (round_of_die + offset) % self.page_types

    def to_physical(self, stream: ArrayLike) -> NDArray[np.uint64]:
        """Return the physical address (uint64) of each stream bit (at least 0)."""
        page, bit = np.divmod(np.asarray(stream, dtype=np.uint64), np.uint64(self.usable_bits))
        return page << np.uint64(32) | bit

    def to_stream(self, addresses: ArrayLike) -> NDArray[np.int64]:
        """Return the stream bit (int64) at each physical address, -1 where the page holds no part of the stream.

        >>> layout = _example("bypass")
        >>> layout.to_stream(layout.to_physical([0, 127, 128])).tolist()
        [0, 127, 128]
        >>> layout.to_stream([130]).tolist()  # a spare bit
        [-1]
        """
        page, bit = page_and_bit(addresses)
        return np.where(bit < self.usable_bits, page * self.usable_bits + bit, -1)

    def _group(self, pages: ArrayLike) -> NDArray[np.int64]:
        return np.asarray(pages, dtype=np.int64) // self.planes_per_die


def placed_layout(device: Device, mode: str, placement: str, rates: Sequence[tuple[float, float]]) -> PageLayout:
    """Return the layout of a device's pages with words placed as named, "linear" or by page type.

    ``rates`` a page type say which is reliable; where they are equal there is nothing to choose, and words lie linear.
    """
    layout = PageLayout.of(device, mode)
    return replace(layout, plane_order=plane_order(rates)) if placement != LINEAR else layout


def page_and_bit(addresses: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the page and the bit in it (int64 each) of physical addresses.

    >>> [part.tolist() for part in page_and_bit([3 << 32 | 7])]
    [[3], [7]]
    """
    addresses = np.asarray(addresses, dtype=np.uint64)
    return (addresses >> np.uint64(32)).astype(np.int64), (addresses & np.uint64(0xFFFFFFFF)).astype(np.int64)


_LEAST = {
    "user_bytes": 1,
    "spare_bytes": 0,
    "metadata_bytes": 0,
    "channels": 1,
    "dies_per_channel": 1,
    "planes_per_die": 1,
    "page_types": 1,
}


def _example(mode: str) -> PageLayout:
    """Return a small layout for the examples of this module: 128 user bits, 32 spare bits, 2 channels."""
    return PageLayout(
        mode=mode,
        user_bytes=16,
        spare_bytes=4,
        metadata_bytes=1,
        channels=2,
        dies_per_channel=1,
        planes_per_die=2,
        page_types=3,
        scrambler=True,
    )


@dataclass(frozen=True, eq=False)
class MemoryImage:
    """A stored model: its words as a stream of bits in one uint16 buffer, and the layout of that stream on pages.

    Stream bit a is bit (a mod ``word_bits``) of ``buffer[a // word_bits]``, least significant first. Words up
    to 16 bits lie one in a buffer element. Of wider words the low 16 bits do, and the ``width - 16`` upper bits
    (check bits) of all words follow packed behind them, padded with zero bits to a whole element. Where the layout
    places by page type, the stream is filled in its order instead: bit planes or, with ``first`` (spans of weights,
    rising and apart, maybe none), the whole words of those first.

    >>> image = MemoryImage.build(np.array([0x1ABCD, 0x01234]), width=17, layout=_example("bypass"))
    >>> [hex(element) for element in image.buffer]
    ['0xabcd', '0x1234', '0x1']
    >>> image.n_bits, image.pages
    (34, 1)
    """

    buffer: NDArray[np.uint16]
    word_bits: int
    n_weights: int
    width: int
    layout: PageLayout
    first: Spans | None = None

    @classmethod
    def build(
        cls, words: NDArray[np.unsignedinteger], *, width: int, layout: PageLayout, first: Spans | None = None
    ) -> MemoryImage:
        """Store ``words`` (unsigned integers below 2^width, one a weight) of ``width`` bits, 1 to 32, in stream order.

        Raises InputError on a width out of range.
        """
        if not 1 <= width <= MAX_WIDTH:
            raise InputError(f"word width: {width}: must be 1 to {MAX_WIDTH} bits")
        words = np.ascontiguousarray(words).reshape(-1)
        check_elements = -(-words.size * max(width - BUFFER_BITS, 0) // BUFFER_BITS)
        buffer = np.zeros(words.size + check_elements, dtype=np.uint16)
        found = cls(buffer, min(width, BUFFER_BITS), words.size, width, layout, first)
        if found.placement is not None:
            found._write_placed(found.placement, words)
            return found
        buffer[: words.size] = words  # keeps the low 16 bits
        if check_elements:
            _pack_check_bits(words, width - BUFFER_BITS, buffer[words.size :])
        return found

    @cached_property
    def placement(self) -> ByPageType | None:
        """Which stream bit holds which bit of which word, None where words lie one after the other."""
        layout = self.layout
        if not layout.plane_order:
            return None
        planes = self.first is None
        ranking = (
            BitPlanes(self.n_weights, self.width) if planes else WordsFirst(self.n_weights, self.width, self.first)
        )
        rounds = self.stripe_groups * layout.planes_per_die
        return ByPageType(ranking, layout.usable_bits, rounds, layout.plane_order, layout.first_type(self.pages))

    @property
    def stripe_groups(self) -> int:
        """Groups of pages that follow each other with one page type, as the layout's."""
        return self.layout.stripe_groups(self.pages)

    @property
    def check_bits(self) -> int:
        """Bits of a word that lie in the check tensor behind all words (0 for words up to 16 bits)."""
        return self.width - self.word_bits

    @property
    def n_bits(self) -> int:
        """Stream bits that hold data, check bits included, padding not."""
        return self.n_weights * self.width

    @property
    def pages(self) -> int:
        """Pages that the stream takes."""
        return self.layout.pages_for(self.n_bits)

    def read(self, index: ArrayLike | slice) -> NDArray[np.uint32]:
        """Return the words (uint32) of the weights ``index``, a slice or integers below n_weights, check bits joined.

        >>> image = MemoryImage.build(np.array([0x1ABCD, 0x01234]), width=17, layout=_example("bypass"))
        >>> [hex(word) for word in image.read([1, 0])]
        ['0x1234', '0x1abcd']
        """
        if self.placement is not None:
            if isinstance(index, slice):
                return self._read_placed(self.placement)[index]
            return self._read_some_placed(self.placement, np.asarray(index, dtype=np.int64))
        words = self.buffer[: self.n_weights][index].astype(np.uint32)
        if self.check_bits:
            weights = (
                np.arange(self.n_weights)[index] if isinstance(index, slice) else np.asarray(index, dtype=np.int64)
            )
            for bit in range(self.check_bits):
                words |= self._check_bit(weights * self.check_bits + bit) << np.uint32(BUFFER_BITS + bit)
        return words

    def weights_at(self, stream_bits: ArrayLike) -> NDArray[np.int64]:
        """Return the weights (int64, sorted, each once) whose words hold the given stream bits.

        Stream bits below 0 or from ``n_bits`` on belong to no weight.

        >>> image = MemoryImage.build(np.zeros(3, np.uint16), width=5, layout=_example("bypass"))
        >>> image.weights_at([14, 4, 0, -1, 15]).tolist()
        [0, 2]
        """
        bits = np.asarray(stream_bits, dtype=np.int64)
        weights = self.weight_and_bit(bits[(bits >= 0) & (bits < self.n_bits)])[0]
        weights.sort()  # np.unique hashes, which is several times slower here
        return weights[np.diff(weights, prepend=-1) != 0]

    def weight_and_bit(self, stream_bits: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the weight that each stream bit (int64, 0 to n_bits - 1) belongs to, and which bit of its word it is.

        >>> image = MemoryImage.build(np.zeros(3, np.uint32), width=17, layout=_example("bypass"))
        >>> [part.tolist() for part in image.weight_and_bit(np.array([0, 17, 48, 50]))]
        [[0, 1, 0, 2], [0, 1, 16, 16]]
        """
        if self.placement is not None:
            return self.placement.weight_and_bit(stream_bits)
        weights, bits = np.divmod(stream_bits, self.word_bits)
        if not self.check_bits:
            return weights, bits
        behind, check = np.divmod(stream_bits - self.n_weights * self.word_bits, self.check_bits)
        return np.where(behind >= 0, behind, weights), np.where(behind >= 0, self.word_bits + check, bits)

    def where(self, first_weight: int, count: int) -> tuple[int, int]:
        """Return the first and the last page that hold words of ``count`` weights (at least 1) from ``first_weight``.

        Of words that lie one after the other, not by page type. The bits of words wider than 16 that lie in the check
        tensor are apart: see :meth:`where_check`.

        >>> MemoryImage.build(np.zeros(100, np.uint16), width=16, layout=_example("bypass")).where(7, 2)
        (0, 1)
        """
        return self._span(0, self.word_bits, first_weight, count)

    def where_check(self, first_weight: int, count: int) -> tuple[int, int] | None:
        """Return the first and the last page of the same weights' bits in the check tensor, None if there is none."""
        if not self.check_bits:
            return None
        return self._span(self.n_weights * self.word_bits, self.check_bits, first_weight, count)

    def _span(self, start_bit: int, bits_each: int, first: int, count: int) -> tuple[int, int]:
        if not 0 <= first < first + count <= self.n_weights:
            raise InputError(
                f"weights {first} to {first + count - 1}: must be a part of the {self.n_weights} stored weights"
            )
        last_bit = start_bit + (first + count) * bits_each - 1
        return (start_bit + first * bits_each) // self.layout.usable_bits, last_bit // self.layout.usable_bits

    def _write_placed(self, placement: ByPageType, words: NDArray[np.unsignedinteger]) -> None:
        stored = placement.to_stream(words, room=self.buffer.size * self.word_bits)
        for bit in range(self.word_bits):
            self.buffer[:] |= stored[bit :: self.word_bits].astype(np.uint16) << np.uint16(bit)

    def _read_placed(self, placement: ByPageType) -> NDArray[np.uint32]:
        stored = np.empty(self.buffer.size * self.word_bits, dtype=np.uint8)
        for bit in range(self.word_bits):
            stored[bit :: self.word_bits] = self.buffer >> np.uint16(bit) & np.uint16(1)
        return placement.from_stream(stored)

    def _read_some_placed(self, placement: ByPageType, weights: NDArray[np.int64]) -> NDArray[np.uint32]:
        words = np.zeros(weights.shape, dtype=np.uint32)
        for bit in range(self.width):
            element, at = np.divmod(placement.stream_of(weights, bit), self.word_bits)
            words |= (self.buffer[element].astype(np.uint32) >> at.astype(np.uint32) & np.uint32(1)) << np.uint32(bit)
        return words

    def _check_bit(self, position: NDArray[np.int64]) -> NDArray[np.uint32]:
        elements = self.buffer[self.n_weights + position // BUFFER_BITS].astype(np.uint32)
        return elements >> (position % BUFFER_BITS).astype(np.uint32) & np.uint32(1)


def _pack_check_bits(words: NDArray[np.unsignedinteger], bits: int, out: NDArray[np.uint16]) -> None:
    """Pack bits 16 .. 16 + bits - 1 of every word, word by word, into the elements of ``out``."""
    upper = words >> words.dtype.type(BUFFER_BITS)
    each = np.empty((words.size, bits), dtype=np.uint8)
    for bit in range(bits):
        each[:, bit] = upper >> upper.dtype.type(bit) & upper.dtype.type(1)
    packed = np.zeros(2 * out.size, dtype=np.uint8)
    filled = np.packbits(each.reshape(-1), bitorder="little")
    packed[: filled.size] = filled
    out[:] = packed.view("<u2")
