"""From the age of a device to the probability that a stored bit is read wrong (RBER)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nvmsim.device.block_variation import BlockVariation, block_variation
from nvmsim.device.every_model import StuckAt, read_every_model
from nvmsim.device.page_classes import PageClasses, combined_classes
from nvmsim.device.sections import EVERY_MODEL
from nvmsim.errors import InputError
from nvmsim.plugins import lookup

if TYPE_CHECKING:
    from nvmsim.device.profile import Cell, Condition, Device

MAX_RBER = 0.5


@dataclass(frozen=True)
class Rates:
    """Probability that a bit flips, for each page type and stored bit.

    ``by_page_type[type]`` is (P(flip | stored 0), P(flip | stored 1)), each in [0, 0.5]; page types are in
    the order lsb, csb, msb, tsb. ``warnings`` says where the model was asked outside its fit. A page's own rates are
    these times its factor, that of its class (`combined_classes(page_sigma, blocks)`), at most 0.5. A
    ``per_read_fraction`` of them is drawn anew at each read. ``retries[r - 1]`` are the rates of read attempt r, empty
    where ECC's ``rber_factor`` says. Cells that are ``stuck`` have none of these rates, and no factor.
    Raises InputError if there is no page type or a rate lies outside [0, 0.5].

    >>> Rates(((1e-3, 3e-3), (2e-3, 2e-3))).mean
    0.002
    """

    by_page_type: tuple[tuple[float, float], ...]
    warnings: tuple[str, ...] = ()
    page_sigma: float = 0.0
    per_read_fraction: float = 0.0
    stuck: StuckAt | None = None
    retries: tuple[tuple[tuple[float, float], ...], ...] = ()
    blocks: BlockVariation | None = None

    def __post_init__(self) -> None:
        wrong = [rate for pair in self.by_page_type for rate in pair if not 0 <= rate <= MAX_RBER]
        if wrong or not self.by_page_type:
            raise InputError([f"RBER {rate}: must be from 0 to 0.5" for rate in wrong] or "rates of no page type")

    @property
    def mean(self) -> float:
        """The RBER averaged over page types and stored bits, in [0, 0.5], with stuck cells."""
        return float(self.seen.mean())

    @property
    def seen(self) -> np.ndarray:
        """What a read finds wrong of any cell, stuck ones among them: float64 of shape (page types, 2)."""
        if self.stuck is None:
            return self.array
        ones = self.stuck.value_one_fraction
        return (1 - self.stuck.fraction) * self.array + self.stuck.fraction * np.array([ones, 1 - ones])

    @property
    def array(self) -> np.ndarray:
        """The rates of cells that are not stuck, as float64 of shape (page types, 2)."""
        return np.array(self.by_page_type, dtype=np.float64)

    @property
    def worst(self) -> float:
        """The highest rate of any bit on any page, in [0, 0.5]."""
        highest = max(rate for attempt in (self.by_page_type, *self.retries) for pair in attempt for rate in pair)
        return min(highest * self.classes.factors[-1], MAX_RBER)

    @property
    def classes(self) -> PageClasses:
        """The classes of pages, and how many pages are of each."""
        return combined_classes(self.page_sigma, self.blocks)

    def page_mean(self, of: Callable[[float], float], rber: float) -> float:
        """Return the mean over pages of a function of the page's RBER, where the mean page has ``rber``.

        Half of the stuck cells are wrong besides, as data are scrambled.

        >>> Rates(((1e-3, 1e-3),)).page_mean(lambda rber: rber**2, 0.5)
        0.25
        """
        stuck = 0.0 if self.stuck is None else self.stuck.fraction
        pages = zip(self.classes.factors, self.classes.shares, strict=True)
        return sum(share * of((1 - stuck) * min(rber * factor, MAX_RBER) + stuck / 2) for factor, share in pages)


def clipped(by_page_type: Iterable[Sequence[float]], warnings: Sequence[str] = ()) -> Rates:
    """Return Rates cut to [0, 0.5], with a warning that names the largest rate that was cut.

    >>> clipped([(0.7, 0.1)]).warnings
    ('rber: 0.7 is cut to 0.5, where a read says nothing about the stored bit',)
    """
    rates = [tuple(float(rate) for rate in pair) for pair in by_page_type]
    worst = max(max(pair) for pair in rates)
    if worst > MAX_RBER:
        warnings = (*warnings, f"rber: {worst:g} is cut to 0.5, where a read says nothing about the stored bit")
    return Rates(tuple((min(zero, MAX_RBER), min(one, MAX_RBER)) for zero, one in rates), tuple(warnings))


class ErrorModel(ABC):
    """Gives the rates of a device at one age; a profile's ``rber`` section names one and its parameters.

    ``keys`` are the parameters that it reads, for editors; empty where it does not say.
    """

    keys: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abstractmethod
    def from_profile(cls, parameters: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> ErrorModel:
        """Build the model from the ``rber`` section less ``model``.

        Raises InputError with every problem; keys are relative to ``rber``.
        """

    @abstractmethod
    def rates(self, condition: Condition) -> Rates:
        """Return the rates at this age; outside the fitted range, with a warning that names quantity and range."""

    def retry_rates(self, condition: Condition, attempts: int) -> tuple[Rates, ...]:
        """Return the rates of read attempts 1 to ``attempts``; none: each retry has ``ecc.retry.rber_factor``."""
        return ()

    def idle(self, condition: Condition) -> tuple[str, ...]:
        """Name the parameters that say nothing of the rates of a first read at this age."""
        return ()

    def defaults(self) -> Mapping[str, Any]:
        """Return what holds of the parameters that a profile may leave out, and that rates rest on."""
        return {}


def build_error_model(rber: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> ErrorModel:
    """Build the error model that an ``rber`` section (``model`` and its parameters) describes.

    Raises InputError with every problem, each named ``rber.KEY``.

    >>> from nvmsim.device.profile import Cell, Condition
    >>> build_error_model({"model": "constant", "rber": 1e-3}, Cell(1), ("lsb",)).rates(Condition()).mean
    0.001
    """
    if "model" not in rber:
        raise InputError("rber.model: missing; must name an error model")
    parameters = {key: value for key, value in rber.items() if key != "model" and key not in EVERY_MODEL}
    problems: list[str] = []
    for build in (lambda: read_every_model(rber), lambda: _model(rber["model"], parameters, cell, page_types)):
        try:
            found = build()
        except InputError as error:
            problems += [_within_rber(problem) for problem in error.problems]
    if problems:
        raise InputError(problems)
    return found


def _model(name: str, parameters: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> ErrorModel:
    return lookup("error_model", name).from_profile(parameters, cell, page_types)


def _within_rber(problem: str) -> str:
    return f"rber.model: {problem}" if problem.startswith("error_model ") else f"rber.{problem}"


def error_model(device: Device) -> ErrorModel:
    """Build the error model of a device; raises InputError with every problem of its ``rber`` section."""
    return build_error_model(device.rber, device.cell, device.page_types)


def device_rates(device: Device, condition: Condition) -> Rates:
    """Return the rates of a device at an age, with all that its ``rber`` section says beside the model.

    >>> from nvmsim.device.profile import load_device
    >>> tlc = load_device("tlc")
    >>> round(device_rates(tlc, tlc.condition("worn")).mean, 4)
    0.004
    """
    model, attempts = error_model(device), device.ecc.retry.max
    retries = tuple(rates.by_page_type for rates in model.retry_rates(condition, attempts))
    return _with_keys(replace(model.rates(condition), retries=retries), device)


def _with_keys(rates: Rates, device: Device) -> Rates:
    """Add what the keys that any model may have say; with a warning where a factor would lead beyond 0.5."""
    keys = read_every_model(device.rber)
    if keys.stored_one_fraction is not None:
        rates = _shared_out(rates, keys.stored_one_fraction)
    blocks = block_variation(keys, device.geometry, device.cell.bits)
    beside = {"per_read_fraction": keys.per_read_fraction, "stuck": keys.stuck}
    found = replace(rates, page_sigma=keys.page_sigma, blocks=blocks, **beside)
    beyond = float(rates.array.max()) * found.classes.factors[-1]
    if beyond <= MAX_RBER:
        return found
    names = ", ".join(f"rber.{key}" for key in EVERY_MODEL if key.endswith("_variation") and key in device.rber)
    said = f"{names}: the worst pages would have {beyond:.2g}; cut to 0.5, so that the mean is lower"
    return replace(found, warnings=(*rates.warnings, said))


def _shared_out(rates: Rates, stored_one_fraction: float) -> Rates:
    """Share each page type's errors out anew between stored ones and zeros, in place of the model's own shares."""
    of_bit = 2 * (1 - stored_one_fraction), 2 * stored_one_fraction

    def share(by_page_type: Iterable[Sequence[float]]) -> list[list[float]]:
        return [[sum(pair) / 2 * part for part in of_bit] for pair in by_page_type]

    cut = clipped(share(rates.by_page_type), rates.warnings)
    retries = tuple(clipped(share(attempt)).by_page_type for attempt in rates.retries)
    return replace(rates, by_page_type=cut.by_page_type, warnings=cut.warnings, retries=retries)
