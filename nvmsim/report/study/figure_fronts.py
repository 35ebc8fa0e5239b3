"""Throughput against accuracy, a panel a device and network; a path joins what a scheme does from age to age."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nvmsim.report.accuracy_scale import AccuracyScale
from nvmsim.report.drawing import INK, MARKERS, MUTED, SURFACE, is_narrow
from nvmsim.report.figure_front import draw_front
from nvmsim.report.formats import number, percent
from nvmsim.report.study.findings import front_title
from nvmsim.report.study.layout import SMALL, Frame, colours_of, scheme_handles, series_name, sheet
from nvmsim.report.study.panels import Panel, Series, shown_panels
from nvmsim.study.grid.outcome import StudyOutcome
from nvmsim.study.tradeoff import Row

_FRAME = Frame(plot=2.7, left=0.66)
_STEP_IN, _LEAST_STEP_IN, _EDGE_IN = 0.085, 0.04, 0.12
_SMALLEST, _LARGEST = 2.6, 6.2  # point, the first age and the last
_FIRST, _LAST = (0, (1, 1.5)), "-"


def build(outcome: StudyOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    panels, colours, title = shown_panels(outcome), colours_of(outcome), front_title(outcome)
    handles = [*scheme_handles(panels, colours), *_front_handles(panels)]
    made = sheet(width_in, title, names=[panel.name for panel in panels], frame=_FRAME, handles=handles)
    for axes, panel in zip(made.axes, panels, strict=True):
        _draw(axes, panel, colours, narrow=is_narrow(width_in))
    return made.figure, title, _alternative(panels)


def _front_handles(panels: Sequence[Panel]) -> list[Line2D]:
    made = [Line2D([], [], color=MUTED, linewidth=1.2, label="front, last age")]
    if any(len(panel.steps) > 1 for panel in panels):
        made.insert(0, Line2D([], [], color=MUTED, linewidth=1.2, linestyle=_FIRST, label="front, first age"))
    ends = {"markersize": _LARGEST, "linestyle": "none", "marker": "o", "markerfacecolor": MUTED}
    return [*made, Line2D([], [], markeredgecolor=INK, markeredgewidth=1.2, label="surely Pareto-optimal", **ends)]


def _draw(axes: Axes, panel: Panel, colours: Mapping[str, str], *, narrow: bool) -> None:
    scale = AccuracyScale(panel.steps[0].result.float32_accuracy, panel.steps[0].result.chance)
    rows = [row for step in panel.steps for row in step.result.rows]
    scale.label(axes, "y", values=[v for row in rows for v in (row.low, row.high, row.accuracy)], narrow=True)
    shift = _shifts(axes, panel, rows)
    axes.axhline(0, color=INK, linewidth=0.9, linestyle=(0, (5, 3)))
    for series in panel.series:
        _draw_path(axes, scale, panel, series, shift=shift[series], colour=colours[series[0]])
    ends = {0: _FIRST, len(panel.steps) - 1: _LAST}
    for i, line in ends.items():
        found = panel.steps[i].result.rows
        points = [(row, row.bandwidth_gb_s + shift[row.scheme, row.mode]) for row in found]
        draw_front(axes, scale, points, linestyle=line, zorder=1)
    axes.set_xlabel("throughput, GB/s of weights")
    axes.tick_params(labelsize=SMALL)


def _shifts(axes: Axes, panel: Panel, rows: Sequence[Row]) -> dict[Series, float]:
    """Set the x axis; return how far beside its throughput each path stands, as schemes of one mode are as fast."""
    by_mode: dict[str, list[Series]] = {}
    for series in panel.series:
        by_mode.setdefault(series[1], []).append(series)
    speeds = [row.bandwidth_gb_s for row in rows]
    inches = axes.get_position().width * axes.figure.get_size_inches()[0]
    most = max(map(len, by_mode.values()))
    edge = _EDGE_IN + _STEP_IN * most / 2
    per_inch = max(max(speeds) - min(speeds), 0.02 * max(speeds)) / (inches - 2 * edge)
    step = min(max(0.85 * _gap(rows) / per_inch / most, _LEAST_STEP_IN), _STEP_IN)
    middle = (min(speeds) + max(speeds)) / 2
    axes.set_xlim(middle - per_inch * inches / 2, middle + per_inch * inches / 2)
    return {
        series: (i - (len(tied) - 1) / 2) * step * per_inch
        for tied in by_mode.values()
        for i, series in enumerate(tied)
    }


def _gap(rows: Sequence[Row]) -> float:
    """Return the least gap in GB/s between the modes without ECC, whose paths would mix where they stood any wider."""
    speeds = sorted({row.mode: row.bandwidth_gb_s for row in rows if not row.has_ecc}.values())
    return min((b - a for a, b in pairwise(speeds)), default=float("inf"))


def _draw_path(axes: Axes, scale: AccuracyScale, panel: Panel, series: Series, *, shift: float, colour: str) -> None:
    found = [(i, row) for i, step in enumerate(panel.steps) if (row := step.row(series))]
    places = [(row.bandwidth_gb_s + shift, scale.place(row.accuracy)) for _, row in found]
    axes.plot(*zip(*places, strict=True), color=colour, linewidth=0.9, alpha=0.8, zorder=3)
    across = [x for x, _ in places]
    ends = [[scale.place(getattr(row, name)) for _, row in found] for name in ("low", "high")]
    axes.vlines(across, *ends, color=colour, linewidth=0.8, zorder=2)
    # One call for all markers of a path: a study has hundreds of them.
    axes.scatter(
        across, [y for _, y in places], marker=MARKERS.get(series[1], "D"), linewidths=1.0, zorder=4,
        s=[(_SMALLEST + (_LARGEST - _SMALLEST) * (i + 1) / len(panel.steps)) ** 2 for i, _ in found],
        facecolors=[SURFACE if row.pareto == "undecided" else colour for _, row in found],
        edgecolors=[INK if row.pareto == "yes" else colour for _, row in found],
    )  # fmt: skip


def _alternative(panels: Sequence[Panel]) -> str:
    said = "; ".join(f"{panel.name}: {_ends(panel)}" for panel in panels)
    return f"Scatter plots of throughput against accuracy, paths from the first age to the last. {said}."


def _ends(panel: Panel) -> str:
    return ", ".join(f"{series_name(series)} {_end(panel, series)}" for series in panel.series)


def _end(panel: Panel, series: Series) -> str:
    found = [row for step in panel.steps if (row := step.row(series))]
    first, last = found[0], found[-1]
    return f"{number(last.bandwidth_gb_s)} GB/s from {percent(first.accuracy)} to {percent(last.accuracy)} %"
