"""How a device reads in every mode at one of its ages."""

from collections.abc import Sequence

import numpy as np

from nvmsim.device.ecc import codeword_errors, page_failures
from nvmsim.device.layout import MODES
from nvmsim.device.parts import Condition, Device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.timing.read_path import ReadTiming, read_timing

SEEN = 1e-4
"""Fewer further reads a page than these change no digit of a speed that is shown."""


def mode_timings(device: Device, age: Condition, *, modes: Sequence[str] = MODES) -> dict[str, ReadTiming]:
    """Return the read timing of each mode; the age decides how often ECC has pages read again, and how long it takes.

    >>> from nvmsim.device.load import load_device
    >>> slc = load_device("slc")
    >>> {mode: timing.bottleneck for mode, timing in mode_timings(slc, slc.condition()).items()}
    {'ecc': 'bus', 'bypass': 'bus', 'reclaim': 'bus'}
    """
    decoding = decoding_at(device, age)
    return {mode: read_timing(device, mode, **decoding) for mode in modes}


def decoding_at(device: Device, age: Condition) -> dict[str, np.ndarray | None]:
    """Return what decoding does at an age, as :func:`decoding_of` does; empty where nothing depends on it.

    >>> from nvmsim.device.load import load_device
    >>> slc = load_device("slc")
    >>> decoding_at(slc, slc.condition())
    {}
    """
    ecc = device.ecc
    decoded = ecc.code != "none" and (ecc.attempts > 1 or ecc.decode_grows)
    return decoding_of(device, device_rates(device, age)) if decoded else {}


def reads_softly(device: Device, rates: Rates) -> bool:
    """Tell whether soft reads are made at these rates, often enough to be seen in a speed.

    >>> from nvmsim.device.load import load_device
    >>> [reads_softly(load_device("tlc@soft"), Rates(((rber, rber),) * 3)) for rber in (1e-3, 2e-2)]
    [False, True]
    """
    ecc = device.ecc
    return ecc.soft is not None and bool(page_failures(device, rates)[:, ecc.retry.max].max() >= SEEN)


def reads_again(device: Device, rates: Rates) -> bool:
    """Tell whether a page is read more than once at these rates, often enough to be seen in a speed.

    >>> from nvmsim.device.load import load_device
    >>> [reads_again(load_device("tlc"), Rates(((rber, rber),) * 3)) for rber in (1e-3, 2e-2)]
    [False, True]
    """
    further = page_failures(device, rates)[:, :-1].sum(axis=1)  # each failed read but the last has another behind it
    return bool(further.max() >= SEEN)


def decoding_of(device: Device, rates: Rates) -> dict[str, np.ndarray | None]:
    """Return the arguments of :func:`nvmsim.timing.read_path.read_timing` that say what decoding does at these rates.

    >>> from nvmsim.device.load import load_device
    >>> {key: value is not None for key, value in decoding_of(load_device("slc"), Rates(((1e-5, 1e-5),))).items()}
    {'page_failures': True, 'codeword_errors': False}
    """
    errors = codeword_errors(device, rates) if device.ecc.decode_grows else None
    return {"page_failures": page_failures(device, rates), "codeword_errors": errors}
