"""What the figures of a study share: panels under one title, axes of ages and of drops, legends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import asinh

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from nvmsim.report.drawing import GRID, MARKERS, MUTED, is_narrow, scheme_colours, titled
from nvmsim.report.formats import apart, clean, short
from nvmsim.report.study.lifetime import LINEAR_POINTS
from nvmsim.report.study.panels import Panel, Series
from nvmsim.study.grid.outcome import StudyOutcome

SMALL = 8  # point
HEAD_IN, RIGHT_IN = 0.32, 0.14
_LINE_IN, _LETTER_IN, _HANDLE_IN = 0.19, 0.066, 0.5
_LONGEST = 24
_LOG_FROM = 50.0  # ages over so many times the first are drawn on a logarithmic axis
_DROPS = (-10, -1, -0.1, 0, 0.1, 0.3, 1, 3, 10, 30, 90)


@dataclass(frozen=True)
class Frame:
    """Sizes in inches of one panel: its plot, the rooms beside it, below it, and above it for its name."""

    plot: float
    left: float
    below: float = 0.52
    right: float = RIGHT_IN
    head: float = HEAD_IN


@dataclass(frozen=True)
class Sheet:
    """A figure with one axes a panel."""

    figure: Figure
    axes: tuple[Axes, ...]


def sheet(
    width_in: float, title: str, *, names: Sequence[str], frame: Frame, handles: Sequence[Artist] = (), most: int = 2
) -> Sheet:
    """Return axes side by side, ``most`` in a row (one on a phone), each under its name, over a legend."""
    columns = 1 if is_narrow(width_in) else min(most, len(names))
    rows, cell = -(-len(names) // columns), frame.head + frame.plot + frame.below
    across = _across(handles, width_in)
    legend = _LINE_IN * -(-len(handles) // across) + 0.06 if handles else 0.0
    figure, top = titled(width_in, rows * cell + legend, title=title)
    height, wide = rows * cell + legend + top, width_in / columns - frame.left - frame.right
    heads, made = apart(names, limit=int((wide + frame.left) / 0.085)), []
    for i, name in enumerate(names):
        row, column = divmod(i, columns)
        left, bottom = column * width_in / columns + frame.left, legend + (rows - 1 - row) * cell + frame.below
        axes = figure.add_axes((left / width_in, bottom / height, wide / width_in, frame.plot / height))
        _head(axes, heads[name], at=0.09 / wide - frame.left / wide)
        made.append(axes)
    if handles:
        figure.legend(
            handles=handles, ncol=across, loc="lower left", bbox_to_anchor=(0.004, 0), frameon=False, fontsize=SMALL,
            borderaxespad=0.1, columnspacing=1.2,
        )  # fmt: skip
    return Sheet(figure, tuple(made))


def _head(axes: Axes, name: str, *, at: float) -> None:
    inches = axes.get_position().height * axes.figure.get_size_inches()[1]
    axes.text(at, 1 + 0.1 / inches, name, transform=axes.transAxes, fontweight="bold", va="bottom")


def _across(handles: Sequence[Artist], width_in: float) -> int:
    widest = max((len(str(handle.get_label())) for handle in handles), default=1) * _LETTER_IN + _HANDLE_IN
    return max(int((width_in - 0.1) / widest), 1)


def colours_of(outcome: StudyOutcome) -> dict[str, str]:
    """Return a colour for each scheme, the same in every figure of the study."""
    return scheme_colours([row for setting in outcome.measured for row in setting.result.rows])


def scheme_handles(panels: Sequence[Panel], colours: Mapping[str, str]) -> list[Line2D]:
    """Return the legend's lines: a colour a scheme, a marker a mode."""
    series = dict.fromkeys(one for panel in panels for one in panel.series)
    schemes = tuple(dict.fromkeys(scheme for scheme, _ in series))
    labels = apart(map(clean, schemes), limit=_LONGEST)
    lines = [Line2D([], [], color=colours[name], linewidth=2, label=labels[clean(name)]) for name in schemes]
    modes = [
        Line2D([], [], color=MUTED, marker=MARKERS.get(mode, "D"), markersize=5, linestyle=line_of(mode),
               label=f"mode {short(clean(mode), limit=_LONGEST)}")
        for mode in dict.fromkeys(mode for _, mode in series)
    ]  # fmt: skip
    return [*lines, *modes]


def line_of(mode: str) -> object:
    """Return how a mode's line is dashed: weights in the spare bytes, or not."""
    return (0, (3, 2)) if mode.endswith("reclaim") else "-"


def series_name(series: Series) -> str:
    """Return what a figure calls a scheme and mode, such as ``nulling, bypass``."""
    scheme, mode = series
    return clean(scheme) if scheme == mode else f"{clean(scheme)}, {clean(mode)}"


def series_labels(panels: Sequence[Panel], *, limit: int = _LONGEST) -> dict[Series, str]:
    """Return those names as a figure has room for them, no two alike."""
    names = {series: series_name(series) for panel in panels for series in panel.series}
    labels = apart(names.values(), limit=limit)
    return {series: labels[name] for series, name in names.items()}


def place_drop(points: float) -> float:
    """Return where a drop lies on an axis that is linear within 0.1 points and logarithmic beyond, losses downwards.

    >>> place_drop(0.0), place_drop(1.0) < place_drop(0.5)
    (-0.0, True)
    """
    return -asinh(points / LINEAR_POINTS)


def drop_axis(axes: Axes, which: str, *, drops: Sequence[float]) -> None:
    """Set limits, ticks and grid of the ``x`` or ``y`` axis so that it holds the drops, which are points."""
    places = [place_drop(drop) for drop in (*drops, 0.0)]
    margin = 0.06 * max(max(places) - min(places), 1.0)
    low, high = min(places) - margin, max(places) + margin
    getattr(axes, f"set_{which}lim")(low, high)
    ticks = [drop for drop in _DROPS if low <= place_drop(drop) <= high]
    axis = getattr(axes, f"{which}axis")
    axis.set_major_locator(FixedLocator([place_drop(drop) for drop in ticks]))
    axis.set_ticklabels([f"{drop:g}".replace("-", "−") for drop in ticks])
    _plain_grid(axes, axis)


def age_axis(axes: Axes, panel: Panel) -> None:
    """Set the x axis to a panel's ages: numbers to scale (logarithmic over wide ranges), names at equal steps."""
    places = [step.place for step in panel.steps]
    if is_log(panel):
        axes.set_xscale("log")
        axes.set_xlim(places[0] / 1.25, places[-1] * 1.25)
    else:
        margin = 0.07 * ((places[-1] - places[0]) or 1.0)
        axes.set_xlim(places[0] - margin, places[-1] + margin)
    set_labels(axes, [(step.place, step.label) for step in panel.steps])
    axes.set_xlabel(panel.axis)
    _plain_grid(axes, axes.xaxis)


def is_log(panel: Panel) -> bool:
    """Tell whether a panel's ages need a logarithmic axis: they span more than 50 times the first."""
    first, last = panel.steps[0].place, panel.steps[-1].place
    return panel.numeric and first > 0 and last / first >= _LOG_FROM


def set_labels(axes: Axes, wanted: Sequence[tuple[float, str]]) -> None:
    """Put (place, label) on the x axis: those that have room beside each other, the first and the last among them."""
    kept = _apart(axes, wanted)
    axes.set_xticks([place for place, _ in kept], [label for _, label in kept], fontsize=SMALL)


def _apart(axes: Axes, wanted: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    inches = axes.get_position().width * axes.figure.get_size_inches()[0]
    to_axes = (axes.transData + axes.transAxes.inverted()).transform
    limit = max(int(inches / len(wanted) / 0.075), 7)
    listed = [
        (inches * to_axes((place, axes.get_ylim()[0]))[0], place, short(label, limit=limit)) for place, label in wanted
    ]
    kept = listed[:1]
    for one, after in pairwise([*listed[1:], None]):
        free = _free(kept[-1], one)
        if after is None or (free and _free(one, listed[-1])):
            kept = kept if free or len(kept) == 1 else kept[:-1]
            kept.append(one)
    return [(place, label) for _, place, label in kept]


def _free(a: tuple[float, float, str], b: tuple[float, float, str]) -> bool:
    return abs(b[0] - a[0]) > 0.034 * (len(a[2]) + len(b[2])) + 0.05


def _plain_grid(axes: Axes, axis: object) -> None:
    axis.set_minor_locator(NullLocator())
    axis.grid(color=GRID, linewidth=0.6)
    axes.tick_params(labelsize=SMALL)
    axes.set_axisbelow(True)
