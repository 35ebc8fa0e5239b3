"""What a key of a grid takes: one value, a list of them, or a range."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nvmsim.device.check import shown
from nvmsim.device.schema import Choice, Kind, Number, Wrong, short
from nvmsim.device.sections import Key

MOST_VALUES = 1000
RANGE = {
    "from": Key(Number(low=-math.inf)),
    "to": Key(Number(low=-math.inf)),
    "steps": Key(Number(whole=True, low=2, high=MOST_VALUES)),
    "scale": Key(Choice(("linear", "log")), "linear"),
}
RANGE_KEYS = ", ".join(RANGE)


@dataclass(frozen=True)
class Values:
    """The values of one key of a grid, each read by ``kind``; at most 1000.

    >>> Values(Number()).read({"from": 1, "to": 100, "steps": 3, "scale": "log"})
    (1.0, 10.0, 100.0)
    >>> Values(Number()).read(5)
    (5.0,)
    """

    kind: Kind
    unit: str = ""

    def read(self, value: object) -> tuple[Any, ...]:
        """Return the values, in order and none twice."""
        listed = _listed(value)
        if not 1 <= len(listed) <= MOST_VALUES:
            raise Wrong(f"from 1 to {MOST_VALUES} values")
        try:
            found = [self.kind.read(item) for item in listed]
        except Wrong as error:
            raise Wrong(f"{error}; or a list of such, or a range with {RANGE_KEYS}") from None
        if len({_number(item) for item in found}) < len(found):
            raise Wrong("values that differ, none twice")
        return tuple(found)


def _number(item: object) -> object:
    """Return what tells a value from others: 1 and 1.0 are one number, true is none."""
    return repr(item) if isinstance(item, bool) else item


def _listed(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    return _ranged(value) if isinstance(value, dict) and "from" in value else [value]


def _ranged(value: Mapping[str, object]) -> list[object]:
    """Return the numbers of a range; both ends belong to it."""
    found = _parts(value)
    low, high, steps = found["from"], found["to"], found["steps"]
    if found["scale"] == "log" and not (low > 0 and high > 0):
        raise Wrong("a range from above 0 to above 0, where its scale is log")
    curve, back = (math.log, math.exp) if found["scale"] == "log" else (float, float)
    between = [back(curve(low) + (curve(high) - curve(low)) * i / (steps - 1)) for i in range(1, steps - 1)]
    return [_plain(number) for number in (low, *between, high)]


def _parts(value: Mapping[str, object]) -> dict[str, Any]:
    unknown = [key for key in value if key not in RANGE]
    missing = [key for key, what in RANGE.items() if key not in value and key != "scale"]
    if unknown or missing:
        raise Wrong(f"a range with {RANGE_KEYS} (scale may be left out); found {shown(dict(value))}")
    found = {}
    for key, what in RANGE.items():
        try:
            found[key] = what.kind.read(value.get(key, what.default))
        except Wrong as error:
            raise Wrong(f"a range whose {key} is {error}") from None
    return found


def _plain(number: float) -> float:
    """Round to nine digits, so that a step of a range is the number that a user would write."""
    return float(short(number))
