"""What an ``rber`` section may say beside any error model: how pages differ, what a read adds, stuck cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nvmsim.device.error_models.parameters import Parameters
from nvmsim.device.sections import EVERY_MODEL, REQUIRED, Key


@dataclass(frozen=True)
class StuckAt:
    """A ``fraction`` of the cells is stuck; of these ``value_one_fraction`` read 1, the rest 0, whatever is stored."""

    fraction: float
    value_one_fraction: float


@dataclass(frozen=True)
class EveryModel:
    """The keys that any error model may have beside it.

    ``page_sigma`` is the standard deviation of the natural logarithm of a page's factor, from 0 to 2. A
    ``per_read_fraction`` of the RBER, from 0 to 1, is drawn anew at each read; the rest is stored.
    """

    page_sigma: float = 0.0
    per_read_fraction: float = 0.0
    stuck: StuckAt | None = None


def read_every_model(rber: Mapping[str, Any]) -> EveryModel:
    """Read those keys of an ``rber`` section, others are left alone; raises InputError with every problem.

    >>> read_every_model({"model": "constant", "rber": 1e-3, "page_variation": {"sigma": 0.4}}).page_sigma
    0.4
    """
    read = Parameters({key: value for key, value in rber.items() if key in EVERY_MODEL}, tuple(EVERY_MODEL))
    variation = _section(read, "page_variation")
    fresh = _number(read, "per_read_fraction", EVERY_MODEL["per_read_fraction"])
    stuck = _section(read, "stuck_at")
    read.check()
    return EveryModel(
        page_sigma=variation.get("sigma", 0.0), per_read_fraction=fresh, stuck=StuckAt(**stuck) if stuck else None
    )


def _section(read: Parameters, name: str) -> dict[str, float]:
    """Read a mapping of numbers, {} where there is none."""
    if name not in read:
        return {}
    table = EVERY_MODEL[name]
    inner = read.section(name, tuple(table), read.values[name])
    found = {key: _number(inner, key, what) for key, what in table.items()}
    read.adopt(inner)
    return found


def _number(read: Parameters, key: str, what: Key) -> float:
    default = None if what.default is REQUIRED else what.default
    return read.number(key, low=what.kind.low, high=what.kind.high, above=what.kind.above, default=default)
