"""Accuracy against the bit error rate, with the target and where each scheme falls through it."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nvmsim.report.drawing import GRID, INK, SURFACE, scheme_colours, titled
from nvmsim.report.formats import clean, percent, short
from nvmsim.report.robustness import finding, interval_of, rate_of
from nvmsim.study.robustness import CurvePoint, RobustnessResult, RobustnessRow

_WIDTH, _PLOT, _LEFT, _RIGHT, _BOTTOM, _LINE = 7.4, 3.2, 0.68, 0.2, 0.52, 0.19  # inch
_BELOW, _ABOVE = 3.0, 2.0  # times the interval's ends that are shown
_DEEP = 5.0  # times the loss at the target that is shown
_APART = 0.12  # of the logarithm of the rate: a point so near to one with more trials is left out
_MARKERS = ("o", "s", "^", "v", "D", "P", "X")


def build(result: RobustnessResult) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    title = finding(result)
    bottom = _BOTTOM + _LINE * (len(result.rows) + 1)
    figure, top = titled(_WIDTH, bottom + _PLOT, title=title)
    height = bottom + _PLOT + top
    axes = figure.add_axes(
        (_LEFT / _WIDTH, bottom / height, 1 - (_LEFT + _RIGHT) / _WIDTH, _PLOT / height), facecolor=SURFACE
    )
    _frame(axes, result)
    colours, handles = scheme_colours(result.rows), []
    for row, marker in zip(result.rows, _MARKERS * len(result.rows), strict=False):
        handles.append(_draw(axes, row, result, colour=colours[row.scheme], marker=marker))
    handles.append(Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (5, 3)), label=_target_name(result)))
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(_LEFT / _WIDTH - 0.015, 0), frameon=False, fontsize=8
    )
    return figure, title, _alternative(result)


def _frame(axes: Axes, result: RobustnessResult) -> None:
    lost = result.float32_accuracy - result.target_accuracy
    axes.set_xscale("log")
    axes.set_xlim(*_reach(result.rows))
    axes.set_ylim(max(result.float32_accuracy - _DEEP * lost, 0.0), min(result.float32_accuracy + 0.4 * lost, 1.0))
    if axes.get_xlim()[1] / axes.get_xlim()[0] < 300:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("bit error rate (RBER)")
    axes.set_ylabel("mean accuracy")
    axes.axhline(result.target_accuracy, color=INK, linewidth=0.9, linestyle=(0, (5, 3)))


def _reach(rows: Sequence[RobustnessRow]) -> tuple[float, float]:
    ends = [rate for row in rows for rate in (row.rber, row.low, row.high) if rate is not None]
    return min(ends) / _BELOW, min(max(ends) * _ABOVE, 0.5)


def _draw(axes: Axes, row: RobustnessRow, result: RobustnessResult, *, colour: str, marker: str) -> Line2D:
    points = _shown(row.curve)
    rates, means = [point.rber for point in points], [point.accuracy for point in points]
    axes.plot(rates, means, color=colour, linewidth=1.4, zorder=3)
    near = [point for point in points if point.trials >= row.trials]
    axes.vlines([p.rber for p in near], [p.low for p in near], [p.high for p in near], color=colour, linewidth=1.2)
    for point in points:
        face = colour if point in near else SURFACE
        axes.plot(point.rber, point.accuracy, marker, color=colour, markerfacecolor=face, markersize=4.5, zorder=4)
    low, high = axes.get_xlim()
    axes.axvspan(row.low or low, row.high or high, color=colour, alpha=0.13, linewidth=0)
    if row.relation == "=":
        axes.plot(row.rber, result.target_accuracy, marker, color=INK, markerfacecolor=colour, markersize=8, zorder=5)
    name = f"{short(clean(row.scheme), limit=30)}:  R = {rate_of(row)}  {interval_of(row)}".replace("= >", ">").replace(
        "= <", "<"
    )
    return Line2D([], [], color=colour, marker=marker, markersize=5, linewidth=1.4, label=name)


def _shown(curve: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Leave out points that stand beside one with more trials: their noise would make a line of their own."""
    return [
        point
        for point in curve
        if not any(other.trials > point.trials and abs(math.log(other.rber / point.rber)) < _APART for other in curve)
    ]


def _target_name(result: RobustnessResult) -> str:
    return (
        f"{percent(result.target_accuracy)} %, {100 * result.x:g} % of float32's accuracy; filled: most trials, with "
        "95 % interval; band: 95 % interval of R"
    )


def _alternative(result: RobustnessResult) -> str:
    said = "; ".join(
        f"{clean(row.scheme)} R {rate_of(row)}, interval {interval_of(row)}, {len(row.curve)} rates measured"
        for row in result.rows
    )
    target = f"{percent(result.target_accuracy)} %"
    return f"Lines of mean accuracy against the bit error rate, logarithmic, with the target {target}. {said}."
