"""What the paper's figures share: colours by curve, axes under a title, labels beside the lines' ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from nvmsim.report.drawing import GRID, INK, SURFACE, is_narrow, spread_out, titled
from nvmsim.study.paper.spec import Curve

_LEFT, _BOTTOM, _BETWEEN, _LEGEND = 0.72, 0.46, 0.62, 0.3  # inch
_LABEL_SIZE = 8
_KNOWN = {
    "binary:16": "#d55e00",
    "binary:16+parity-nulling": "#0072b2",
    "hamming:16": "#009e73",
    "hamming-descending:16": "#7a5cc0",
    "fp16": "#c4619b",
    "fp16+range-check": "#4a9fd0",
}
_PALETTE = ("#0072b2", "#d55e00", "#009e73", "#c4619b", "#b07a00", "#4a9fd0", "#7a5cc0", "#8a6d3b", "#55555f")
MARKERS = ("o", "s", "^", "v", "D", "P", "X", "<", ">")


def colours(curves: Sequence[Curve]) -> dict[str, str]:
    """Return a colour for each curve's name: one for an encoding in every figure, or one for each layer."""
    layers = list(dict.fromkeys(curve.layers for curve in curves))
    if len(layers) > 1:
        return {curve.name: _PALETTE[layers.index(curve.layers) % len(_PALETTE)] for curve in curves}
    unknown = list(dict.fromkeys(curve.encoding for curve in curves if curve.encoding not in _KNOWN))
    spare = [colour for colour in _PALETTE if colour not in _KNOWN.values()]
    chosen = _KNOWN | {encoding: spare[i % len(spare)] for i, encoding in enumerate(unknown)}
    return {curve.name: chosen[curve.encoding] for curve in curves}


@dataclass(frozen=True)
class Panels:
    """A figure with one axes a panel, one above the other."""

    figure: Figure
    axes: tuple[Axes, ...]


def panels(width_in: float, title: str, *, names: Sequence[str], plot_in: float, right_in: float) -> Panels:
    """Return axes below a title, each under its name where there are several, with room on the right for labels."""
    body = _BOTTOM + _LEGEND + len(names) * (plot_in + _BETWEEN) - _BETWEEN + 0.12
    body += 0.2 if len(names) > 1 else 0.0
    figure, top = titled(width_in, body, title=title)
    height, wide = body + top, width_in - _LEFT - right_in
    made = []
    for i, name in enumerate(names):
        bottom = _BOTTOM + _LEGEND + (len(names) - 1 - i) * (plot_in + _BETWEEN)
        axes = figure.add_axes((_LEFT / width_in, bottom / height, wide / width_in, plot_in / height))
        axes.grid(color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        if len(names) > 1:
            axes.text(0.0, 1.03, name, transform=axes.transAxes, fontweight="bold", va="bottom")
        made.append(axes)
    return Panels(figure, tuple(made))


def rate_axis(axes: Axes, values: Sequence[float], label: str) -> bool:
    """Make the x axis logarithmic where the values span more than a factor of thirty; tell whether it is."""
    positive = [value for value in values if value > 0]
    logarithmic = max(positive) > 30 * min(positive)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)
    plain_ticks(axes)
    return logarithmic


def plain_ticks(axes: Axes) -> None:
    """Write the numbers of the x axis as the tables do."""
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1000 else f"{value:g}"))


def end_labels(axes: Axes, ends: Mapping[str, tuple[float, float]], shades: Mapping[str, str]) -> None:
    """Write each curve's name to the right of the axes, at the height of its end (x, y), joined to it by a line."""
    inches = axes.get_position().height * axes.figure.get_size_inches()[1]
    wide = axes.get_position().width * axes.figure.get_size_inches()[0]
    to_axes = axes.transAxes.inverted().transform
    wanted = [float(to_axes(axes.transData.transform(end))[1]) for end in ends.values()]
    heights = spread_out(wanted, apart=1.3 * _LABEL_SIZE / 72 / inches, low=0.02, high=0.98)
    for (name, end), height in zip(ends.items(), heights, strict=True):
        axes.annotate(
            name, xy=end, xytext=(1 + 0.15 / wide, height), textcoords="axes fraction",
            ha="left", va="center", fontsize=_LABEL_SIZE, color=INK, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": shades[name], "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4},
        )  # fmt: skip


def label_room(names: Sequence[str], width_in: float) -> float:
    """Return the inches that labels beside the axes take."""
    return min(max(map(len, names)) * 0.062 + 0.3, 0.36 * width_in)


def legend(figure: Figure, handles: Sequence[Line2D], width_in: float) -> None:
    """Put what the signs mean at the foot of the figure."""
    size = 7 if is_narrow(width_in) else 8
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.02, 0.0), frameon=False, fontsize=size,
        ncols=len(handles), columnspacing=1.2, handletextpad=0.5,
    )  # fmt: skip


def paper_mark(label: str) -> Line2D:
    """Return the sign of the paper's own values."""
    return Line2D(
        [], [], marker="D", markersize=5, markerfacecolor=SURFACE, markeredgecolor=INK, linestyle="none", label=label
    )
