"""Box plots of the trials of each setting's answer and of the next faster row."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nvmsim.accuracy.quartiles import box
from nvmsim.report.accuracy_scale import AccuracyScale
from nvmsim.report.drawing import INK, is_narrow
from nvmsim.report.figure_boxes import draw_box
from nvmsim.report.formats import apart, points
from nvmsim.report.study.findings import boxes_title
from nvmsim.report.study.layout import SMALL, Frame, colours_of, drop_axis, place_drop, series_name, sheet
from nvmsim.report.study.names import setting_name
from nvmsim.report.study.panels import brief_names
from nvmsim.study.grid.outcome import Setting, StudyOutcome
from nvmsim.study.tradeoff import Row

MOST_SETTINGS = 16
_ROW_IN, _SMALL_LETTER_IN = 0.24, 0.058


class Boxed(NamedTuple):
    """A row whose trials are drawn: an answer, or the next faster row."""

    setting: Setting
    role: str
    row: Row

    @property
    def drops(self) -> list[float]:
        """Points lost by each trial."""
        return [100 * (self.setting.result.float32_accuracy - value) for value in self.row.trial_accuracies]


def boxed(outcome: StudyOutcome) -> tuple[Boxed, ...]:
    """Return the answers and their next faster rows that have trials, of at most 16 settings."""
    found = [
        Boxed(setting, role, row)
        for setting in chosen(outcome)
        for role, row in (("answer", setting.best.row), ("next faster", setting.best.runner_up))
        if row is not None and row.trial_accuracies
    ]
    return tuple(found)


def chosen(outcome: StudyOutcome) -> tuple[Setting, ...]:
    """Return at most 16 settings with an answer, evenly chosen."""
    found = [s for s in outcome.measured if s.best and (s.best.row or s.best.runner_up)]
    if len(found) <= MOST_SETTINGS:
        return tuple(found)
    return tuple(found[round(i * (len(found) - 1) / (MOST_SETTINGS - 1))] for i in range(MOST_SETTINGS))


def build(outcome: StudyOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    shown, title, narrow = boxed(outcome), boxes_title(outcome), is_narrow(width_in)
    names = _names(shown, brief_names(outcome), 24 if narrow else 58)
    left = max(map(len, names), default=0) * _SMALL_LETTER_IN + 0.2
    frame = Frame(plot=_ROW_IN * max(len(shown), 1), left=left, below=0.5, head=0.1)
    made = sheet(width_in, title, names=[""], frame=frame)
    _draw(made.axes[0], shown, names, colours=colours_of(outcome), most=outcome.max_drop_points)
    return made.figure, title, _alternative(shown)


def _names(shown: Sequence[Boxed], brief: Mapping[int, str], limit: int) -> list[str]:
    """Name a setting once, and below it the next faster row alone."""
    whole = [series_name((one.row.scheme, one.row.mode)) for one in shown]
    what = apart(whole, limit=min(limit // 2, 26))
    room = limit - max(map(len, what.values()), default=0) - 2
    where = apart((brief[id(one.setting)] for one in shown), limit=max(room, 9))
    names = []
    for one, name in zip(shown, whole, strict=True):
        first = one.role == "answer" or one.setting.best.row is None
        names.append(f"{where[brief[id(one.setting)]]}: {what[name]}" if first else what[name])
    return names


def _draw(axes: Axes, shown: Sequence[Boxed], names: Sequence[str], *, colours: Mapping[str, str], most: float) -> None:
    drop_axis(axes, "x", drops=[drop for one in shown for drop in one.drops] + [most])
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.axvline(place_drop(most), color=INK, linewidth=0.9, linestyle=(0, (5, 3)))
    for y, one in enumerate(shown):
        result = one.setting.result
        draw_box(axes, AccuracyScale(result.float32_accuracy, result.chance), one.row, y, colours[one.row.scheme])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), names, fontsize=7.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("points lost in a trial (dashed: the limit)", fontsize=SMALL)


def _alternative(shown: Sequence[Boxed]) -> str:
    said = []
    for one in shown:
        found = box(one.drops)
        name = f"{setting_name(one.setting)}, {one.role} {series_name((one.row.scheme, one.row.mode))}"
        said.append(f"{name}: median {points(found.median)}, worst {points(max(one.drops))}")
    return f"Box plots of the points that trials lose. {'; '.join(said)}."
