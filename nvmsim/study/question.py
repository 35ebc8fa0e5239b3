"""What one run asks: which device at which age, which network, which schemes, how much effort."""

import os
from dataclasses import dataclass, replace
from typing import Any

from nvmsim.device.profile import Condition, Device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.errors import InputError
from nvmsim.study.scheme import Scheme, parse_schemes
from nvmsim.suggest import or_near

RANGE_SCOPES = ("global", "layer", "tensor")
_AGE_LIMITS = {
    "pe_cycles": (0, 1e9, "a number from 0 to 1e9"),
    "retention_days": (0, 1e6, "a number from 0 to 1e6"),
    "reads_per_page": (0, 1e12, "a number from 0 to 1e12"),
    "temperature_c": (-273.15, 1000, "a number from -273.15 to 1000"),
}


@dataclass(frozen=True, kw_only=True)
class Effort:
    """When to stop sampling: ``trials`` a row, interval half-width ``precision`` (a fraction), seconds of sampling."""

    trials: int = 64
    precision: float = 0.005
    time_limit_s: float = 35.0

    def problems(self) -> list[str]:
        """Say what is out of range."""
        checks = {
            f"--trials: {self.trials}: must be from 1 to 1000000": 1 <= self.trials <= 1_000_000,
            f"--precision: {self.precision}: must be above 0 and below 1": 0 < self.precision < 1,
            f"--time-limit: {self.time_limit_s}: must be above 0 seconds": self.time_limit_s > 0,
        }
        return [problem for problem, holds in checks.items() if not holds]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Everything that decides a run's result; ``model`` is a Card or a Model of `nvmsim.zoo`."""

    device: Device
    condition: Condition
    rates: Rates
    rber_given: float | None
    model: Any
    schemes: tuple[Scheme, ...]
    range_scope: str
    effort: Effort
    seed: int
    backend: str
    workers: int


def choose_condition(device: Device, name: str, **changes: float | None) -> Condition:
    """Return the named age of a device with some quantities changed (None: as they are).

    Raises InputError on an unknown name or a value out of range.
    """
    problems = []
    if name not in device.conditions:
        problems.append(f"--condition: {name!r}: {or_near(name, device.conditions)}")
    given = {key: value for key, value in changes.items() if value is not None}
    for key, value in given.items():
        low, high, allowed = _AGE_LIMITS[key]
        if not low <= value <= high:
            problems.append(f"{key}: {value:g}: must be {allowed}")
    if problems:
        raise InputError(problems)
    base = device.conditions[name]
    return replace(base, **given, name=f"{name}, changed") if given else base


def choose_rates(device: Device, condition: Condition, rber: float | None) -> Rates:
    """Return the rates of the device's age, or ``rber`` for every bit; InputError unless it is from 0 to 0.5."""
    if rber is None:
        return device_rates(device, condition)
    if not 0 <= rber <= 0.5:
        raise InputError(f"--rber: {rber:g}: must be from 0 to 0.5")
    return Rates(((rber, rber),) * device.cell.bits)


def ask(
    device: Device,
    model: Any,
    *,
    condition: Condition,
    rber: float | None,
    schemes: list[str] | tuple[str, ...],
    range_scope: str,
    effort: Effort,
    seed: int,
    backend: str,
    workers: int | None,
) -> Question:
    """Check a question as a whole; raises InputError with every problem."""
    problems = effort.problems()
    if range_scope not in RANGE_SCOPES:
        problems.append(f"--range-scope: {range_scope!r}: must be one of {', '.join(RANGE_SCOPES)}")
    if not 0 <= seed < 2**64:
        problems.append(f"--seed: {seed}: must be from 0 to 2^64 - 1")
    if workers is not None and not 1 <= workers <= 1024:
        problems.append(f"--workers: {workers}: must be from 1 to 1024")
    parsed, rates = (), None
    try:
        parsed = parse_schemes(schemes)
    except InputError as error:
        problems += error.problems
    try:
        rates = choose_rates(device, condition, rber)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return Question(
        device=device,
        condition=condition,
        rates=rates,
        rber_given=rber,
        model=model,
        schemes=parsed,
        range_scope=range_scope,
        effort=effort,
        seed=seed,
        backend=backend,
        workers=workers or available_cores(),
    )


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
