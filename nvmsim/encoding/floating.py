"""Floating-point formats of 16 bits, and of 15 bits without the last mantissa bit."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nvmsim.encoding.base import Decoded, Encoding, Range, nothing_nulled, require_bits


@dataclass(frozen=True)
class FloatEncoding(Encoding):
    """A 16-bit float, rounded to nearest, ties to even; 15 bits drop the last mantissa bit, which then reads as 0.

    Overflow gives infinity, NaN stays NaN, and every word decodes to what the format says, Inf and NaN included.
    A float needs no range.
    """

    bits: int = 16
    exponent_bits: ClassVar[int]

    def __post_init__(self) -> None:
        require_bits(self, 15, 16)

    @property
    def range_bytes(self) -> int:
        """Bytes of error-free side information that each range costs: none."""
        return 0

    @property
    def bit_roles(self) -> tuple[str, ...]:
        """What each bit of a word is for, the least significant first.

        >>> Float16().bit_roles[8:]
        ('mantissa', 'mantissa', 'exponent', 'exponent', 'exponent', 'exponent', 'exponent', 'sign')
        """
        mantissa_bits = self.bits - 1 - self.exponent_bits
        return ("mantissa",) * mantissa_bits + ("exponent",) * self.exponent_bits + ("sign",)

    @abstractmethod
    def _to_16(self, values: NDArray[np.float32]) -> NDArray[np.unsignedinteger]:
        """Return the 16-bit pattern of each value; of NaN one with a bit other than the last in its mantissa."""

    @abstractmethod
    def _from_16(self, words: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Return the value of each 16-bit pattern."""

    def encode(self, values: NDArray[np.float32], span: Range) -> NDArray[np.uint32]:
        """Return the words (uint32[n]) of ``values`` (float32[n]); the range is not used."""
        words = self._to_16(values).astype(np.uint32)
        words >>= np.uint32(16 - self.bits)
        return words

    def decode(self, words: NDArray[np.uint32], span: Range) -> Decoded:
        """Return the values (float32[n]) of ``words`` (uint32[n]), Inf and NaN as they are; nothing is ever nulled."""
        return nothing_nulled(self._from_16((words << np.uint32(16 - self.bits)).astype(np.uint16)))


@dataclass(frozen=True)
class Float16(FloatEncoding):
    """IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 mantissa bits.

    Source: IEEE 754-2019, section 3.6; Qin, Sun, Vucinic 2017, section II-B1.

    >>> words = Float16().encode(np.float32([0.3330078125]), Range(0, 1))
    >>> Float16().decode(words ^ np.uint32(1 << 14), Range(0, 1)).values.tolist()  # its top exponent bit flips
    [21824.0]
    """

    name = "fp16"
    exponent_bits = 5

    def _to_16(self, values: NDArray[np.float32]) -> NDArray[np.uint16]:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # infinity and zero are the answers
            words = values.astype(np.float16).view(np.uint16)
        words[np.isnan(values)] |= 0x0200
        return words

    def _from_16(self, words: NDArray[np.uint16]) -> NDArray[np.float32]:
        with np.errstate(invalid="ignore"):  # a signalling NaN is still a NaN
            return words.view(np.float16).astype(np.float32)


@dataclass(frozen=True)
class BFloat16(FloatEncoding):
    """bfloat16: 1 sign, 8 exponent (bias 127) and 7 mantissa bits, the upper half of a float32.

    Source: Intel, BFLOAT16 - Hardware Numerics Definition (2018).

    >>> BFloat16().decode(BFloat16().encode(np.float32([3.14159]), Range(0, 4)), Range(0, 4)).values.tolist()
    [3.140625]
    """

    name = "bf16"
    exponent_bits = 8

    def _to_16(self, values: NDArray[np.float32]) -> NDArray[np.uint32]:
        patterns = np.ascontiguousarray(values).view(np.uint32)
        rounded = patterns + (patterns >> 16 & 1)
        rounded += np.uint32(0x7FFF)
        rounded >>= np.uint32(16)
        nan = np.isnan(values)
        rounded[nan] = patterns[nan] >> 16 | 0x0040  # rounding could carry a NaN into infinity or zero
        return rounded

    def _from_16(self, words: NDArray[np.uint16]) -> NDArray[np.float32]:
        return (words.astype(np.uint32) << np.uint32(16)).view(np.float32)
