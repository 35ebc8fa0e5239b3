"""The drop of each scheme against the age, the throughput below it, and where the drop passes what is wanted."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nvmsim.report.drawing import GRID, INK, MARKERS, SURFACE
from nvmsim.report.formats import number
from nvmsim.report.study.findings import lifetime_title, limit
from nvmsim.report.study.layout import (
    SMALL,
    Frame,
    age_axis,
    colours_of,
    drop_axis,
    line_of,
    place_drop,
    scheme_handles,
    series_name,
    sheet,
)  # fmt: skip
from nvmsim.report.study.lifetime import lifetimes
from nvmsim.report.study.panels import Panel, Series, shown_panels
from nvmsim.study.grid.outcome import StudyOutcome

_DROP_IN, _GAP_IN, _SPEED_IN = 2.2, 0.26, 0.8
_FRAME = Frame(plot=_DROP_IN + _GAP_IN + _SPEED_IN, left=0.62)


def build(outcome: StudyOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    panels, colours = shown_panels(outcome), colours_of(outcome)
    title = lifetime_title(outcome, panels)
    handles = [*scheme_handles(panels, colours), *_marks(outcome)]
    made = sheet(width_in, title, names=[panel.name for panel in panels], frame=_FRAME, handles=handles)
    for whole, panel in zip(made.axes, panels, strict=True):
        above, below = _parted(whole)
        _draw_drops(above, panel, colours, most=outcome.max_drop_points)
        _draw_speeds(below, panel, colours)
    return made.figure, title, _alternative(panels, outcome)


def _marks(outcome: StudyOutcome) -> list[Line2D]:
    line = Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (5, 3)), label=f"{limit(outcome)} lost")
    cross = {"marker": "X", "markersize": 7, "linestyle": "none", "markerfacecolor": SURFACE, "markeredgecolor": INK}
    return [line, Line2D([], [], label="mean drop passes it", **cross)]


def _parted(whole: Axes) -> tuple[Axes, Axes]:
    """Put two axes where one was: drops above, throughput below."""
    box, inch = whole.get_position(), whole.get_position().height / _FRAME.plot
    whole.set_axis_off()
    above = whole.figure.add_axes((box.x0, box.y1 - _DROP_IN * inch, box.width, _DROP_IN * inch))
    return above, whole.figure.add_axes((box.x0, box.y0, box.width, _SPEED_IN * inch))


def _draw_drops(axes: Axes, panel: Panel, colours: Mapping[str, str], *, most: float) -> None:
    rows = [row for step in panel.steps for row in step.result.rows]
    drop_axis(axes, "y", drops=[v for row in rows for v in (row.drop_points, row.drop_low, row.drop_high, most)])
    age_axis(axes, panel)
    axes.set_xlabel("")
    axes.tick_params(axis="x", labelbottom=False)
    axes.set_ylabel("points lost", fontsize=SMALL)
    axes.axhline(place_drop(most), color=INK, linewidth=0.9, linestyle=(0, (5, 3)))
    for life in lifetimes(panel, max_drop_points=most):
        colour = colours[life.series[0]]
        _draw_line(axes, panel, life.series, colour)
        if life.crossing is not None:
            axes.plot(
                [life.crossing], [place_drop(most)], marker="X", markersize=7, zorder=6, markeredgecolor=INK,
                markerfacecolor=colour, markeredgewidth=0.8,
            )  # fmt: skip


def _draw_line(axes: Axes, panel: Panel, series: Series, colour: str) -> None:
    found = [(step.place, row) for step in panel.steps if (row := step.row(series))]
    across = [x for x, _ in found]
    axes.plot(
        across, [place_drop(row.drop_points) for _, row in found], color=colour, linestyle=line_of(series[1]),
        marker=MARKERS.get(series[1], "D"), markersize=3.6, linewidth=1.3, zorder=4,
    )  # fmt: skip
    ends = [[place_drop(getattr(row, name)) for _, row in found] for name in ("drop_low", "drop_high")]
    axes.vlines(across, *ends, color=colour, linewidth=0.9, alpha=0.8, zorder=3)


def _draw_speeds(axes: Axes, panel: Panel, colours: Mapping[str, str]) -> None:
    age_axis(axes, panel)
    for series in panel.series:
        found = [(step.place, row.bandwidth_gb_s) for step in panel.steps if (row := step.row(series))]
        axes.plot(
            *zip(*found, strict=True), color=colours[series[0]], linestyle=line_of(series[1]), linewidth=1.3,
            marker=MARKERS.get(series[1], "D"), markersize=3.0,
        )  # fmt: skip
    top = max(row.bandwidth_gb_s for step in panel.steps for row in step.result.rows)
    axes.set_ylim(0, 1.12 * top)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_ylabel("GB/s", fontsize=SMALL)


def _alternative(panels: Sequence[Panel], outcome: StudyOutcome) -> str:
    said = "; ".join(f"{panel.name}: {_passes(panel, outcome.max_drop_points)}" for panel in panels)
    return (
        f"Lines of points lost against age, and of throughput below them. The mean passes {limit(outcome)} at: {said}."
    )


def _passes(panel: Panel, most: float) -> str:
    found = [life for life in lifetimes(panel, max_drop_points=most) if life.crossing is not None]
    return ", ".join(f"{series_name(life.series)} {_crossing(panel, life.crossing)}" for life in found) or "no age"


def _crossing(panel: Panel, place: float) -> str:
    if panel.numeric:
        return f"{number(place, digits=3)} {panel.axis}"
    return f"between {panel.steps[int(place)].label} and {panel.steps[min(int(place) + 1, len(panel.steps) - 1)].label}"
