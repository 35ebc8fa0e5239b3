"""Resistance drift of phase-change memory: the resistance of a cell grows as a power of time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from nvmsim.device.error_models.fitted_range import fitted_range
from nvmsim.device.error_models.level_model import (
    LEVEL_KEYS,
    LevelModel,
    check_gray_code,
    optimal_at,
    retry_steps,
    rising,
)
from nvmsim.device.error_models.parameters import Parameters
from nvmsim.device.error_models.read_levels import Levels
from nvmsim.device.temperature import Arrhenius

if TYPE_CHECKING:
    from nvmsim.device.profile import Cell, Condition

LAW = ("mean_log10_ohm", "sigma_log10_ohm", "drift_exponent", "drift_exponent_sigma")
KEYS = (*LAW, "reference_s", "pe_cycles", "valid_range", *LEVEL_KEYS)
DAY_S = 86_400.0
# No cell is beyond these, and within them nothing overflows.
MOST_LOG10_OHM, LEAST_SIGMA, MOST_SIGMA = 30.0, 1e-6, 10.0
KNOWN_TEMPERATURES_C = (-148.0, 85.0)
ATHERMAL = Arrhenius(activation_energy_ev=0.0)


@dataclass(frozen=True, kw_only=True)
class Drift(LevelModel):
    """A cell of resistance R0 at t0 has R0 (t / t0)^nu at time t; R0 is log-normal and nu Gaussian, level by level.

    So log10 R is Gaussian with mean ``mean + nu d`` and variance ``sigma^2 + (sigma_nu d)^2`` after d = log10(t / t0)
    decades of time, and does not move before t0. The law is Ielmini et al., IEDM 2007; as a model of errors Xu and
    Zhang, ISQED 2010, and Awasthi et al., HPCA 2012. A bit is wrong where the Gray labels of the level stored and the
    level read differ; levels are equally likely (scrambled data). Parameters (``cell.gray_code`` must be given), lists
    with one number for each of the 2^bits levels, lowest resistance first::

        mean_log10_ohm: [3, 4, 5, 6]            # of R0; rising, from -30 to 30
        sigma_log10_ohm: [0.17, 0.17, 0.17, 0.17]           # from 1e-6 to 10
        drift_exponent: [0.001, 0.02, 0.06, 0.1]            # mean of nu, from 0 to 1; not falling: levels keep order
        drift_exponent_sigma: [0.0004, 0.008, 0.024, 0.04]  # from 0 to 1
        reference_s: 1                          # t0, above 0; default 1
        read_levels: {optimal_at_days: 0}       # fixed where they were best at that age (default: 0, as written),
                                                # or the word reoptimised: best at every age
        read_retry: {steps: 2}                  # optional, at least 1: retry r reads at levels moved r/2 (at most all)
                                                # of the way to the best ones, in place of ecc.retry.rber_factor
        pe_cycles: 0                            # the wear for which the numbers hold
        valid_range: {pe_cycles: [0, 100000], retention_days: [0, 365], reads_per_page: [0, 10], temperature_c: [0, 70]}

    Wear, reads and temperature change nothing; outside ``valid_range`` (defaults: the wear given, no reads, -148 to
    85 °C, any retention) with a warning. There is no activation energy, as exponents change little with temperature:
    0.07 at 125 K, 0.11 at 300 K (Khan et al., Appl. Phys. Lett. 2020, abstract). Both ends are assumptions:
    hotter, crystallisation soon ends retention, which this model does not know. Nor does it know that write-and-verify
    cuts the tails of R0: rates of the first seconds are too high.
    """

    mean: tuple[float, ...]
    sigma: tuple[float, ...]
    exponent: tuple[float, ...]
    exponent_sigma: tuple[float, ...]
    reference_s: float
    keys: ClassVar[tuple[str, ...]] = KEYS
    nearest: ClassVar[tuple[str, ...]] = ("pe_cycles", "reads_per_page", "temperature_c")
    axis: ClassVar[str] = "log10 of the resistance in ohm at {age}"

    @classmethod
    def from_profile(cls, parameters: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> Drift:
        """Build it from a profile; raises InputError with every problem."""
        read, count = Parameters(parameters, cls.keys), 2**cell.bits
        wear = read.number("pe_cycles")
        known = {"pe_cycles": (wear, wear), "reads_per_page": (0.0, 0.0), "temperature_c": KNOWN_TEMPERATURES_C}
        model = cls(
            gray_code=str(cell.gray_code),
            mean=rising(read, LAW[0], count=count, low=-MOST_LOG10_OHM, high=MOST_LOG10_OHM),
            sigma=read.numbers(LAW[1], count=count, low=LEAST_SIGMA, high=MOST_SIGMA),
            exponent=_exponents(read, count),
            exponent_sigma=read.numbers(LAW[3], count=count, low=0.0, high=1.0),
            reference_s=read.number("reference_s", above=True, default=1.0),
            optimal_at_days=optimal_at(read, low=0.0, high=math.inf),
            fitted=fitted_range(read, known, arrhenius=ATHERMAL),
            retry_steps=retry_steps(read),
        )
        check_gray_code(read, "drift", cell)
        read.check()
        return model

    def levels(self, days: float) -> Levels:
        """Return mean and sigma of log10 of the resistance in ohm of every level after ``days``."""
        decades = self.decades(days)
        start, spread = zip(self.mean, self.exponent, strict=True), zip(self.sigma, self.exponent_sigma, strict=True)
        return Levels(
            tuple(mean + nu * decades for mean, nu in start),
            tuple(math.hypot(sigma, nu * decades) for sigma, nu in spread),
        )

    def idle(self, condition: Condition) -> tuple[str, ...]:
        """Name what only warns, and what drift does not ask before it has begun."""
        begun = max(condition.retention_days, self.optimal_at_days or 0.0) * DAY_S >= self.reference_s
        return (*super().idle(condition), *(() if begun else (*LAW[2:], "reference_s")))

    def defaults(self) -> Mapping[str, Any]:
        """Return those of the read levels and the start of drift."""
        return super().defaults() | {"reference_s": self.reference_s}

    def decades(self, days: float) -> float:
        """Return log10(t / t0), 0 before t0.

        >>> from nvmsim.device.profile import load_device
        >>> from nvmsim.device.rber import error_model
        >>> round(error_model(load_device("pcm-mlc")).decades(1.0), 4)
        4.9365
        """
        if days <= 0:
            return 0.0
        return max(0.0, math.log10(days) + math.log10(DAY_S) - math.log10(self.reference_s))


def _exponents(read: Parameters, count: int) -> tuple[float, ...]:
    """Read the mean exponents: a level that drifts faster than the one above would overtake it."""
    exponents = read.numbers("drift_exponent", count=count, low=0.0, high=1.0)
    if any(above < below for below, above in pairwise(exponents)):
        read.problem("drift_exponent", read.values["drift_exponent"], "must not fall from level to level")
    return exponents
