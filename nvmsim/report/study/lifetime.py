"""How long each scheme serves: the ages up to which it surely loses no more than wanted."""

from dataclasses import dataclass
from itertools import pairwise
from math import asinh

from nvmsim.report.study.panels import Panel, Series, Step
from nvmsim.study.tradeoff import Row, surely_fits

LINEAR_POINTS = 0.1  # the scale of drops is linear within so many points, and logarithmic beyond


@dataclass(frozen=True)
class Lifetime:
    """The life of one scheme read in one mode.

    ``last`` is the last age up to which the drop surely stays within what is wanted (None: it never does), ``beyond``
    the first age at which it surely does not (None: no such age was measured). ``crossing`` is where the mean drop
    passes it between two measured ages, as a place on the axis (None: it does not).
    """

    series: Series
    last: Step | None
    beyond: Step | None
    crossing: float | None


def lifetimes(panel: Panel, *, max_drop_points: float) -> tuple[Lifetime, ...]:
    """Return the life of every scheme and mode of a panel."""
    return tuple(_lifetime(panel, series, max_drop_points) for series in panel.series)


def _lifetime(panel: Panel, series: Series, most: float) -> Lifetime:
    last = None
    for step in panel.steps:
        row = step.row(series)
        if row is None or not surely_fits(row, most):
            break
        last = step
    beyond = next((step for step in panel.steps if (row := step.row(series)) and _surely_too_much(row, most)), None)
    return Lifetime(series, last, beyond, _crossing(panel, series, most))


def _surely_too_much(row: Row, most: float) -> bool:
    return row.drop_low > most or row.fails_uber


def _crossing(panel: Panel, series: Series, most: float) -> float | None:
    points = [(step.place, row.drop_points) for step in panel.steps if (row := step.row(series))]
    for (before, low), (after, high) in pairwise(points):
        if low <= most < high:
            share = (_bent(most) - _bent(low)) / (_bent(high) - _bent(low))
            return before + share * (after - before)
    return None


def _bent(points: float) -> float:
    return asinh(points / LINEAR_POINTS)
