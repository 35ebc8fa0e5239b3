"""How a device reads in every mode at one of its ages."""

from collections.abc import Sequence

from nvmsim.device.ecc import page_failures
from nvmsim.device.layout import MODES
from nvmsim.device.parts import Condition, Device
from nvmsim.device.rber import device_rates
from nvmsim.timing.read_path import ReadTiming, read_timing


def mode_timings(device: Device, age: Condition, *, modes: Sequence[str] = MODES) -> dict[str, ReadTiming]:
    """Return the read timing of each mode; the age decides how often ECC has pages read again.

    >>> from nvmsim.device.load import load_device
    >>> slc = load_device("slc")
    >>> {mode: timing.bottleneck for mode, timing in mode_timings(slc, slc.condition()).items()}
    {'ecc': 'bus', 'bypass': 'bus', 'reclaim': 'bus'}
    """
    retries = device.ecc.code != "none" and device.ecc.retry.max
    failures = page_failures(device, device_rates(device, age)) if retries else None
    return {mode: read_timing(device, mode, page_failures=failures) for mode in modes}
