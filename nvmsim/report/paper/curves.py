"""Accuracy against RBER, or against the number of bit errors, a line a curve, with the paper's values beside."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nvmsim.report.drawing import INK, MUTED, is_narrow
from nvmsim.report.paper.axes import (
    MARKERS,
    colours,
    end_labels,
    label_room,
    legend,
    panels,
    paper_mark,
    rate_axis,
)
from nvmsim.report.paper.rows import rate_text
from nvmsim.report.paper.titles import accuracy_title, errors_title
from nvmsim.study.paper.agreement import own_margin
from nvmsim.study.paper.outcome import KEPT, CurveOutcome, PointOutcome
from nvmsim.study.paper.reproduce import AccuracyOutcome

_PLOT = 2.9  # inch
_STYLES = {"global": "-", "layer": "--", "tensor": ":"}
Across = Callable[[PointOutcome], float]


def _rber(point: PointOutcome) -> float:
    return point.rber


def _bit_errors(point: PointOutcome) -> float:
    return point.bit_errors


def build_accuracy(outcome: AccuracyOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return accuracy against RBER, its title and its text alternative."""
    title = accuracy_title(outcome)
    return (
        _build(outcome, width_in, title, _rber, "raw bit error rate (RBER)"),
        title,
        _said(outcome),
    )


def build_errors(outcome: AccuracyOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return accuracy against the mean number of flipped bits, its title and its text alternative."""
    title = errors_title(outcome)
    figure = _build(outcome, width_in, title, _bit_errors, "bit errors in the layer (mean)")
    return figure, title, _said(outcome)


def _build(outcome: AccuracyOutcome, width_in: float, title: str, across: Across, label: str) -> Figure:
    curves = [curve for curve in outcome.curves if curve.measured]
    models = list(dict.fromkeys(curve.curve.model for curve in curves))
    names = [curve.curve.name for curve in curves]
    right = label_room(names, width_in)
    made = panels(width_in, title, names=models, plot_in=_PLOT if len(models) == 1 else 2.1, right_in=right)
    shades = colours([curve.curve for curve in curves])
    for model, axes in zip(models, made.axes, strict=True):
        _panel(axes, [curve for curve in curves if curve.curve.model == model], shades, across, label)
    has_paper = any(point.paper is not None for curve in curves for point in curve.points)
    legend(made.figure, _handles(has_paper, width_in), width_in)
    return made.figure


def _panel(axes: Axes, curves: Sequence[CurveOutcome], shades: dict[str, str], across: Across, label: str) -> None:
    logarithmic = rate_axis(axes, [across(point) for curve in curves for point in curve.measured], label)
    ends = {}
    for i, curve in enumerate(curves):
        shown = [point for point in curve.measured if across(point) > 0 or not logarithmic]
        _curve(
            axes, shown, shades[curve.curve.name], MARKERS[i % len(MARKERS)], across, _STYLES[curve.curve.range_scope]
        )
        ends[curve.curve.name] = (across(shown[-1]), shown[-1].estimate.mean)
    axes.axhline(KEPT * curves[0].float32, color=INK, linewidth=0.9, linestyle=(0, (5, 3)))
    axes.set_ylabel("accuracy")
    _limits(axes, curves)
    end_labels(axes, ends, shades)


def _limits(axes: Axes, curves: Sequence[CurveOutcome]) -> None:
    """Show all means and the target with a little room; intervals may leave the frame."""
    means = [point.estimate.mean for curve in curves for point in curve.measured]
    means += [point.paper for curve in curves for point in curve.measured if point.paper is not None]
    low, high = min(*means, KEPT * curves[0].float32), max(*means, curves[0].float32)
    room = 0.06 * (high - low)
    axes.set_ylim(low - room, high + room)


def _curve(axes: Axes, points: Sequence[PointOutcome], colour: str, marker: str, across: Across, style: str) -> None:
    x, means = [across(point) for point in points], [point.estimate.mean for point in points]
    margins = [own_margin(point.estimate.sample) if point.estimate.trials > 1 else 0.0 for point in points]
    up = [min(margin, 1.0 - mean) for mean, margin in zip(means, margins, strict=True)]
    down = [min(margin, mean) for mean, margin in zip(means, margins, strict=True)]
    axes.errorbar(
        x, means, yerr=(down, up), color=colour, linewidth=1.4, elinewidth=1.0, capsize=2, marker=marker, markersize=4,
        linestyle=style, zorder=3,
    )  # fmt: skip
    quoted = [(across(point), point.paper) for point in points if point.paper is not None]
    if quoted:
        axes.plot(
            *zip(*quoted, strict=True), marker="D", markersize=5, linestyle="none", markerfacecolor="none",
            markeredgecolor=INK, markeredgewidth=0.9, zorder=4,
        )  # fmt: skip


def _handles(has_paper: bool, width_in: float) -> list[Line2D]:
    short = is_narrow(width_in)
    ours = Line2D([], [], color=MUTED, marker="o", markersize=4, linewidth=1.4,
                  label="ours" if short else "ours, bars: t-interval of the mean")  # fmt: skip
    target = Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (5, 3)),
                    label="95 %" if short else "95 % of float32 accuracy")  # fmt: skip
    return [ours, *([paper_mark("the paper")] if has_paper else []), target]


def _said(outcome: AccuracyOutcome) -> str:
    listed = []
    for curve in outcome.curves:
        if curve.measured:
            first, last = curve.measured[0], curve.measured[-1]
            found = f", R(0.95) {rate_text(curve.robustness.narrow)}" if curve.robustness else ""
            listed.append(
                f"{curve.curve.name} from {first.estimate.mean:.4f} at {first.rber:g} to {last.estimate.mean:.4f} at "
                f"{last.rber:g}{found}"
            )
    return f"Accuracy against errors. {'; '.join(listed)}."
