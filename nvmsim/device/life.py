"""RBER of each page type over P/E cycles and over time, and the highest RBER that the ECC stands."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nvmsim.device.ecc import make_ecc
from nvmsim.device.parts import Condition, Device
from nvmsim.device.rber import device_rates

STEPS = 60
LOWEST, HIGHEST = 1e-40, 0.5
QUANTITIES = ("pe_cycles", "retention_days")


@dataclass(frozen=True)
class Curve:
    """RBER of each page type, float64 (steps, page types), where one quantity of an age varies and the rest stays.

    ``values`` are of ``quantity`` (pe_cycles or retention_days), ``age`` has the others. ``known``, bool (steps,), is
    where the error model has no warning: elsewhere it takes the nearest age, or goes on as it can.
    """

    quantity: str
    values: np.ndarray
    rber: np.ndarray
    age: Condition
    known: np.ndarray


def life(device: Device, condition: str | None = None) -> tuple[Curve, Curve]:
    """Return RBER over P/E cycles and over retention, the other quantities as at a named age (None: the default).

    Each runs from 0 to the largest value of the profile's ages, over retention in equal steps of log(1 + days). An age
    within the first step, as of what drifts in minutes, brings as many steps of equal ratio there, from its hundredth.

    >>> from nvmsim.device.profile import load_device
    >>> wear, time = life(load_device("tlc"))
    >>> wear.rber.shape, float(time.values[-1])
    ((61, 3), 365.0)
    """
    age = device.condition(condition)
    cycles, last = (max(getattr(one, name) for one in device.conditions.values()) or 1.0 for name in QUANTITIES)
    wear, days = np.linspace(0.0, cycles, STEPS + 1), _days(device, last)
    return _curve(device, "pe_cycles", wear, age), _curve(device, "retention_days", days, age)


def _days(device: Device, last: float) -> np.ndarray:
    days = np.expm1(np.linspace(0.0, math.log1p(last), STEPS + 1))
    days[-1] = last  # not what rounding makes of it
    early = [one.retention_days for one in device.conditions.values() if 0 < one.retention_days < days[1]]
    soon = np.geomspace(min(early) / 100, days[1], STEPS, endpoint=False) if early else np.array([])
    return np.concatenate([days[:1], soon, days[1:]])


def _curve(device: Device, quantity: str, values: np.ndarray, age: Condition) -> Curve:
    found = [device_rates(device, replace(age, **{quantity: float(value)})) for value in values]
    rber, known = np.array([rates.seen.mean(axis=1) for rates in found]), np.array([not one.warnings for one in found])
    return Curve(quantity, values, rber, age, known)


def crossing(curve: Curve, limit: float) -> float | None:
    """Return the first value at which the worst page type meets an RBER, straight in log RBER between steps.

    None if it never does.

    >>> from nvmsim.device.profile import load_device
    >>> wear, _ = life(load_device("mlc"))
    >>> round(crossing(wear, 1e-3))
    4794
    """
    worst = curve.rber.max(axis=1)
    over = np.flatnonzero(worst >= limit)
    if not len(over):
        return None
    after = int(over[0])
    if after == 0:
        return float(curve.values[0])
    low, high = (math.log(max(worst[i], LOWEST)) for i in (after - 1, after))
    share = (math.log(limit) - low) / (high - low)
    return float(curve.values[after - 1] + share * (curve.values[after] - curve.values[after - 1]))


def ecc_limits(device: Device) -> tuple[float, ...]:
    """Return the highest mean RBER at which UBER meets its target: at the first read, and after the last if others.

    A retry sees the RBER times ``rber_factor``, so that it stands as much more, and a soft read what its code does
    more, but never more than miscorrections of the first read leave; what retries at tuned read levels stand is no one
    number, and left out. Stuck cells are in the limits, as in what a read sees; where they alone miss the target, a
    limit is 0. Empty without a code; by bisection of the logarithm, exact to nine digits.

    >>> from nvmsim.device.profile import load_device
    >>> [f"{limit:.2e}" for limit in ecc_limits(load_device("mlc"))]
    ['1.30e-03']
    """
    if device.ecc.code == "none":
        return ()
    ecc, retry = make_ecc(device.ecc), device.ecc.retry
    pages = device_rates(device, device.condition())  # how they differ, and their stuck cells: the same at every age
    stuck = 0.0 if pages.stuck is None else pages.stuck.fraction

    def limit(uber: Callable[[float], float]) -> float:
        return _highest(lambda rber: pages.page_mean(uber, rber) <= device.ecc.uber_target)

    def seen(rber: float) -> float:
        return (1 - stuck) * rber + stuck / 2 if rber else 0.0

    found = [limit(ecc.uber)]
    if len(ecc.codes) > 1 and not pages.retries:
        found.append(min(limit(ecc.codes[-1].uber) / retry.rber_factor**retry.max, limit(ecc.silent_uber)))
    return tuple(map(seen, found))


def _highest(holds: Callable[[float], bool]) -> float:
    """Return the highest RBER at which something holds that ceases to as it rises, 0 if it never does."""
    if not holds(LOWEST):
        return 0.0
    low, high = math.log(LOWEST), math.log(HIGHEST)
    while high - low > 1e-10:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(math.exp(middle)) else (low, middle)
    return math.exp(low)


def rows_of(device: Device, curves: Sequence[Curve]) -> list[dict[str, float | str | bool]]:
    """Return the curves as rows of a table: quantity, its value, RBER by page type, and if the model knows it."""
    return [
        {
            "quantity": curve.quantity,
            "value": float(value),
            **dict(zip(device.page_types, map(float, row), strict=True)),
            "in_range": bool(known),
        }
        for curve in curves
        for value, row, known in zip(curve.values, curve.rber, curve.known, strict=True)
    ]
