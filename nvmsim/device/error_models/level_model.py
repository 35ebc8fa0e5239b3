"""What all error models of levels share: read levels, the Gray code, and retries at tuned read levels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nvmsim.device.error_models.fitted_range import FittedRange
from nvmsim.device.error_models.parameters import Parameters
from nvmsim.device.error_models.read_levels import Levels, misread, optimal_read_levels
from nvmsim.device.gray_codes import gray_labels
from nvmsim.device.rber import ErrorModel, Rates, clipped
from nvmsim.errors import InputError

if TYPE_CHECKING:
    from nvmsim.device.profile import Cell, Condition

LEVEL_KEYS = ("read_levels", "read_retry")
REOPTIMISED = "reoptimised"


@dataclass(frozen=True, kw_only=True)
class LevelModel(ErrorModel):
    """A cell stores one of Gaussian levels; a bit is wrong where the Gray labels of stored and read level differ.

    Levels are equally likely (scrambled data). A model says by :meth:`levels` where they are at an age. Read levels are
    fixed where they were best at ``optimal_at_days``, or best at every age if that is None; with ``retry_steps`` N,
    retry r reads at levels moved r/N (at most all) of the way to the best ones.
    """

    gray_code: str
    optimal_at_days: float | None
    retry_steps: float | None
    fitted: FittedRange
    nearest: ClassVar[tuple[str, ...]] = ()
    axis: ClassVar[str] = "state of the cell"

    @abstractmethod
    def levels(self, days: float) -> Levels:
        """Return mean and sigma of every level after ``days`` (at least 0) at the reference temperature."""

    def rates(self, condition: Condition) -> Rates:
        """Return the rates of each page type and stored bit."""
        said = self.fitted.warnings(condition, nearest=self.nearest)
        return clipped(self._flips(condition, tuned=0.0), said)

    def retry_rates(self, condition: Condition, attempts: int) -> tuple[Rates, ...]:
        """Return the rates at read levels that are tuned retry by retry; none without ``read_retry``."""
        if self.retry_steps is None:
            return ()
        parts = (min(1.0, attempt / self.retry_steps) for attempt in range(1, attempts + 1))
        return tuple(clipped(self._flips(condition, tuned=part)) for part in parts)

    def read_levels(self, levels: Levels, *, tuned: float = 0.0) -> np.ndarray:
        """Return where cells at ``levels`` are read, moved by the part ``tuned`` (0 to 1) of the way to the best.

        float64 (levels - 1), never falling, whatever is rounded.
        """
        fixed = self.optimal_at_days
        first = optimal_read_levels(levels if fixed is None else self.levels(fixed))
        if not tuned:
            return first
        return np.maximum.accumulate(first + tuned * (optimal_read_levels(levels) - first))

    def idle(self, condition: Condition) -> tuple[str, ...]:
        """Name the wear for which the levels hold, which only warns."""
        return ("pe_cycles",)

    def defaults(self) -> Mapping[str, Any]:
        """Return the age for which the read levels are best, if that is not every age."""
        return {} if self.optimal_at_days is None else {"read_levels": {"optimal_at_days": self.optimal_at_days}}

    def _flips(self, condition: Condition, *, tuned: float) -> list[tuple[float, ...]]:
        levels = self.levels(self.fitted.equivalent_days(condition))
        chance = misread(levels, self.read_levels(levels, tuned=tuned))
        return [_flips(label, chance) for label in gray_labels(self.gray_code)]


def _flips(labels: np.ndarray, chance: np.ndarray) -> tuple[float, ...]:
    """Average P(the read level has the other label) over the levels that store 0, and over those that store 1."""
    return tuple(float(chance[np.ix_(labels == bit, labels != bit)].sum(axis=1).mean()) for bit in (0, 1))


def rising(read: Parameters, key: str, *, count: int, low: float = -np.inf, high: float = np.inf) -> tuple[float, ...]:
    """Read one mean a level, each above the one before."""
    mean = read.numbers(key, count=count, low=low, high=high)
    if any(above <= below for below, above in pairwise(mean)):
        read.problem(key, read.values[key], "must rise from level to level")
    return mean


def optimal_at(read: Parameters, *, low: float, high: float) -> float | None:
    """Read ``read_levels``: the age for which the read levels are best, by default ``low``; None for every age."""
    value = read.values.get("read_levels", {})
    if value == REOPTIMISED:
        return None
    if not isinstance(value, Mapping):
        read.problem("read_levels", value, f"must be {{optimal_at_days: DAYS}} or {REOPTIMISED}")
        return None
    inner = read.section("read_levels", ("optimal_at_days",))
    chosen = inner.number("optimal_at_days", low=low, high=high, default=low)
    read.adopt(inner)
    return chosen


def retry_steps(read: Parameters) -> float | None:
    """Read ``read_retry``, None where it is not there."""
    if "read_retry" not in read:
        return None
    inner = read.section("read_retry", ("steps",), read.values["read_retry"])
    steps = inner.number("steps", low=1.0)
    read.adopt(inner)
    return steps


def check_gray_code(read: Parameters, model: str, cell: Cell) -> None:
    """Note a problem unless ``cell`` has a Gray code of its bits, which ``model`` needs."""
    if cell.gray_code is None:
        read.problem("model", model, "needs cell.gray_code")
        return
    try:
        labels = gray_labels(cell.gray_code)
    except InputError as error:
        read.problem("model", model, str(error))
        return
    if len(labels) != cell.bits:
        read.problem("model", model, f"cell.gray_code {cell.gray_code} is not for cell.bits {cell.bits}")
