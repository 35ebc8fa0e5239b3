"""Errors of three kinds, which average differently: written, retained, and anew at each read."""

from dataclasses import dataclass, replace

from nvmsim.device.parts import Condition, Device
from nvmsim.device.rber import Rates, device_rates


@dataclass(frozen=True)
class ErrorKinds:
    """The mean RBER in parts, each from 0 to 0.5, which sum to it: shares, as two errors of one bit undo each other.

    ``written``: what the model gives at this wear right after writing, and stuck cells, the same on every read.
    ``retained``: what time and reads have added since, which stays as well: a disturbed cell is a changed one.
    ``per_read``: anew at each read.
    """

    written: float
    retained: float
    per_read: float


def error_kinds(device: Device, condition: Condition, rates: Rates | None = None) -> ErrorKinds:
    """Return the parts of a device's RBER at an age; ``rates`` are those of this age where they are known already.

    >>> from nvmsim.device.profile import load_device
    >>> mlc = load_device("mlc", ["rber.per_read_fraction=0.25"])
    >>> kinds = error_kinds(mlc, mlc.condition("worn"))
    >>> round(kinds.per_read / (kinds.written + kinds.retained + kinds.per_read), 6)
    0.25
    """
    rates = rates or device_rates(device, condition)
    moving = 1 - (rates.stuck.fraction if rates.stuck else 0.0)
    now = moving * float(rates.array.mean())
    new = device_rates(device, replace(condition, retention_days=0.0, reads_per_page=0.0))
    fresh = now * rates.per_read_fraction
    retained = max(0.0, now - moving * float(new.array.mean())) * (1 - rates.per_read_fraction)
    return ErrorKinds(rates.mean - retained - fresh, retained, fresh)
