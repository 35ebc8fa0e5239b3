"""Inferences a second at each place and mode, beside what loading or computing alone would allow."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nvmsim.report.drawing import BLUE, GREY, GRID, INK, MUTED, titled
from nvmsim.report.formats import clean, number
from nvmsim.timing.inference import Inference

_WIDTH_IN, _BAR_IN, _LEFT_IN, _RIGHT_IN, _BOTTOM_IN = 7.4, 0.3, 1.5, 1.6, 0.7


def build(rows: Sequence[Inference], *, about: str, per: str) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative; ``about`` names network, device and age."""
    best = max(rows, key=lambda row: row.per_s)
    title = f"{clean(about)}: at most {number(best.per_s)} {per}/s, computed at the {best.where} ({best.mode})"
    plot = _BAR_IN * len(rows)
    figure, top = titled(_WIDTH_IN, _BOTTOM_IN + plot, title=title)
    height = _BOTTOM_IN + plot + top
    wide = 1 - (_LEFT_IN + _RIGHT_IN) / _WIDTH_IN
    axes = figure.add_axes((_LEFT_IN / _WIDTH_IN, _BOTTOM_IN / height, wide, plot / height))
    axes.set_xscale("log")
    for y, row in enumerate(rows):
        _draw(axes, row, y, per)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_yticks(range(len(rows)), [f"{row.where}, {row.mode}" for row in rows], fontsize=8.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100 * low else (1.0,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    meaning = "dots: corrected (grey), raw bits (blue); lines: computing alone (dashed), loading alone (dotted)"
    axes.set_xlabel(f"{per} a second\n{meaning}", fontsize=8.5)
    return figure, title, _alternative(rows, per)


def _draw(axes: Axes, row: Inference, y: int, per: str) -> None:
    axes.plot(row.per_s, y, "o", color=GREY if row.uber is not None else BLUE, markersize=8)
    for seconds, line in ((row.compute_s, "--"), (row.load_s, ":")):
        if seconds:  # a batch takes time_s and gives per_s x time_s
            alone = row.per_s * row.time_s / seconds
            axes.plot([alone, alone], [y - 0.4, y + 0.4], color=INK, linestyle=line, linewidth=1.2)
    text = f"  {number(row.per_s)}/s, {row.limited_by}"
    axes.annotate(text, (1, y), xycoords=("axes fraction", "data"), va="center", fontsize=8, color=MUTED)


def _alternative(rows: Sequence[Inference], per: str) -> str:
    said = (f"{row.where} {row.mode} {number(row.per_s)}, limited by {row.limited_by}" for row in rows)
    return f"Dots of {per} a second. {'; '.join(said)}."
