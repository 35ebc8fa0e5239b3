"""Table VIII as a figure: R(0.95) without and with nulling, ours beside the paper's."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from nvmsim.report.drawing import INK
from nvmsim.report.paper.axes import legend, panels, paper_mark, plain_ticks
from nvmsim.report.paper.rows import rate_text
from nvmsim.report.paper.titles import summary_title
from nvmsim.study.paper.outcome import Robustness
from nvmsim.study.paper.summary import SummaryEntry, SummaryOutcome

_COLOURS = {"without": "#d55e00", "with": "#0072b2"}
_ROW_IN, _RIGHT = 0.5, 0.2  # inch
_OPEN = 2.0  # times R that a side without a limit is drawn


def build_summary(outcome: SummaryOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    title = summary_title(outcome)
    made = panels(width_in, title, names=[""], plot_in=_ROW_IN * len(outcome.entries), right_in=_RIGHT)
    (axes,) = made.axes
    for y, entry in enumerate(outcome.entries):
        _row(axes, y, entry)
    axes.set_xscale("log")
    axes.set_ylim(len(outcome.entries) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for y, entry in enumerate(outcome.entries):
        axes.text(0.01, y - 0.3, entry.row.name, transform=axes.get_yaxis_transform(), fontsize=8.5, va="center")
    plain_ticks(axes)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("R(0.95): the RBER at which 95 % of the accuracy is left")
    legend(made.figure, _handles(), width_in)
    return made.figure, title, _said(outcome)


def _row(axes: Axes, y: int, entry: SummaryEntry) -> None:
    for found, paper, kind, shift in (
        (entry.without, entry.row.paper_without, "without", 0.0),
        (entry.nulling, entry.row.paper_nulling, "with", 0.25),
    ):
        axes.plot([paper], [y + shift], "D", markersize=5, markerfacecolor="none", markeredgecolor=INK, zorder=4)
        if found is not None:
            _found(axes, y + shift, found, _COLOURS[kind])


def _found(axes: Axes, y: float, found: Robustness, colour: str) -> None:
    narrow = found.narrow
    axes.plot([narrow.low or narrow.rate, narrow.high or narrow.rate], [y, y], color=colour, linewidth=2)
    for limit, end in ((narrow.low, narrow.rate / _OPEN), (narrow.high, narrow.rate * _OPEN)):
        if limit is None:
            axes.plot([narrow.rate, end], [y, y], color=colour, linewidth=2, linestyle=(0, (1, 1.5)))
    marker = {"=": "o", ">": ">", "<": "<"}[narrow.relation]
    axes.plot([narrow.rate], [y], marker, color=colour, markersize=5, zorder=3)


def _handles() -> list[Line2D]:
    labels = {"without": "without nulling", "with": "with (bars: t-interval, dotted where open)"}
    ours = [
        Line2D([], [], color=colour, marker="o", markersize=5, linewidth=2, label=labels[kind])
        for kind, colour in _COLOURS.items()
    ]
    return [*ours, paper_mark("the paper")]


def _said(outcome: SummaryOutcome) -> str:
    said = []
    for entry in outcome.entries:
        ours = " and ".join(rate_text(r.narrow) if r else "not measured" for r in (entry.without, entry.nulling))
        said.append(f"{entry.row.name}: {ours}, the paper {entry.row.paper_without:g} and {entry.row.paper_nulling:g}")
    return f"R(0.95) without and with nulling. {'; '.join(said)}."
