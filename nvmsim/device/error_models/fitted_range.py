"""The ages for which a model was fitted, and what to say about others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from nvmsim.device.error_models.parameters import ARRHENIUS_KEYS, Parameters
from nvmsim.device.temperature import Arrhenius

if TYPE_CHECKING:
    from nvmsim.device.profile import Condition

QUANTITIES = ("pe_cycles", "retention_days", "reads_per_page", "temperature_c")


@dataclass(frozen=True)
class FittedRange:
    """Lowest and highest fitted value of each quantity; a quantity without bounds is not checked.

    Retention is compared as days at the reference temperature, which is what the fit knows.
    """

    bounds: Mapping[str, tuple[float, float]]
    arrhenius: Arrhenius

    def warnings(self, condition: Condition, *, nearest: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Say which quantities lie outside; those in ``nearest`` are taken at the nearest end, others as asked."""
        return tuple(
            f"{self.said(name, condition)} lies outside the fitted range {low:g} to {high:g}; "
            + (f"taken as {min(max(value, low), high):g}" if name in nearest else "computed as asked")
            for name, (low, high) in self.bounds.items()
            if not low <= (value := self._value(name, condition)) <= high
        )

    def equivalent_days(self, condition: Condition) -> float:
        """Return the retention as days at the reference temperature."""
        return self.arrhenius.equivalent_days(condition.retention_days, temperature_c=condition.temperature_c)

    def idle(self, condition: Condition, *, knots: Sequence[float] = ()) -> tuple[str, ...]:
        """Name what the Arrhenius law does not ask at an age without retention, or at its own temperature.

        Nor outside ``knots``, the days between which a model interpolates, if it does.
        """
        days = self.equivalent_days(condition)
        held = knots and (min(knots) == max(knots) or not min(knots) <= days <= max(knots))
        if condition.retention_days == 0 or held:
            return ARRHENIUS_KEYS
        return ARRHENIUS_KEYS[:1] if condition.temperature_c == self.arrhenius.reference_temperature_c else ()

    def defaults(self) -> dict[str, float]:
        """Return the parameters of the Arrhenius law, stated or not."""
        return asdict(self.arrhenius)

    def _value(self, name: str, condition: Condition) -> float:
        return self.equivalent_days(condition) if name == "retention_days" else getattr(condition, name)

    def said(self, name: str, condition: Condition) -> str:
        """Write a quantity as asked for, and days as what they are at the reference temperature if that differs."""
        if name != "retention_days" or self.equivalent_days(condition) == condition.retention_days:
            return f"{name} {getattr(condition, name):g}"
        equal = f"{self.equivalent_days(condition):g} at {self.arrhenius.reference_temperature_c:g} °C"
        return f"{name} {condition.retention_days:g} at {condition.temperature_c:g} °C (as {equal})"


def fitted_range(
    read: Parameters, known: Mapping[str, tuple[float, float]], *, arrhenius: Arrhenius | None = None
) -> FittedRange:
    """Read ``valid_range`` ({quantity: [low, high]}); ``known`` holds what the data imply.

    The Arrhenius keys are read too, unless the model has its own ``arrhenius``.
    """
    stated = read.section("valid_range", QUANTITIES)
    bounds = dict(known)
    for name in QUANTITIES:
        if name in stated:
            low, high = stated.numbers(name, count=2)
            bounds[name] = (low, high)
            if low > high:
                stated.problem(name, stated.values[name], "the first number must not exceed the second")
    read.adopt(stated)
    return FittedRange(bounds, arrhenius or read.arrhenius())
