"""Threshold-voltage distributions, a Gray code and read levels give the rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nvmsim.device.error_models.fitted_range import fitted_range
from nvmsim.device.error_models.level_model import (
    LEVEL_KEYS,
    LevelModel,
    check_gray_code,
    optimal_at,
    retry_steps,
    rising,
)
from nvmsim.device.error_models.log_time import log_time
from nvmsim.device.error_models.parameters import ARRHENIUS_KEYS, Parameters
from nvmsim.device.error_models.read_levels import Levels

if TYPE_CHECKING:
    from nvmsim.device.profile import Cell, Condition

KEYS = ("pe_cycles", "states", "valid_range", *LEVEL_KEYS, *ARRHENIUS_KEYS)
STATE = ("retention_days", "mean", "sigma")


@dataclass(frozen=True, kw_only=True)
class GaussianVth(LevelModel):
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

    ages: tuple[tuple[float, Levels], ...]
    keys: ClassVar[tuple[str, ...]] = KEYS
    nearest: ClassVar[tuple[str, ...]] = ("pe_cycles", "retention_days", "reads_per_page")
    axis: ClassVar[str] = "threshold voltage at {age}, arbitrary unit"

    @classmethod
    def from_profile(cls, parameters: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> GaussianVth:
        """Build it from a profile; raises InputError with every problem."""
        read = Parameters(parameters, cls.keys)
        wear = read.number("pe_cycles")
        ages = sorted(_ages(read, 2**cell.bits), key=lambda age: age[0])
        days = [age[0] for age in ages if age[0] >= 0] or [0.0]
        known = {"pe_cycles": (wear, wear), "retention_days": (days[0], days[-1]), "reads_per_page": (0.0, 0.0)}
        model = cls(
            gray_code=str(cell.gray_code),
            ages=tuple(ages),
            optimal_at_days=optimal_at(read, low=days[0], high=days[-1]),
            fitted=fitted_range(read, known),
            retry_steps=retry_steps(read),
        )
        check_gray_code(read, "gaussian_vth", cell)
        read.check()
        return model

    def levels(self, days: float) -> Levels:
        """Return mean and sigma of every level after ``days`` at the reference temperature."""
        knots = [age for age, _ in self.ages]
        where = log_time(np.array([days, *knots]), knots)
        rows = np.array([[level.mean, level.sigma] for _, level in self.ages])
        mean, sigma = np.apply_along_axis(lambda column: np.interp(where[0], where[1:], column), 0, rows)
        return Levels(tuple(mean), tuple(sigma))

    def idle(self, condition: Condition) -> tuple[str, ...]:
        """Name what only warns, and what temperature does not ask, nor outside the ages of the table."""
        return "pe_cycles", *self.fitted.idle(condition, knots=[age for age, _ in self.ages])

    def defaults(self) -> Mapping[str, Any]:
        """Return those of the read levels and of the temperature."""
        return super().defaults() | self.fitted.defaults()


def _ages(read: Parameters, count: int) -> list[tuple[float, Levels]]:
    ages = []
    for item in read.items("states", STATE):
        mean = rising(item, "mean", count=count)
        sigma = item.numbers("sigma", count=count, low=0, above=True)
        ages.append((item.number("retention_days"), Levels(mean, sigma)))
        if not item.problems and ages[-1][0] in [days for days, _ in ages[:-1]]:
            item.problem("retention_days", ages[-1][0], "this age is there twice")
        read.adopt(item)
    return ages
