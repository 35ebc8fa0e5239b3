"""A study's settings as figures show them: a panel for each device and network, in it the ages as steps."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nvmsim.report.formats import clean
from nvmsim.report.study.names import AGES, key_heading, setting_name, shown_keys, spoken, value_of, value_text
from nvmsim.study.grid.outcome import Setting, StudyOutcome
from nvmsim.study.tradeoff import Result, Row

MOST_PANELS = 8  # all of configs/tradeoff.yaml
Series = tuple[str, str]  # scheme and mode


@dataclass(frozen=True)
class Step:
    """One age: its place on an axis (its number, or its rank where ages have names), what it is called, its setting."""

    place: float
    label: str
    setting: Setting

    @property
    def result(self) -> Result:
        """The measured result."""
        return self.setting.result

    def row(self, series: Series) -> Row | None:
        """Return the row of a scheme and mode, None where it has none."""
        return next((row for row in self.result.rows if (row.scheme, row.mode) == series), None)


@dataclass(frozen=True)
class Panel:
    """Settings that differ by age alone; ``key`` is the age that is drawn (empty: none varies)."""

    name: str
    key: str
    numeric: bool
    steps: tuple[Step, ...]

    @property
    def series(self) -> tuple[Series, ...]:
        """The (scheme, mode) of the rows, in order."""
        return tuple(dict.fromkeys((row.scheme, row.mode) for step in self.steps for row in step.result.rows))

    @property
    def axis(self) -> str:
        """What the axis of ages is called."""
        return key_heading(self.key) if self.key else ""

    def said(self, step: Step) -> str:
        """Return the age of a step in a sentence, such as ``1,000 P/E cycles``."""
        return spoken(self.key, value_of(step.setting, self.key)) if self.key else step.label


def panels_of(outcome: StudyOutcome) -> tuple[Panel, ...]:
    """Return every panel of a study, in the order of its settings; without rows there are none.

    The age drawn is the first that varies of P/E cycles, retention, reads, temperature, RBER and the named condition.
    Other ages join the names of panels, unless they follow the one that is drawn.
    """
    keys, key = shown_keys(outcome), age_key(outcome)
    ages = [name for name in AGES if name in keys and name != key]
    others = [name for name in keys if name not in (*ages, key, "grid")]
    groups = _split([outcome.measured], others)
    groups = _split_where(groups, ages, lambda group: _repeats(group, key))
    groups = _split_where(groups, ["grid"], lambda group: _repeats(group, key))
    return tuple(_panel(group, key, keys) for group in groups)


def age_key(outcome: StudyOutcome) -> str:
    """Return the age that figures draw: one that most settings have a value of; empty where none varies."""
    keys = shown_keys(outcome)
    found = [key for key in AGES if key in keys and any(value_of(s, key) is not None for s in outcome.measured)]
    counts = {key: sum(value_of(setting, key) is not None for setting in outcome.measured) for key in found}
    return max(found, key=lambda key: counts[key], default="")


def shown_panels(outcome: StudyOutcome) -> tuple[Panel, ...]:
    """Return the panels that a figure has room for."""
    return panels_of(outcome)[:MOST_PANELS]


def brief_names(outcome: StudyOutcome) -> dict[int, str]:
    """Return what figures call each measured setting, by its id: its panel, then the age."""
    found = {}
    for panel in panels_of(outcome):
        found |= {id(step.setting): ", ".join(filter(None, (panel.name, step.label))) for step in panel.steps}
    return found


def left_out(outcome: StudyOutcome) -> str:
    """Say how many panels a figure leaves out and where their numbers are; empty if none."""
    more = len(panels_of(outcome)) - MOST_PANELS
    return f"Left out for room: {more} of {more + MOST_PANELS} panels; rows.csv has their rows." if more > 0 else ""


def _split(groups: Sequence[Sequence[Setting]], keys: Sequence[str]) -> list[list[Setting]]:
    found: list[list[Setting]] = []
    for group in groups:
        parts: dict[str, list[Setting]] = {}
        for setting in group:
            parts.setdefault(repr([value_of(setting, key) for key in keys]), []).append(setting)
        found += parts.values()
    return found


def _split_where(
    groups: list[list[Setting]], keys: Sequence[str], wanted: Callable[[list[Setting]], bool]
) -> list[list[Setting]]:
    return [part for group in groups for part in (_split([group], keys) if wanted(group) else [group])]


def _repeats(group: Sequence[Setting], key: str) -> bool:
    return len({repr(value_of(setting, key)) for setting in group}) < len(group)


def _panel(group: Sequence[Setting], key: str, keys: Sequence[str]) -> Panel:
    values = [value_of(setting, key) for setting in group]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values) and bool(key)
    places = [float(v) if numeric else float(i) for i, v in enumerate(values)]
    steps = [
        Step(place, value_text(v) if key else "", setting)
        for place, v, setting in zip(places, values, group, strict=True)
    ]
    return Panel(
        ", ".join(_names(group, key, keys)) or _own_name(group[0]),
        key,
        numeric,
        tuple(sorted(steps, key=lambda step: step.place)),
    )


def _names(group: Sequence[Setting], key: str, keys: Sequence[str]) -> Iterator[str]:
    """Yield the values that all settings of a group share."""
    for name in keys:
        values = {repr(value_of(setting, name)) for setting in group}
        if name != key and len(values) == 1 and (value := value_of(group[0], name)) is not None:
            yield spoken(name, value)


def _own_name(setting: Setting) -> str:
    result = setting.result
    return f"{clean(result.device)}, {clean(result.model)}" if result else setting_name(setting)
