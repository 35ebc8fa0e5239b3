"""The kinds of value that a profile holds: each reads plain data or says what is allowed."""

import math
import re
from dataclasses import dataclass
from typing import Any, Protocol

from nvmsim.device.plain import number


class Wrong(ValueError):
    """A value is not allowed; the message says what is. ``inner`` names the part of a mapping that is wrong."""

    def __init__(self, allowed: str, inner: str = "") -> None:
        super().__init__(allowed)
        self.inner = inner


def short(number: float) -> str:
    """Write a number without needless digits.

    >>> short(1e-30), short(1e9), short(4096)
    ('1e-30', '1e9', '4096')
    """
    return re.sub(r"e([-+])0*(\d)", lambda found: f"e{found[1].strip('+')}{found[2]}", f"{number:.9g}")


class Kind(Protocol):
    """Reads one value; ``unit`` is shown beside it."""

    unit: str

    def read(self, value: object) -> Any:
        """Return the checked value; raise Wrong with what is allowed."""


@dataclass(frozen=True)
class Number:
    """A finite number from ``low`` (or just above it, if ``above``) to ``high``; None if ``optional``.

    >>> Number("us").read("1e-3")
    0.001
    >>> Number(whole=True, low=1, high=4).allowed
    'a whole number from 1 to 4'
    """

    unit: str = ""
    low: float = 0
    high: float = math.inf
    above: bool = False
    whole: bool = False
    optional: bool = False

    @property
    def allowed(self) -> str:
        """Say which values are allowed."""
        kind = "a whole number" if self.whole else "a number"
        start = f"{'above' if self.above else 'from'} {short(self.low)}"
        span = f"{start} up" if math.isinf(self.high) else f"{start} to {short(self.high)}"
        return f"{kind} {span}{' or null' if self.optional else ''}"

    def read(self, value: object) -> int | float | None:
        """Return the number; text that is a number counts as one, true and false do not."""
        if value is None and self.optional:
            return None
        read = number(value) if isinstance(value, str) else value
        if isinstance(read, bool) or not isinstance(read, int | float) or not self._fits(read):
            raise Wrong(self.allowed)
        return int(read) if self.whole else float(read)

    def _fits(self, value: int | float) -> bool:
        low = value > self.low if self.above else value >= self.low
        return low and value <= self.high and math.isfinite(value) and not (self.whole and value != int(value))


@dataclass(frozen=True)
class Choice:
    """One of a few words or whole numbers; None if ``optional``.

    >>> Choice((1, 2, 4)).read(4.0)
    4
    """

    options: tuple[str, ...] | tuple[int, ...]
    unit: str = ""
    optional: bool = False

    def read(self, value: object) -> str | int | None:
        """Return the word or number; true and false are neither."""
        if value is None and self.optional:
            return None
        if isinstance(value, bool) or value not in self.options:
            raise Wrong(f"one of {', '.join(map(str, self.options))}{' or null' if self.optional else ''}")
        return self.options[self.options.index(value)]


@dataclass(frozen=True)
class Flag:
    """True or false."""

    unit: str = ""

    def read(self, value: object) -> bool:
        """Return the truth value."""
        if not isinstance(value, bool):
            raise Wrong("true or false")
        return value


@dataclass(frozen=True)
class Text:
    """A line of text of at most ``most`` characters that fits ``pattern``."""

    pattern: str = r".*"
    allowed: str = "one line of text"
    most: int = 200
    optional: bool = False
    unit: str = ""

    def read(self, value: object) -> str | None:
        """Return the text; a whole number counts as text, so that ``gray_code: 1`` works."""
        if value is None and self.optional:
            return None
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not re.fullmatch(self.pattern, text):
            raise Wrong(self.allowed)
        if len(text) > self.most:
            raise Wrong(f"{self.allowed}, at most {self.most} characters")
        return text


@dataclass(frozen=True)
class Numbers:
    """A list of ``least`` to ``most`` numbers.

    >>> Numbers(Number(above=True), least=2, most=16).read([1.21, 1])
    (1.21, 1.0)
    """

    each: Number
    least: int
    most: int

    @property
    def unit(self) -> str:
        """The unit of each number."""
        return self.each.unit

    @property
    def allowed(self) -> str:
        """Say which values are allowed."""
        return f"a list of {self.least} to {self.most} numbers, each {self.each.allowed}"

    def read(self, value: object) -> tuple[float, ...]:
        """Return the numbers."""
        if not isinstance(value, list | tuple) or not self.least <= len(value) <= self.most:
            raise Wrong(self.allowed)
        try:
            return tuple(self.each.read(one) for one in value)
        except Wrong:
            raise Wrong(self.allowed) from None


@dataclass(frozen=True)
class PerPageType:
    """One number for all page types, or a mapping that names exactly the page types."""

    each: Number

    @property
    def unit(self) -> str:
        """The unit of each number."""
        return self.each.unit

    def read(self, value: object, page_types: tuple[str, ...] | None = None) -> tuple[float, ...]:
        """Return one number per page type (``page_types`` None: they are not known, one number is read)."""
        if not isinstance(value, dict):
            return (self._only(value, page_types),) * len(page_types or "x")
        if page_types is not None and set(value) != set(page_types):
            raise Wrong(self.allowed(page_types))
        return tuple(self._one(value, name) for name in page_types or value)

    def allowed(self, page_types: tuple[str, ...] | None) -> str:
        """Say what is allowed."""
        names = f"exactly {', '.join(page_types)}" if page_types else "the page types"
        return f"{self.each.allowed}, or a mapping with {names}"

    def _only(self, value: object, page_types: tuple[str, ...] | None) -> float:
        try:
            return self.each.read(value)
        except Wrong:
            raise Wrong(self.allowed(page_types)) from None

    def _one(self, values: dict[str, object], name: str) -> float:
        try:
            return self.each.read(values[name])
        except Wrong as error:
            raise Wrong(str(error), inner=name) from None
