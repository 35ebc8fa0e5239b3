"""Box plots of the trials against RBER, drawn as the paper defines them (Fig. 3)."""

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from nvmsim.accuracy.quartiles import box
from nvmsim.report.drawing import INK, MUTED, is_narrow
from nvmsim.report.paper.axes import colours, legend, panels, paper_mark
from nvmsim.report.paper.titles import boxes_title
from nvmsim.study.paper.outcome import CurveOutcome, PointOutcome

LEAST_TRIALS = 5  # quartiles of fewer say little
_PLOT, _RIGHT = 2.9, 0.15  # inch
_GOLDEN = 0.6180339887498949


class Boxes(NamedTuple):
    """A curve and its points that have enough trials on the whole test set."""

    curve: CurveOutcome
    points: list[PointOutcome]


def boxes_of(curve: CurveOutcome) -> Boxes:
    """Return the points of a curve that can be drawn as boxes."""
    enough = [point for point in curve.measured if point.whole_test_set and point.estimate.trials >= LEAST_TRIALS]
    return Boxes(curve, enough)


def build_boxes(boxes: Boxes, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    title = boxes_title(boxes.curve, boxes.points)
    made = panels(width_in, title, names=[""], plot_in=_PLOT, right_in=_RIGHT)
    (axes,) = made.axes
    (shade,) = colours([boxes.curve.curve]).values()
    for x, point in enumerate(boxes.points):
        _box(axes, x, point, shade)
    rates = [f"{point.rber:g}" for point in boxes.points]
    # Rotated labels would run into the axis' own below them.
    every = 2 if is_narrow(width_in) and len(rates) > 9 else 1
    axes.set_xticks(range(0, len(rates), every), rates[::every], fontsize=7)
    axes.set_xlim(-0.6, len(rates) - 0.4)
    axes.set_xlabel("raw bit error rate (RBER)")
    axes.set_ylabel("accuracy of a trial")
    axes.grid(visible=False, axis="x")
    legend(made.figure, _handles(boxes.points), width_in)
    return made.figure, title, _said(boxes)


def _box(axes: Axes, x: float, point: PointOutcome, colour: str) -> None:
    found = box(point.estimate.accuracies)
    for ends in ((found.whisker_low, found.low), (found.high, found.whisker_high)):
        axes.plot([x, x], ends, color=colour, linewidth=1)
    area = Rectangle((x - 0.3, found.low), 0.6, found.high - found.low, facecolor=colour, edgecolor=colour, alpha=0.35)
    axes.add_patch(area)
    axes.plot([x - 0.3, x + 0.3], [found.median] * 2, color=INK, linewidth=1.8, solid_capstyle="butt", zorder=4)
    axes.plot([x] * len(found.outliers), found.outliers, "x", color=colour, markersize=5, markeredgewidth=1.2, zorder=5)
    dots = sorted(set(point.estimate.accuracies) - set(found.outliers))
    places = [x - 0.22 + 0.44 * (i * _GOLDEN % 1) for i in range(len(dots))]
    axes.plot(places, dots, ".", color=MUTED, markersize=2.5, alpha=0.7, zorder=3)
    if point.paper is not None:
        axes.plot([x], [point.paper], "D", markersize=5, markerfacecolor="none", markeredgecolor=INK, zorder=6)


def _handles(points: list[PointOutcome]) -> list[Line2D]:
    sample = {"linestyle": "none", "color": MUTED}
    handles = [
        Line2D([], [], color=INK, linewidth=1.8, label="median"),
        Line2D([], [], marker="x", label="outlier", **sample),
        Line2D([], [], marker=".", label="trial", **sample),
    ]
    return handles + ([paper_mark("the paper's mean")] if any(point.paper is not None for point in points) else [])


def _said(boxes: Boxes) -> str:
    said = []
    for point in boxes.points:
        found = box(point.estimate.accuracies)
        said.append(
            f"{point.rber:g}: median {found.median:.4f}, quartiles {found.low:.4f} and {found.high:.4f}, "
            f"{len(found.outliers)} outliers among {point.estimate.trials}"
        )
    return f"Box plot of the trials' accuracies against RBER. {'; '.join(said)}."
