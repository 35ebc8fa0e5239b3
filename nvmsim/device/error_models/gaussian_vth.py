"""Threshold-voltage distributions, a Gray code and read levels give the rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nvmsim.device.error_models.fitted_range import FittedRange, fitted_range
from nvmsim.device.error_models.log_time import log_time
from nvmsim.device.error_models.parameters import ARRHENIUS_KEYS, Parameters
from nvmsim.device.error_models.read_levels import Levels, misread, optimal_read_levels
from nvmsim.device.gray_codes import gray_labels
from nvmsim.device.rber import ErrorModel, Rates, clipped
from nvmsim.errors import InputError

if TYPE_CHECKING:
    from nvmsim.device.profile import Cell, Condition

KEYS = ("pe_cycles", "states", "read_levels", "read_retry", "valid_range", *ARRHENIUS_KEYS)
STATE = ("retention_days", "mean", "sigma")
REOPTIMISED = "reoptimised"


@dataclass(frozen=True)
class GaussianVth(ErrorModel):
    """Each level's threshold voltage is a Gaussian; a bit is wrong where the Gray labels of stored and read differ.

    Levels are equally likely (scrambled data). Parameters (``cell.gray_code`` must be given)::

        pe_cycles: 2000                         # the wear for which the table holds
        states:                                 # one an age, at least one; 2^bits levels, erased level first
          - retention_days: 1
            mean: [-92.7, 66.6, 128.1, 191.9, 254.9, 318.3, 384.3, 448.1]   # any one unit of voltage; rising
            sigma: [48.2, 9.7, 9.7, 9.4, 9.3, 9.1, 9.5, 9.1]                # the same unit; above 0
        read_levels: {optimal_at_days: 1}       # fixed where they were best at that age (default: the first age),
                                                # or the word reoptimised: best at every age
        read_retry: {steps: 4}                  # optional, at least 1: retry r reads at levels moved r/4 (at most all)
                                                # of the way to the best ones, in place of ecc.retry.rber_factor
        activation_energy_ev: 1.1               # default 1.1
        reference_temperature_c: 40             # of the table; default 40
        valid_range: {pe_cycles: [1500, 2500], reads_per_page: [0, 10]}     # optional; reads default to [0, 0]

    Mean and sigma are linear in log time between ages; outside them the nearest age is taken, with a warning.
    Gaussian tails are known to be optimistic (Cai et al., Proc. IEEE 2017, from which the table above is).
    """

    gray_code: str
    ages: tuple[tuple[float, Levels], ...]
    optimal_at_days: float | None
    fitted: FittedRange
    retry_steps: float | None = None

    @classmethod
    def from_profile(cls, parameters: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> GaussianVth:
        """Build it from a profile; raises InputError with every problem."""
        read = Parameters(parameters, KEYS)
        wear = read.number("pe_cycles")
        ages = sorted(_ages(read, 2**cell.bits), key=lambda age: age[0])
        days = [age[0] for age in ages if age[0] >= 0] or [0.0]
        known = {"pe_cycles": (wear, wear), "retention_days": (days[0], days[-1]), "reads_per_page": (0.0, 0.0)}
        fixed, fitted = _optimal_at(read, days), fitted_range(read, known)
        model = cls(str(cell.gray_code), tuple(ages), fixed, fitted, _retry_steps(read))
        _check_gray_code(read, cell)
        read.check()
        return model

    def rates(self, condition: Condition) -> Rates:
        """Return the rates of each page type and stored bit."""
        said = self.fitted.warnings(condition, nearest=("pe_cycles", "retention_days", "reads_per_page"))
        return clipped(self._flips(condition, tuned=0.0), said)

    def retry_rates(self, condition: Condition, attempts: int) -> tuple[Rates, ...]:
        """Return the rates at read levels that are tuned retry by retry; none without ``read_retry``."""
        if self.retry_steps is None:
            return ()
        parts = (min(1.0, attempt / self.retry_steps) for attempt in range(1, attempts + 1))
        return tuple(clipped(self._flips(condition, tuned=part)) for part in parts)

    def _flips(self, condition: Condition, *, tuned: float) -> list[tuple[float, ...]]:
        """Return the rates at read levels moved by the part ``tuned`` of the way to the best ones at this age."""
        levels = self.levels(self.fitted.equivalent_days(condition))
        best = optimal_read_levels(levels)
        fixed = best if self.optimal_at_days is None else optimal_read_levels(self.levels(self.optimal_at_days))
        chance = misread(levels, fixed if not tuned else fixed + tuned * (best - fixed))
        return [_flips(label, chance) for label in gray_labels(self.gray_code)]

    def levels(self, days: float) -> Levels:
        """Return mean and sigma of every level after ``days`` at the reference temperature."""
        knots = [age for age, _ in self.ages]
        where = log_time(np.array([days, *knots]), knots)
        rows = np.array([[level.mean, level.sigma] for _, level in self.ages])
        mean, sigma = np.apply_along_axis(lambda column: np.interp(where[0], where[1:], column), 0, rows)
        return Levels(tuple(mean), tuple(sigma))


def _flips(labels: np.ndarray, chance: np.ndarray) -> tuple[float, ...]:
    """Average P(the read level has the other label) over the levels that store 0, and over those that store 1."""
    return tuple(float(chance[np.ix_(labels == bit, labels != bit)].sum(axis=1).mean()) for bit in (0, 1))


def _ages(read: Parameters, count: int) -> list[tuple[float, Levels]]:
    ages = []
    for item in read.items("states", STATE):
        mean, sigma = item.numbers("mean", count=count), item.numbers("sigma", count=count, low=0, above=True)
        if any(high <= low for low, high in pairwise(mean)):
            item.problem("mean", item.values["mean"], "must rise from level to level")
        ages.append((item.number("retention_days"), Levels(mean, sigma)))
        if not item.problems and ages[-1][0] in [days for days, _ in ages[:-1]]:
            item.problem("retention_days", ages[-1][0], "this age is there twice")
        read.adopt(item)
    return ages


def _optimal_at(read: Parameters, days: Sequence[float]) -> float | None:
    """Read ``read_levels``: the age for which the read levels are best, None for every age."""
    value = read.values.get("read_levels", {})
    if value == REOPTIMISED:
        return None
    if not isinstance(value, Mapping):
        read.problem("read_levels", value, f"must be {{optimal_at_days: DAYS}} or {REOPTIMISED}")
        return None
    inner = read.section("read_levels", ("optimal_at_days",))
    chosen = inner.number("optimal_at_days", low=days[0], high=days[-1], default=days[0])
    read.adopt(inner)
    return chosen


def _retry_steps(read: Parameters) -> float | None:
    if "read_retry" not in read:
        return None
    inner = read.section("read_retry", ("steps",), read.values["read_retry"])
    steps = inner.number("steps", low=1.0)
    read.adopt(inner)
    return steps


def _check_gray_code(read: Parameters, cell: Cell) -> None:
    if cell.gray_code is None:
        read.problem("model", "gaussian_vth", "needs cell.gray_code")
        return
    try:
        labels = gray_labels(cell.gray_code)
    except InputError as error:
        read.problem("model", "gaussian_vth", str(error))
        return
    if len(labels) != cell.bits:
        read.problem("model", "gaussian_vth", f"cell.gray_code {cell.gray_code} is not for cell.bits {cell.bits}")
