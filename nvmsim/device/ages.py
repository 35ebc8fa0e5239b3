"""What each named age of a device means: its error rates, and what its ECC leaves of them."""

from dataclasses import dataclass

from nvmsim.device.ecc import final_uber, page_failures
from nvmsim.device.error_kinds import ErrorKinds, error_kinds
from nvmsim.device.parts import Condition, Device
from nvmsim.device.rber import Rates, device_rates


@dataclass(frozen=True)
class Age:
    """One condition with its rates, and the kinds of errors that they consist of.

    ``retried`` is the share of page reads whose first decoding fails, ``soft`` of those that no retry decodes; ``uber``
    is that of the worst page type after the last read. They are None without a code, ``soft`` without soft reads too.
    """

    condition: Condition
    rates: Rates
    uber_target: float
    kinds: ErrorKinds
    retried: float | None = None
    uber: float | None = None
    soft: float | None = None

    @property
    def verdict(self) -> str:
        """Say whether the uncorrectable bit error rate meets its target: meets, FAILS or no ECC."""
        if self.uber is None:
            return "no ECC"
        return "meets" if self.uber <= self.uber_target else "FAILS"

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of it: where its error model was not fitted, and an UBER that misses its target."""
        misses = (
            f"misses its UBER target: {self.uber:.1e} against {self.uber_target:.1e}" if self.verdict == "FAILS" else ""
        )
        return tuple(filter(None, (*self.rates.warnings, misses)))


def ages(device: Device) -> list[Age]:
    """Compute every named condition of a device.

    >>> from nvmsim.device.profile import load_device
    >>> [(age.condition.name, age.verdict) for age in ages(load_device("slc"))][-1]
    ('beyond', 'FAILS')
    """
    return [age_at(device, condition) for condition in device.conditions.values()]


def age_at(device: Device, condition: Condition) -> Age:
    """Compute one condition of a device.

    >>> from nvmsim.device.profile import load_device
    >>> slc = load_device("slc")
    >>> age_at(slc, slc.condition("beyond")).notes
    ('misses its UBER target: ... against 1.0e-15',)
    """
    rates, target = device_rates(device, condition), device.ecc.uber_target
    kinds = error_kinds(device, condition, rates)
    if device.ecc.code == "none":
        return Age(condition, rates, target, kinds)
    failures = page_failures(device, rates).mean(axis=0)
    soft = float(failures[device.ecc.retry.max]) if device.ecc.soft else None
    return Age(condition, rates, target, kinds, float(failures[0]), final_uber(device, rates), soft)
