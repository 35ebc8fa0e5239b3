"""Reads plain data against a table of keys, and collects everything that is wrong."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from nvmsim.device.check import shown
from nvmsim.device.schema import Kind, Number, Text, Wrong
from nvmsim.device.sections import REQUIRED, Key
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.suggest import near

MOST_ITEMS = 200


@dataclass(frozen=True)
class Many:
    """A list of values of one kind, at least ``least`` of them."""

    each: Kind
    least: int = 0
    unit: str = ""

    def read(self, value: object) -> tuple[Any, ...]:
        """Return the values in a tuple."""
        if not isinstance(value, list) or not self.least <= len(value) <= MOST_ITEMS:
            raise Wrong(f"a list of at least {self.least} and at most {MOST_ITEMS}: {self._each()}")
        try:
            return tuple(self.each.read(item) for item in value)
        except Wrong:
            raise Wrong(f"a list, each of it {self._each()}") from None

    def _each(self) -> str:
        try:
            self.each.read(object())
        except Wrong as error:
            return str(error)
        raise AssertionError("no kind reads a bare object")


@dataclass(frozen=True)
class Rising(Many):
    """A list of numbers, each larger than the one before."""

    def read(self, value: object) -> tuple[Any, ...]:
        """Return the numbers in a tuple."""
        found = super().read(value)
        if any(low >= high for low, high in pairwise(found)):
            raise Wrong("numbers in rising order, none twice")
        return found


@dataclass(frozen=True)
class ByRate:
    """A mapping from rates to values of one kind."""

    each: Kind
    unit: str = ""

    def read(self, value: object) -> tuple[tuple[float, Any], ...]:
        """Return the pairs (rate, value)."""
        if not isinstance(value, dict):
            raise Wrong("a mapping from rates to values, such as {0.001: 0.99}")
        pairs = tuple((RBER.read(rate), self.each.read(found)) for rate, found in value.items())
        if len({rate for rate, _ in pairs}) < len(pairs):
            raise Wrong("a mapping from rates to values, no rate twice")
        return pairs


@dataclass(frozen=True)
class EncodingText:
    """The specification of an encoding."""

    unit: str = ""

    def read(self, value: object) -> str:
        """Return the text; it is the specification of a known encoding."""
        try:
            make_encoding(Text().read(value))
        except InputError as error:
            raise Wrong(f"an encoding ({'; '.join(error.problems)})") from None
        return str(value)


RBER = Number(high=0.5)
ACCURACY = Number(high=1)
LINE = Text(r"\S.*", "one line of text", most=300)
CURVE = Text(r"\w[\w .,+-]*", "letters, digits, spaces and any of _ . , + -", most=60)
NAME = Text(r"[\w][\w.+-]*", "letters, digits and any of _ . + -", most=60)


@dataclass
class Reading:
    """A mapping that is being read: ``where`` it stands, what was ``found``, and the ``problems`` of the whole file."""

    where: str
    data: Mapping[str, Any]
    problems: list[str]
    found: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, where: str, data: object, problems: list[str], known: Collection[str]) -> "Reading":
        """Begin to read ``data``, which must be a mapping with no keys but the ``known`` ones."""
        if not isinstance(data, dict):
            place = where.rstrip(".") or "the file"
            problems.append(f"{place}: {shown(data)}: must be a mapping with {', '.join(known)}")
            data = {}
        for name in data:
            if name not in known:
                close = near(name, known)
                hint = f"did you mean {close}?" if close else f"known are {', '.join(known)}"
                problems.append(f"{where}{name[:60]}: unknown key, {hint}")
        return cls(where, data, problems)

    def take(self, keys: Mapping[str, Key], inherited: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Read every one of ``keys``; one that is missing has its ``inherited`` value, or the key's default."""
        for name, key in keys.items():
            if name in self.data:
                self._one(name, self.data[name], key)
            elif inherited and name in inherited:
                self.found[name] = inherited[name]
            elif key.default is REQUIRED:
                self.problems.append(f"{self.where}{name}: is missing")
            else:
                self.found[name] = key.default
        return self.found

    def _one(self, name: str, value: object, key: Key) -> None:
        try:
            self.found[name] = key.kind.read(value)
        except Wrong as error:
            self.problems.append(f"{self.where}{name}: {shown(value)}: must be {error}")

    def has(self, *names: str) -> bool:
        """Tell whether all of these were read and are right."""
        return all(name in self.found for name in names)
