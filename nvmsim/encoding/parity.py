"""Parity nulling: one check bit a word; a word that fails it becomes the weight 0."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nvmsim.encoding.base import Decoded, Encoding, Protection, Range
from nvmsim.errors import InputError


@dataclass(frozen=True)
class _Nulling(Protection):
    """Even parity over the whole word, check bit included; a word of odd parity decodes to 0.0 and is flagged."""

    def __post_init__(self) -> None:
        if any(name in self.inner.names for name in (ParityNulling.name, ParityNullingExtra.name)):
            raise InputError(f"{self.name}: {self.inner}: has a parity bit already")

    @property
    def width(self) -> int:
        """Bits of one stored word, the check bit included."""
        return self.inner.width + 1

    @abstractmethod
    def _join(self, inner: NDArray[np.uint32], check: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """Return whole words from inner words, which may be overwritten, and check bits."""

    @abstractmethod
    def _strip(self, words: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the inner words."""

    def encode(self, values: NDArray[np.float32], span: Range) -> NDArray[np.uint32]:
        """Return the words (uint32[n], all of even parity) of ``values`` (float32[n])."""
        inner = self.inner.encode(values, span)
        return self._join(inner, np.bitwise_count(inner) & np.uint8(1))

    def decode(self, words: NDArray[np.uint32], span: Range) -> Decoded:
        """Return values and flags of ``words`` (uint32[n]): 0.0 and true where the parity is odd."""
        values, nulled = self.inner.decode(self._strip(words), span)
        odd = (np.bitwise_count(words) & np.uint8(1)).view(np.bool_)
        values[odd] = 0
        return Decoded(values, nulled | odd)


@dataclass(frozen=True)
class ParityNulling(_Nulling):
    """Nulling within the stated bits: the lowest bit of the word is the check bit, the inner encoding has one bit less.

    In a float it takes the place of the last mantissa bit. Source: Qin, Sun, Vucinic 2017, section IV.

    >>> from nvmsim.encoding.binary import Binary
    >>> code = parity_nulling(Binary, 4)
    >>> [format(word, "04b") for word in code.encode(np.float32([0, 0.2, 0.9]), Range(0, 1))]
    ['0000', '0011', '1111']
    >>> code.decode(np.uint32([0b0011, 0b0111]), Range(0, 1)).values.tolist()
    [0.1875, 0.0]
    """

    name = "parity-nulling"

    @property
    def bits(self) -> int:
        """Bits that the specification states: those of the inner encoding and the check bit."""
        return self.inner.bits + 1

    @property
    def bit_roles(self) -> tuple[str, ...]:
        """What each bit of a word is for, the least significant first."""
        return ("parity", *self.inner.bit_roles)

    def _join(self, inner: NDArray[np.uint32], check: NDArray[np.uint8]) -> NDArray[np.uint32]:
        inner <<= np.uint32(1)
        inner |= check
        return inner

    def _strip(self, words: NDArray[np.uint32]) -> NDArray[np.uint32]:
        return words >> np.uint32(1)


@dataclass(frozen=True)
class ParityNullingExtra(_Nulling):
    """Nulling by a bit on top of the stated bits: the check bit lies above the inner word, which keeps all its bits.

    With 16 bits the words have 17, and their check bits lie behind all words.

    >>> from nvmsim.encoding.binary import Binary
    >>> code = parity_nulling_extra(Binary, 4)
    >>> [format(word, "05b") for word in code.encode(np.float32([0, 0.1, 0.9]), Range(0, 1))]
    ['00000', '10001', '11110']
    """

    name = "parity-nulling-extra"

    @property
    def bit_roles(self) -> tuple[str, ...]:
        """What each bit of a word is for, the least significant first."""
        return (*self.inner.bit_roles, "parity")

    def _join(self, inner: NDArray[np.uint32], check: NDArray[np.uint8]) -> NDArray[np.uint32]:
        inner |= check.astype(np.uint32) << np.uint32(self.inner.width)
        return inner

    def _strip(self, words: NDArray[np.uint32]) -> NDArray[np.uint32]:
        return words & np.uint32(2**self.inner.width - 1)


def parity_nulling(inner: Callable[[int], Encoding], bits: int) -> ParityNulling:
    """Return ``inner`` at ``bits`` - 1 bits with a check bit as the lowest: "15+1" for 16."""
    return ParityNulling(inner(bits - 1))


def parity_nulling_extra(inner: Callable[[int], Encoding], bits: int) -> ParityNullingExtra:
    """Return ``inner`` at ``bits`` bits with a check bit on top: "16+1" for 16."""
    return ParityNullingExtra(inner(bits))
