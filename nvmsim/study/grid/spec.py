"""A study as its file says it: what varies, and how much effort a task may take."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nvmsim.accuracy.stats import TEST_SET

UNNAMED = "grid"  # the name of a study's only grid
FRONT, BEST = "front", "best"
DECIDE = (FRONT, BEST)


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """When tasks stop: ``trials`` at most, an interval's half-width ``precision`` (a fraction), what it is about.

    A task also stops when its interval settles what the study wants to ``decide``: which rows are on the Pareto
    "front", and which scheme is the "best" at a drop of ``max_drop_points``. Nothing to decide: precision alone counts.
    """

    trials: int
    precision: float
    target: str = TEST_SET
    decide: tuple[str, ...] = DECIDE
    max_drop_points: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """One setting of a grid with the schemes to be compared in it.

    ``age`` has the condition's name and the quantities given in place of its own, or an ``rber``; ``settings`` are
    dotted keys of the device profile with their values; ``varied`` the values of the keys that vary in the study;
    ``use`` says which device of its kind it is, and how often weights are read.
    """

    grid: str
    device: str
    settings: tuple[tuple[str, object], ...]
    age: Mapping[str, object]
    model: str
    range_scope: str
    schemes: tuple[str, ...]
    varied: Mapping[str, object]
    use: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study: its settings in the file's order, and the file's text; ``label`` says where it was read."""

    name: str
    label: str
    title: str
    question: str
    sampling: Sampling
    seed: int
    axes: Mapping[str, tuple[object, ...]]
    points: tuple[Point, ...]
    text: str
    folder: str
