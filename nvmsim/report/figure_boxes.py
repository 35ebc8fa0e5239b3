"""A box a scheme: how much the accuracy differs from trial to trial."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nvmsim.accuracy.quartiles import box
from nvmsim.report.accuracy_scale import AccuracyScale
from nvmsim.report.drawing import INK, MUTED, is_narrow, scheme_colours, titled
from nvmsim.report.findings import boxes_title
from nvmsim.report.formats import apart, percent, row_name
from nvmsim.study.tradeoff import Result, Row

_ROW_IN, _BOTTOM, _RIGHT = 0.27, 0.74, 0.26  # inch
_DOTS = 256
_GOLDEN = 0.6180339887498949


def build(result: Result, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    rows = [row for row in result.rows if row.trial_accuracies]
    title, plot = boxes_title(result), _ROW_IN * max(len(rows), 1)
    figure, top = titled(width_in, _BOTTOM + plot, title=title)
    height = _BOTTOM + plot + top
    labels = apart(map(row_name, rows), limit=28 if is_narrow(width_in) else 40)
    names = [labels[row_name(row)] for row in rows]
    left = (max(map(len, names), default=0) * 0.6 * 8.5 / 72 + 0.2) / width_in
    axes = figure.add_axes((left, _BOTTOM / height, 1 - left - _RIGHT / width_in, plot / height))
    scale, colours = AccuracyScale(result.float32_accuracy, result.chance), scheme_colours(rows)
    values = [value for row in rows for value in row.trial_accuracies]
    scale.label(axes, "x", values=values, narrow=is_narrow(width_in))
    axes.axvline(0, color=INK, linewidth=0.9, linestyle=(0, (5, 3)))
    for y, row in enumerate(rows):
        draw_box(axes, scale, row, y, colours[row.scheme])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), names, fontsize=8.5)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel("accuracy of a trial" if is_narrow(width_in) else "accuracy of a trial (points from float32)")
    return figure, title, _alternative(rows)


def draw_box(axes: Axes, scale: AccuracyScale, row: Row, y: float, colour: str) -> None:
    """Draw one row's trials at height ``y``: box, whiskers, outliers and up to 256 of the trials as dots."""
    found = box(row.trial_accuracies)
    ends = [scale.place(value) for value in found[:5]]
    axes.plot(ends[:2], [y, y], color=colour, linewidth=1)
    axes.plot(ends[3:], [y, y], color=colour, linewidth=1)
    area = Rectangle((ends[1], y - 0.3), ends[3] - ends[1], 0.6, facecolor=colour, edgecolor=colour, alpha=0.35)
    axes.add_patch(area)
    axes.plot([ends[2], ends[2]], [y - 0.3, y + 0.3], color=INK, linewidth=1.8, solid_capstyle="butt", zorder=4)
    outside = [scale.place(value) for value in found.outliers]
    axes.plot(outside, [y] * len(outside), "x", color=colour, markersize=5, markeredgewidth=1.2, zorder=5)
    dots = sorted(row.trial_accuracies)[:: -(-len(row.trial_accuracies) // _DOTS)]
    # Multiples of the golden ratio spread evenly whatever their number, and are the same on every run.
    heights = [y - 0.22 + 0.44 * (i * _GOLDEN % 1) for i in range(len(dots))]
    axes.plot([scale.place(v) for v in dots], heights, ".", color=MUTED, markersize=2.5, alpha=0.7, zorder=3)


def _alternative(rows: Sequence[Row]) -> str:
    said = []
    for row in rows:
        found = box(row.trial_accuracies)
        said.append(
            f"{row_name(row)} median {percent(found.median)} %, quartiles {percent(found.low)} and "
            f"{percent(found.high)} %, lowest {percent(min(row.trial_accuracies))} %, {len(found.outliers)} outliers"
        )
    return f"Box plot of the trials' accuracies. {'; '.join(said)}."
