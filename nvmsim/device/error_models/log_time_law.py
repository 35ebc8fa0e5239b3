"""Retention errors that grow as a power of time, the faster the more the cells are worn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nvmsim.device.error_models.fitted_range import FittedRange, fitted_range
from nvmsim.device.error_models.parameters import ARRHENIUS_KEYS, Parameters
from nvmsim.device.rber import MAX_RBER, ErrorModel, Rates, clipped

if TYPE_CHECKING:
    from nvmsim.device.profile import Cell, Condition

LAW = ("a", "b", "c", "d")
DAY_S = 86_400.0


@dataclass(frozen=True)
class LogTime(ErrorModel):
    """Mean RBER = exp((a N + b) ln t + c N + d), times the factor of a layer and of each page type.

    N is P/E cycles, t the retention in seconds at the reference temperature (Arrhenius), at least ``first_s``. The form
    is Luo et al., SIGMETRICS 2018, for 3D NAND; it has no read disturb. Parameters::

        a: 7.92e-6                              # any number
        b: 0.25
        c: 3.28e-5
        d: -12.72
        first_s: 3600                           # default 3600: the law says nothing of what was just written
        layer_factor: 1.1                       # default 1: RBER of the layer, or of the mean layer, / that of the best
        activation_energy_ev: 1.1               # default 1.1
        reference_temperature_c: 40             # default 40
        page_type_factors: {lsb: 0.67, msb: 1.33}       # page RBER / mean RBER; default 1; mean 1
        valid_range: {pe_cycles: [0, 10000], retention_days: [0, 365], reads_per_page: [0, 0]}

    Outside ``valid_range`` (all of it optional) the law is computed as asked, with a warning.
    """

    law: tuple[float, ...]
    first_s: float
    layer_factor: float
    factors: tuple[float, ...]
    fitted: FittedRange
    keys: ClassVar[tuple[str, ...]] = (
        *LAW,
        "first_s",
        "layer_factor",
        "page_type_factors",
        "valid_range",
        *ARRHENIUS_KEYS,
    )

    @classmethod
    def from_profile(cls, parameters: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> LogTime:
        """Build it from a profile; raises InputError with every problem."""
        read = Parameters(parameters, cls.keys)
        found = cls(
            law=tuple(read.number(key, low=-math.inf) for key in LAW),
            first_s=read.number("first_s", above=True, default=3600.0),
            layer_factor=read.number("layer_factor", above=True, default=1.0),
            factors=read.page_type_factors(page_types),
            fitted=fitted_range(read, {}),
        )
        read.check()
        return found

    def rates(self, condition: Condition) -> Rates:
        """Return the rates of each page type, equal for both stored bits."""
        a, b, c, d = self.law
        wear, seconds = condition.pe_cycles, self.fitted.equivalent_days(condition) * DAY_S
        exponent = (a * wear + b) * math.log(max(seconds, self.first_s)) + c * wear + d
        mean = math.exp(min(exponent, math.log(MAX_RBER) + 1)) * self.layer_factor
        return clipped([(mean * factor,) * 2 for factor in self.factors], self.fitted.warnings(condition))

    def idle(self, condition: Condition) -> tuple[str, ...]:
        """Name what wear does without any, the first time that the law knows, or what temperature does before it."""
        seconds = self.fitted.equivalent_days(condition) * DAY_S
        of_wear = () if condition.pe_cycles else ("a", "c")
        of_time = ("first_s",) if seconds > self.first_s else ()
        of_heat = ARRHENIUS_KEYS if seconds < self.first_s else self.fitted.idle(condition)
        return (*of_wear, *of_time, *of_heat)

    def defaults(self) -> Mapping[str, Any]:
        """Return the first time that the law knows, and those of the temperature."""
        return {"first_s": self.first_s, **self.fitted.defaults()}
