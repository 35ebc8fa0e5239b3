"""Every combination of a grid's values, less those excluded, gathered to settings that compare schemes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from nvmsim.study.grid.spec import Point

AGE = ("condition", "pe_cycles", "retention_days", "temperature_c", "reads_per_page", "rber")
USE = ("device_seed", "reads_per_inference")
OWN = ("device", "variant", "model", "scheme", "range_scope", *AGE, *USE)
MOST_TASKS = 100_000


@dataclass(frozen=True)
class Grid:
    """A named grid: the values of each of its keys, in the file's order, and the device keys of each variant."""

    name: str
    values: Mapping[str, tuple[Any, ...]]
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass
class Exclusion:
    """Combinations to leave out: those that have one of the values of every key; ``met`` once it left out any."""

    where: str
    values: Mapping[str, tuple[Any, ...]]
    met: bool = False

    def holds(self, one: Mapping[str, Any]) -> bool:
        """Tell whether a combination is to be left out, and remember it."""
        found = all(key in one and one[key] in values for key, values in self.values.items())
        self.met = self.met or found
        return found


def combinations(grid: Grid) -> int:
    """Return how many combinations a grid has before any is excluded."""
    count = 1
    for values in grid.values.values():
        count *= len(values)
    return count


def axes_of(grids: Sequence[Grid]) -> dict[str, tuple[Any, ...]]:
    """Return the keys that vary over all grids (but for the scheme), each with its values in order."""
    keys = dict.fromkeys(key for grid in grids for key in grid.values if key != "scheme")
    found = {key: tuple(dict.fromkeys(v for grid in grids for v in grid.values.get(key, ()))) for key in keys}
    everywhere = {key for key in keys if all(key in grid.values for grid in grids)}
    return {key: values for key, values in found.items() if len(values) > 1 or key not in everywhere}


def points_of(grid: Grid, exclusions: Sequence[Exclusion], axes: Mapping[str, object]) -> list[Point]:
    """Return the settings of a grid, each with the schemes that are left; a setting without any is none."""
    schemes, others = grid.values["scheme"], [key for key in grid.values if key != "scheme"]
    points = []
    for values in product(*(grid.values[key] for key in others)):
        one = dict(zip(others, values, strict=True))
        kept = [scheme for scheme in schemes if not _left_out({**one, "scheme": scheme, "grid": grid.name}, exclusions)]
        if kept:
            points.append(_point(grid, one, kept, axes))
    return points


def _left_out(one: Mapping[str, Any], exclusions: Sequence[Exclusion]) -> bool:
    held = [exclusion.holds(one) for exclusion in exclusions]  # all of them, so that each one is known to be met
    return any(held)


def _point(grid: Grid, one: Mapping[str, Any], schemes: Sequence[str], axes: Mapping[str, object]) -> Point:
    own = {key: value for key, value in one.items() if key not in OWN}
    return Point(
        grid=grid.name,
        device=one["device"],
        settings=tuple((own | grid.variants.get(one.get("variant"), {})).items()),
        age={key: one[key] for key in AGE if key in one},
        use={key: one[key] for key in USE if key in one},
        model=one["model"],
        range_scope=one["range_scope"],
        schemes=tuple(schemes),
        varied={key: one[key] for key in axes if key in one},
    )
