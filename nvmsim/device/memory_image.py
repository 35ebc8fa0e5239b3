"""A stored model: its words as a stream of bits, and where each of them lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.device.layout import PageLayout
from nvmsim.device.placement import ByPageType
from nvmsim.device.ranking import BitPlanes, Spans, WordsFirst
from nvmsim.errors import InputError

BUFFER_BITS = 16
MAX_WIDTH = 32


@dataclass(frozen=True, eq=False)
class MemoryImage:
    """A stored model: its words as a stream of bits in one uint16 buffer, and the layout of that stream on pages.

    Stream bit a is bit (a mod ``word_bits``) of ``buffer[a // word_bits]``, least significant first. Words up
    to 16 bits lie one in a buffer element. Of wider words the low 16 bits do, and the ``width - 16`` upper bits
    (check bits) of all words follow packed behind them, padded with zero bits to a whole element. Where the layout
    places by page type, the stream is filled in its order instead: bit planes or, with ``first`` (spans of weights,
    rising and apart, maybe none), the whole words of those first.

    >>> from nvmsim.device.layout import _example
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

        >>> from nvmsim.device.layout import _example
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

        >>> from nvmsim.device.layout import _example
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

        >>> from nvmsim.device.layout import _example
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

        >>> from nvmsim.device.layout import _example
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
