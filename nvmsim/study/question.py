"""What one run asks: which device at which age, which network, which schemes, how much effort."""

from dataclasses import dataclass, replace
from typing import Any

from nvmsim.accuracy.executor import available_cores
from nvmsim.accuracy.ranges import SCOPES
from nvmsim.accuracy.stats import TASK, TEST_SET
from nvmsim.defaults import PRECISION, TIME_LIMIT_S, TRIALS
from nvmsim.device.every_model import read_every_model
from nvmsim.device.profile import Condition, Device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.device.schema import Wrong
from nvmsim.device.sections import CONDITION
from nvmsim.errors import InputError
from nvmsim.study.scheme import Scheme, parse_schemes

_OPTIONS = {"reads_per_page": "reads", "temperature_c": "temperature"}  # where an option is not named by its key


@dataclass(frozen=True, kw_only=True)
class Effort:
    """When to stop sampling: ``trials`` a row, interval half-width ``precision`` (a fraction), seconds of sampling.

    ``target`` is what intervals are about: "this test set", or "the task" that it was drawn from.
    """

    trials: int = TRIALS
    precision: float = PRECISION
    time_limit_s: float = TIME_LIMIT_S
    target: str = TEST_SET

    def problems(self) -> list[str]:
        """Say what is out of range."""
        checks = {
            f"--trials: {self.trials}: must be from 1 to 1000000": 1 <= self.trials <= 1_000_000,
            f"--precision: {self.precision}: must be above 0 and below 1": 0 < self.precision < 1,
            f"--time-limit: {self.time_limit_s}: must be above 0 seconds": self.time_limit_s > 0,
            f"--target: {self.target!r}: must be {TEST_SET!r} or {TASK!r}": self.target in (TEST_SET, TASK),
        }
        return [problem for problem, holds in checks.items() if not holds]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Everything that decides a run's result; ``model`` is a Card or a Model of `nvmsim.zoo`.

    ``device_seed`` says which device of its kind it is: which of its pages are bad, which cells stuck.
    ``reads_per_inference`` 1: weights are read again for each batch, a block of 500 images; 0: once for all.
    """

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
    device_seed: int = 0
    reads_per_inference: int = 0


def common_problems(*, range_scope: str, seed: int, workers: int | None) -> list[str]:
    """Say what is wrong with the settings that every study has."""
    checks = {
        f"--range-scope: {range_scope!r}: must be one of {', '.join(SCOPES)}": range_scope in SCOPES,
    }
    problems = [problem for problem, holds in checks.items() if not holds]
    return problems + seed_problems("--seed", seed) + workers_problems(workers)


def seed_problems(option: str, seed: int) -> list[str]:
    """Say what is wrong with a seed."""
    return [] if 0 <= seed < 2**64 else [f"{option}: {seed}: must be from 0 to 2^64 - 1"]


def workers_problems(workers: int | None) -> list[str]:
    """Say what is wrong with a number of processes; None: one a core."""
    return [] if workers is None or 1 <= workers <= 1024 else [f"--workers: {workers}: must be from 1 to 1024"]


def choose_condition(
    device: Device, name: str | None, *, rber: float | None = None, **changes: float | None
) -> Condition:
    """Return the named age of a device (None: its default) with some quantities changed (None: as they are).

    Raises InputError on an unknown name, a value out of range, or an age beside an ``rber`` that takes its place.
    """
    problems, base = [], None
    try:
        base = device.condition(name)
    except InputError as error:
        problems += error.problems
    given = {key: value for key, value in changes.items() if value is not None}
    if rber is not None and (beside := [*(["condition"] if name else []), *given]):
        typed = ", ".join(f"--{_OPTIONS.get(key, key).replace('_', '-')}" for key in beside)
        problems.append(f"--rber: stands in place of an age: leave out {typed}, or --rber")
    for key, value in given.items():
        try:
            CONDITION[key].kind.read(value)
        except Wrong as error:
            problems.append(f"{key}: {value:g}: must be {error}")
    if problems:
        raise InputError(problems)
    return replace(base, **given, name=f"{base.name}, changed") if given else base


def choose_rates(device: Device, condition: Condition, *, rber: float | None) -> Rates:
    """Return the rates of the device's age, or ``rber`` for every bit; InputError unless it is from 0 to 0.5."""
    if rber is None:
        return device_rates(device, condition)
    if not 0 <= rber <= 0.5:
        raise InputError(f"--rber: {rber:g}: must be from 0 to 0.5")
    keys = read_every_model(device.rber)
    varied = zip(("page", "block", "layer"), (keys.page_sigma, keys.block_sigma, keys.layer_factors), strict=True)
    others = {f"{part}_variation": given for part, given in varied}
    others |= {"stuck_at": keys.stuck, "stored_one_fraction": keys.stored_one_fraction is not None}
    others |= {"read_retry": device.rber.get("read_retry")}
    left = ", ".join(f"rber.{key}" for key, given in others.items() if given)
    said = (f"--rber: stands for every bit at every read: {left} of the profile left out",) if left else ()
    return Rates(((rber, rber),) * device.cell.bits, said, per_read_fraction=keys.per_read_fraction)


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
    device_seed: int = 0,
    reads_per_inference: int = 0,
) -> Question:
    """Check a question as a whole; raises InputError with every problem."""
    problems = effort.problems() + common_problems(range_scope=range_scope, seed=seed, workers=workers)
    problems += seed_problems("--device-seed", device_seed)
    if reads_per_inference not in (0, 1):
        problems.append(f"--reads-per-inference: {reads_per_inference}: must be 0 (once for all images) or 1 (a batch)")
    parsed, rates = (), None
    try:
        parsed = parse_schemes(schemes, network=model.name, tensors=model.tensors)
    except InputError as error:
        problems += error.problems
    try:
        rates = _told(choose_rates(device, condition, rber=rber), reads_per_inference)
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
        device_seed=device_seed,
        reads_per_inference=reads_per_inference,
    )


def _told(rates: Rates, reads_per_inference: int) -> Rates:
    """Say where reading again finds nothing new."""
    if not reads_per_inference or rates.per_read_fraction:
        return rates
    said = "reads_per_inference 1 changes nothing: without rber.per_read_fraction every read finds the same errors"
    return replace(rates, warnings=(*rates.warnings, said))
