"""Reading the parameters of an error model, with everything that is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nvmsim.device.check import shown
from nvmsim.device.plain import number as plain_number
from nvmsim.device.sections import EVERY_MODEL
from nvmsim.device.temperature import KELVIN_AT_0_C, Arrhenius
from nvmsim.errors import InputError
from nvmsim.suggest import or_near

ARRHENIUS_KEYS = ("activation_energy_ev", "reference_temperature_c")
# Published factors are given to two decimals, so their mean is known to half a hundredth.
FACTOR_MEAN_TOLERANCE = 0.005
NOTHING = math.nan


class Parameters:
    """One mapping of a profile; every reader returns a usable value or notes a problem and returns NaN.

    ``source`` may stand in any mapping and is not read here. Call :meth:`check` when all is read.

    >>> read = Parameters({"epsilom": 1}, ("epsilon",))
    >>> read.number("epsilon")
    nan
    >>> read.check()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    nvmsim.errors.InputError: epsilom: 1: unknown, did you mean epsilon? Known are epsilon, page_variation, ...
    epsilon: missing; must be a number of at least 0
    """

    def __init__(self, values: Mapping[str, Any], keys: Sequence[str], *, prefix: str = "") -> None:
        self.prefix, self.problems, self.values = prefix, [], {}
        if not isinstance(values, Mapping):
            self.problems.append(f"{prefix.rstrip('.') or 'parameters'}: {shown(values)}: must map {', '.join(keys)}")
            return
        beside = [key for key in EVERY_MODEL if key not in keys]
        self.values = {key: value for key, value in values.items() if key != "source"}
        for key in self.values:
            if key not in keys:
                self.problem(key, self.values[key], or_near(str(key), keys if prefix else (*keys, *beside)))

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def problem(self, key: object, value: object, allowed: str) -> None:
        """Note that ``value`` cannot stand at ``key``."""
        self.problems.append(f"{self.prefix}{key}: {shown(value)}: {allowed}")

    def wrong(self, key: str, allowed: str) -> None:
        """Note that what stands at ``key``, if anything does, is not what must."""
        if key in self.values:
            self.problem(key, self.values[key], f"must be {allowed}")
        else:
            self.problems.append(f"{self.prefix}{key}: missing; must be {allowed}")

    def check(self) -> None:
        """Raise InputError if anything was wrong."""
        if self.problems:
            raise InputError(self.problems)

    def number(
        self, key: str, *, low: float = 0.0, high: float = math.inf, above: bool = False, default: float | None = None
    ) -> float:
        """Read a number from ``low`` (``above`` it, if so said) to ``high``; a missing one is ``default``, if any."""
        if key in self.values:
            return self._bounded(key, self.values[key], low, high, above)
        if default is None:
            self.wrong(key, _allowed(low, high, above))
        return NOTHING if default is None else default

    def numbers(
        self, key: str, *, count: int, low: float = -math.inf, high: float = math.inf, above: bool = False
    ) -> tuple[float, ...]:
        """Read a list of ``count`` numbers."""
        values = self.values.get(key)
        if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
            self.wrong(key, f"a list of {count} numbers")
            return (NOTHING,) * count
        return tuple(self._bounded(f"{key}[{i}]", value, low, high, above) for i, value in enumerate(values))

    def by_page_type(
        self, key: str, page_types: Sequence[str], *, high: float = math.inf, above: bool = False
    ) -> tuple[float, ...]:
        """Read one number for all page types or a mapping with one for each."""
        if not isinstance(self.values.get(key), Mapping):
            return (self.number(key, high=high, above=above),) * len(page_types)
        inner = self.section(key, page_types)
        factors = tuple(inner.number(name, high=high, above=above) for name in page_types)
        self.adopt(inner)
        return factors

    def page_type_factors(self, page_types: Sequence[str]) -> tuple[float, ...]:
        """Read ``page_type_factors``: page RBER over mean RBER, so that their mean is 1; without them, all are 1."""
        if "page_type_factors" not in self:
            return (1.0,) * len(page_types)
        factors = self.by_page_type("page_type_factors", page_types)
        mean = sum(factors) / len(factors)
        if abs(mean - 1) > FACTOR_MEAN_TOLERANCE:
            self.problem("page_type_factors", self.values["page_type_factors"], f"their mean must be 1, not {mean:.4g}")
        return factors

    def arrhenius(self) -> Arrhenius:
        """Read ``activation_energy_ev`` and ``reference_temperature_c``, each with its default."""
        energy = self.number("activation_energy_ev", default=Arrhenius.activation_energy_ev)
        reference = Arrhenius.reference_temperature_c
        return Arrhenius(energy, self.number(ARRHENIUS_KEYS[1], low=-KELVIN_AT_0_C, above=True, default=reference))

    def section(self, key: object, keys: Sequence[str], values: object = None) -> Parameters:
        """Open the mapping at ``key`` (or ``values`` in its place); its problems come back by :meth:`adopt`."""
        return Parameters(self.values.get(key, {}) if values is None else values, keys, prefix=f"{self.prefix}{key}.")

    def adopt(self, inner: Parameters) -> None:
        """Take over the problems of an inner mapping."""
        self.problems.extend(inner.problems)

    def items(self, key: str, keys: Sequence[str]) -> list[Parameters]:
        """Open a list of mappings, of which there must be at least one."""
        values = self.values.get(key)
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            self.wrong(key, f"a list of at least one mapping with {', '.join(keys)}")
            return []
        return [self.section(f"{key}[{i}]", keys, value) for i, value in enumerate(values)]

    def _bounded(self, key: str, value: object, low: float, high: float, above: bool) -> float:
        number = as_number(value)
        if (low < number if above else low <= number) and number <= high and math.isfinite(number):
            return number
        self.problem(key, value, f"must be {_allowed(low, high, above)}")
        return NOTHING


def as_number(value: object) -> float:
    """Return a number as float, NaN for anything else; text such as 1e-3 from another YAML reader counts.

    >>> as_number("1e-3"), as_number(True)
    (0.001, nan)
    """
    read = plain_number(value) if isinstance(value, str) else value
    if isinstance(read, bool) or not isinstance(read, int | float):
        return NOTHING
    try:
        return float(read)
    except OverflowError:
        return math.inf


def _allowed(low: float, high: float, above: bool) -> str:
    bounds = [f"above {low:g}" if above else f"of at least {low:g}"] if low > -math.inf else []
    return " ".join(["a number", " and ".join(bounds + ([f"at most {high:g}"] if high < math.inf else []))]).strip()
