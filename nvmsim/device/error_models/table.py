"""Measured rates at some ages, and interpolation between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nvmsim.device.error_models.fitted_range import FittedRange, fitted_range
from nvmsim.device.error_models.log_time import log_time
from nvmsim.device.error_models.parameters import ARRHENIUS_KEYS, Parameters
from nvmsim.device.rber import MAX_RBER, ErrorModel, Rates, clipped

if TYPE_CHECKING:
    from nvmsim.device.profile import Cell, Condition

POINT = ("pe_cycles", "retention_days", "rber")


@dataclass(frozen=True)
class Point:
    """One measured age, with one RBER a page type."""

    pe_cycles: float
    retention_days: float
    rber: tuple[float, ...]


@dataclass(frozen=True)
class Table(ErrorModel):
    """Rates between measured points: log RBER is linear in log retention time and in P/E cycles.

    Parameters::

        points:                                 # at least one; each RBER above 0 and at most 0.5
          - {pe_cycles: 0, retention_days: 1, rber: 1.0e-4}
          - {pe_cycles: 0, retention_days: 365, rber: {lsb: 1.0e-4, msb: 3.0e-4}}   # or one number a page type
        page_type_factors: {lsb: 0.5, msb: 1.5} # page RBER / mean RBER for points with one number; default 1; mean 1
        activation_energy_ev: 1.1               # default 1.1
        reference_temperature_c: 40             # of the points; default 40
        valid_range: {temperature_c: [25, 55], reads_per_page: [0, 10]}     # optional; reads default to [0, 0]

    Points with equal P/E cycles form a series in time; the series need not share their times. A point at
    0 days is joined to the next linearly in time. Outside the points, and outside a series of those in use, the
    nearest end is taken, with a warning.
    The points carry no read disturb beyond what was in the measurement.
    """

    points: tuple[Point, ...]
    fitted: FittedRange
    keys: ClassVar[tuple[str, ...]] = ("points", "page_type_factors", "valid_range", *ARRHENIUS_KEYS)

    @classmethod
    def from_profile(cls, parameters: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> Table:
        """Build it from a profile; raises InputError with every problem."""
        read = Parameters(parameters, cls.keys)
        factors = read.page_type_factors(page_types)
        points = sorted(_points(read, page_types, factors), key=_age)
        fitted = fitted_range(read, _known(points))
        read.check()
        return cls(tuple(points), fitted)

    def rates(self, condition: Condition) -> Rates:
        """Return the rates of each page type, equal for both stored bits."""
        days = self.fitted.equivalent_days(condition)
        series = [list(points) for _, points in groupby(self.points, key=lambda point: point.pe_cycles)]
        logs = np.array([_log_rber_at(points, days) for points in series])
        wear = [points[0].pe_cycles for points in series]
        means = np.exp([np.interp(condition.pe_cycles, wear, column) for column in logs.T])
        said = self.fitted.warnings(condition, nearest=("pe_cycles", "retention_days", "reads_per_page"))
        asked = self.fitted.said("retention_days", condition)
        said += tuple(f"{asked} {text}" for text in _short_series(series, condition.pe_cycles, days))
        return clipped([(rate, rate) for rate in means], said)

    def idle(self, condition: Condition) -> tuple[str, ...]:
        """Name the parameters of temperature that say nothing at this age, nor beyond the points."""
        each = groupby(self.points, key=lambda point: point.pe_cycles)
        idle = [self.fitted.idle(condition, knots=[point.retention_days for point in points]) for _, points in each]
        return min(idle, key=len)  # what says nothing in any series

    def defaults(self) -> Mapping[str, Any]:
        """Return those of the temperature."""
        return self.fitted.defaults()


def _points(read: Parameters, page_types: Sequence[str], factors: tuple[float, ...]) -> list[Point]:
    points = []
    for item in read.items("points", POINT):
        rber = item.by_page_type("rber", page_types, high=MAX_RBER, above=True)
        if not isinstance(item.values.get("rber"), Mapping):
            rber = tuple(rate * factor for rate, factor in zip(rber, factors, strict=True))
        points.append(Point(item.number("pe_cycles"), item.number("retention_days"), rber))
        if not item.problems and _age(points[-1]) in map(_age, points[:-1]):
            item.problem("retention_days", points[-1].retention_days, "this age is there twice")
        read.adopt(item)
    return points


def _age(point: Point) -> tuple[float, float]:
    return point.pe_cycles, point.retention_days


def _known(points: Sequence[Point]) -> dict[str, tuple[float, float]]:
    if not points:
        return {}
    wear, days = zip(*map(_age, points), strict=True)
    return {
        "pe_cycles": (min(wear), max(wear)),
        "retention_days": (min(days), max(days)),
        "reads_per_page": (0.0, 0.0),
    }


def _short_series(series: Sequence[Sequence[Point]], pe_cycles: float, days: float) -> tuple[str, ...]:
    """Say which series of those that the wear lies between end before these days, or begin later, if not all do."""
    spans = [(points[0].pe_cycles, points[0].retention_days, points[-1].retention_days) for points in series]
    below = max((wear for wear, *_ in spans if wear <= pe_cycles), default=spans[0][0])
    above = min((wear for wear, *_ in spans if wear >= pe_cycles), default=spans[-1][0])
    outside = [span for span in spans if not span[1] <= days <= span[2]]
    if not min(low for _, low, _ in spans) <= days <= max(high for *_, high in spans):
        return ()  # the range of all points is told of already
    return tuple(
        f"lies outside the points at pe_cycles {wear:g}, {low:g} to {high:g}; taken as "
        f"{min(max(days, low), high):g} there"
        for wear, low, high in outside
        if below <= wear <= above
    )


def _log_rber_at(points: Sequence[Point], days: float) -> np.ndarray:
    """Interpolate one series in time: log RBER of each page type, float64."""
    times = [point.retention_days for point in points]
    where = log_time(np.array([days, *times]), times)
    logs = np.log([point.rber for point in points]).T
    return np.array([np.interp(where[0], where[1:], row) for row in logs])
