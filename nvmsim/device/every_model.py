"""What an ``rber`` section may say beside any error model: how pages differ, which bits err, what a read adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nvmsim.device.error_models.parameters import Parameters
from nvmsim.device.schema import Numbers, Wrong
from nvmsim.device.sections import EVERY_MODEL, REQUIRED, Key

_SHARES = ("per_read_fraction", "stored_one_fraction")


@dataclass(frozen=True)
class StuckAt:
    """A ``fraction`` of the cells is stuck; of these ``value_one_fraction`` read 1, the rest 0, whatever is stored."""

    fraction: float
    value_one_fraction: float


@dataclass(frozen=True)
class EveryModel:
    """The keys that any error model may have beside it.

    ``page_sigma`` and ``block_sigma`` are the standard deviations of the natural logarithms of a page's factor and of a
    block's, from 0 to 2; ``layer_factors`` those of a block's layers from the bottom up, as given, empty for none. A
    ``per_read_fraction`` of the RBER, from 0 to 1, is drawn anew at each read; the rest is stored. Of the errors of a
    page with as many ones as zeros a ``stored_one_fraction``, from 0 to 1, are ones read as zeros; None: as the model
    has it.
    """

    page_sigma: float = 0.0
    block_sigma: float = 0.0
    layer_factors: tuple[float, ...] = ()
    per_read_fraction: float = 0.0
    stored_one_fraction: float | None = None
    stuck: StuckAt | None = None


def read_every_model(rber: Mapping[str, Any]) -> EveryModel:
    """Read those keys of an ``rber`` section, others are left alone; raises InputError with every problem.

    >>> read_every_model({"model": "constant", "rber": 1e-3, "page_variation": {"sigma": 0.4}}).page_sigma
    0.4
    """
    read = Parameters({key: value for key, value in rber.items() if key in EVERY_MODEL}, tuple(EVERY_MODEL))
    page, block, layer = (_section(read, f"{part}_variation") for part in ("page", "block", "layer"))
    shares = {key: _number(read, key, EVERY_MODEL[key]) for key in _SHARES if key in read}
    stuck = _section(read, "stuck_at")
    read.check()
    return EveryModel(
        page_sigma=page.get("sigma", 0.0),
        block_sigma=block.get("sigma", 0.0),
        layer_factors=layer.get("factors", ()),
        **shares,
        stuck=StuckAt(**stuck) if stuck else None,
    )


def _section(read: Parameters, name: str) -> dict[str, Any]:
    """Read a mapping of numbers or lists of them, {} where there is none."""
    if name not in read:
        return {}
    table = EVERY_MODEL[name]
    inner = read.section(name, tuple(table), read.values[name])
    found = {key: _value(inner, key, what) for key, what in table.items()}
    read.adopt(inner)
    return found


def _value(read: Parameters, key: str, what: Key) -> float | tuple[float, ...]:
    return _list(read, key, what) if isinstance(what.kind, Numbers) else _number(read, key, what)


def _number(read: Parameters, key: str, what: Key) -> float:
    default = None if what.default is REQUIRED else what.default
    return read.number(key, low=what.kind.low, high=what.kind.high, above=what.kind.above, default=default)


def _list(read: Parameters, key: str, what: Key) -> tuple[float, ...]:
    if key not in read:
        read.problems.append(f"{read.prefix}{key}: missing; must be {what.kind.allowed}")
        return ()
    try:
        return what.kind.read(read.values[key])
    except Wrong as error:
        read.problem(key, read.values[key], f"must be {error}")
        return ()
