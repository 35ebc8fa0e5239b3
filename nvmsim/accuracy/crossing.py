"""Where a mean accuracy falls through a target, from estimates at a few rates: the paper's robustness R(x).

The interval of R inverts the test of the mean: a rate belongs to it where the 95 % interval of the mean accuracy holds
the target. At the true R that fails in one case of twenty, whatever the curve looks like elsewhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from nvmsim.errors import InputError

EQUAL, ABOVE, BELOW = "=", ">", "<"
NO_LOSS = 1e-9  # stands for none on a logarithmic scale: it moves an upper limit of R up, never down


class Limits(Protocol):
    """A mean accuracy between its 95 % limits, such as `stats.Interval` or `estimate.Estimate`; all fractions."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Crossing:
    """Where the mean accuracy first falls below the target, as rates (bit error rates per bit).

    ``relation`` says how R relates to ``rate``: "=", or ">" (above the highest rate given) or "<" (below the lowest).
    ``low`` and ``high`` are the 95 % limits of R, None where the rates given do not bound it. ``on_grid`` is the
    largest rate given whose mean is at least the target (the paper's R(x), Section III.A), None if none is.
    ``others`` are the later crossings, up or down, of a curve that is not monotone.
    """

    rate: float
    relation: str
    low: float | None
    high: float | None
    on_grid: float | None
    others: tuple[float, ...] = ()

    @property
    def relative_width(self) -> float:
        """The interval's width in parts of R; infinite where a side is open or R was not met."""
        if self.relation != EQUAL or self.low is None or self.high is None:
            return math.inf
        return (self.high - self.low) / self.rate


def crossing(
    points: Sequence[tuple[float, Limits]],
    *,
    target: float,
    undistorted: float | None = None,
    bends: Sequence[float] = (),
) -> Crossing:
    """Return where the mean accuracy of ``points``, (rate > 0, limits) in any order, falls below ``target``.

    Between rates the means and the limits are taken as linear in the logarithm of the rate. With the accuracy
    ``undistorted`` (above the target) the losses against it are taken as powers of the rate, where even the upper
    limits lose something: losses bend upwards, and a straight line between rates far apart meets the target too early.
    ``bends`` are the rates where they do, if not the points' own limits say so: intervals of two kinds about the same
    means must draw one curve.
    The interval reaches from the crossing down to where the lower limit reaches the target and up to where the upper
    limit falls below it: with equal trials at all rates these are the crossings of the lower and the upper limits.
    Raises InputError without a point, or where rates are not positive, finite and different.

    >>> from nvmsim.accuracy.stats import Interval
    >>> points = [(0.01, Interval(0.96, 0.95, 0.97)), (0.02, Interval(0.94, 0.93, 0.95))]
    >>> found = crossing(points, target=0.95)
    >>> round(found.rate, 5), found.low, found.high, found.on_grid
    (0.01414, 0.01, None, 0.01)
    """
    ordered = sorted(points, key=lambda point: point[0])
    rates = [rate for rate, _ in ordered]
    _check(rates)
    losing = set(bends) or losing_rates(points, undistorted)
    means, lows, highs = ([getattr(limits, name) for _, limits in ordered] for name in ("mean", "low", "high"))

    def at(values: Sequence[float], place: int) -> float:
        # The mean and its limits are drawn the same way between two rates, so that they cannot cross each other.
        ends = slice(max(place, 0), place + 2)
        loses = undistorted is not None and all(rate in losing for rate in rates[ends])
        return _at(rates, values, place, target=target, undistorted=undistorted if loses else None)

    last = len(rates) - 1
    turns = [i for i in range(last) if (means[i] >= target) != (means[i + 1] >= target)]
    first = _first(means, target)
    below = next((i for i in range(min(first, last), -1, -1) if lows[i] >= target), None)
    above = next((i for i in range(first + 1, last + 1) if highs[i] < target), None)
    return Crossing(
        rate=at(means, first),
        relation=BELOW if first < 0 else ABOVE if first == last else EQUAL,
        low=None if below is None else at(lows, below),
        high=None if above is None else at(highs, above - 1),
        on_grid=max((rate for rate, limits in ordered if limits.mean >= target), default=None),
        others=tuple(at(means, i) for i in turns if i != first),
    )


def losing_rates(points: Sequence[tuple[float, Limits]], undistorted: float | None) -> set[float]:
    """Return the rates at which even the upper limit lies below the accuracy ``undistorted``."""
    return {rate for rate, limits in points if undistorted is not None and limits.high < undistorted}


def _check(rates: Sequence[float]) -> None:
    if not rates:
        raise InputError("crossing: needs the accuracy at one rate at least")
    problems = [f"rate {rate}: must be positive and finite" for rate in rates if not 0 < rate < math.inf]
    problems += [f"rate {a}: is given twice" for a, b in pairwise(rates) if a == b]
    if problems:
        raise InputError(problems)


def _first(means: Sequence[float], target: float) -> int:
    """Return the last place before the mean first falls below the target: -1 if it starts there."""
    return next((i for i, mean in enumerate(means) if mean < target), len(means)) - 1


def _at(
    rates: Sequence[float], values: Sequence[float], place: int, *, target: float, undistorted: float | None
) -> float:
    """Return the rate between ``place`` and the next at which ``values`` meet the target; at an end, that end's."""
    if place < 0 or place + 1 == len(rates):
        return rates[max(place, 0)]
    ends = (values[place], values[place + 1], target)
    if undistorted is not None:
        ends = tuple(-math.log(max(undistorted - end, NO_LOSS)) for end in ends)
    before, behind, wanted = ends
    part = (before - wanted) / (before - behind) if before != behind else 0.0
    return rates[place] * (rates[place + 1] / rates[place]) ** part
