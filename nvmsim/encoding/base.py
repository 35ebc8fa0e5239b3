"""What an encoding is: a pure pair of functions between weights and stored words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.errors import InputError


@dataclass(frozen=True)
class Range:
    """The closed interval [low, high] that holds the weights of one scope; both ends finite.

    It is stored free of errors beside the words. Raises InputError on ends that are not finite or in order.

    >>> Range(-0.5, 0.25).magnitude
    0.5
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and self.low <= self.high):
            raise InputError(f"range [{self.low}, {self.high}]: must be two finite numbers in ascending order")

    @classmethod
    def of(cls, values: ArrayLike) -> Range:
        """Return the least range that holds ``values`` (finite numbers of any shape); [0, 0] if there are none.

        >>> Range.of([0.5, -1.0])
        Range(low=-1.0, high=0.5)
        """
        values = np.asarray(values)
        return cls(float(values.min()), float(values.max())) if values.size else cls(0.0, 0.0)

    @property
    def magnitude(self) -> float:
        """The largest |w| in the range."""
        return max(abs(self.low), abs(self.high))


class Decoded(NamedTuple):
    """What the words say: ``values`` (float32[n]) and ``nulled`` (bool[n]), true where damage was seen and 0.0 put."""

    values: NDArray[np.float32]
    nulled: NDArray[np.bool_]


class Encoding(ABC):
    """A pair of pure, vectorised functions between weights and words; subclasses are frozen dataclasses.

    A subclass has a class attribute ``name`` (as registered) and an attribute ``bits`` (what a specification
    such as ``binary:16`` states). It must decode every word below 2^width, however damaged, without a warning.
    """

    name: ClassVar[str]
    bits: int

    @property
    def width(self) -> int:
        """Bits of one stored word, check bits included, 1 to 32."""
        return self.bits

    @property
    def bit_roles(self) -> tuple[str, ...]:
        """What each bit of a word is for, the least significant first: "value" where no bit has a part of its own."""
        return ("value",) * self.width

    @property
    @abstractmethod
    def range_bytes(self) -> int:
        """Bytes of error-free side information that each range costs."""

    @abstractmethod
    def encode(self, values: NDArray[np.float32], span: Range) -> NDArray[np.uint32]:
        """Return a new array of words (uint32[n], each below 2^width) for ``values`` (float32[n])."""

    @abstractmethod
    def decode(self, words: NDArray[np.uint32], span: Range) -> Decoded:
        """Return new arrays of values and flags for ``words`` (uint32[n], each below 2^width)."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the encoding and of the protections around it, inside first."""
        return (self.name,)

    @property
    def spec(self) -> str:
        """The canonical specification: equal encodings have equal text, and ``make_encoding`` reads it back."""
        encoding, *protections = self.names
        return "+".join((f"{encoding}:{self.bits}", *protections))

    def __str__(self) -> str:
        return self.spec


@dataclass(frozen=True)
class Protection(Encoding):
    """An encoding around another one, which adds check bits or checks what was decoded.

    By default it is as wide as what it wraps and costs no side information of its own.
    """

    inner: Encoding

    @property
    def bits(self) -> int:
        """Bits that the specification states."""
        return self.inner.bits

    @property
    def width(self) -> int:
        """Bits of one stored word, check bits included, 1 to 32."""
        return self.inner.width

    @property
    def bit_roles(self) -> tuple[str, ...]:
        """What each bit of a word is for: as inside, if the protection adds no bit."""
        return self.inner.bit_roles if self.width == self.inner.width else ("value",) * self.width

    @property
    def range_bytes(self) -> int:
        """Bytes of error-free side information that each range costs."""
        return self.inner.range_bytes

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the encoding and of the protections around it, inside first."""
        return (*self.inner.names, self.name)


def require_bits(encoding: Encoding, least: int, most: int) -> None:
    """Raise InputError unless the encoding's ``bits`` is an integer in [least, most]."""
    if not isinstance(encoding.bits, int) or not least <= encoding.bits <= most:
        raise InputError(f"{encoding.name}: {encoding.bits} bits for a value: must be {least} to {most}")


def nothing_nulled(values: NDArray[np.float32]) -> Decoded:
    """Return ``values`` with every flag off."""
    return Decoded(values, np.zeros(values.shape, dtype=np.bool_))
