"""Where the time of a page read goes, with ECC and without."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nvmsim.report.drawing import ON_FULL, ON_PALE, SURFACE, is_narrow, titled
from nvmsim.report.findings import page_read_title, page_reads
from nvmsim.report.formats import apart, clean, number, short, way
from nvmsim.study.tradeoff import Result, Row

_BAR_IN, _LEFT, _RIGHT, _LETTER = 0.52, 0.75, 0.68, 0.092  # inch
# Work in full colour; then the waits, each in the pale colour of the work that it waits for.
_STAGES = {
    "command": "#696974",
    "sense": "#009e73",
    "transfer": "#1668a8",
    "decode": "#d55e00",
    "host": "#b0548a",
    "die_wait": "#a9d8c5",
    "bus_wait": "#a9cbe4",
    "decode_wait": "#efbf99",
    "host_wait": "#e3bdd3",
}
_LONGEST = 3.0  # bars are cut at so many times the longest work, for a wait can be a hundred times longer
_SPARE = ("#b07a00", "#7a5cc0", "#5b8c2a", "#b03a48")


def build(result: Result, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    rows = page_reads(result.rows)
    title, plot = page_read_title(result), _BAR_IN * max(len(rows), 1)
    colours, across = _colours(rows), 3 if is_narrow(width_in) else 5
    bottom = 0.6 + 0.19 * -(-len(colours) // across)
    figure, top = titled(width_in, bottom + plot, title=title)
    height = bottom + plot + top
    labels = _labels(rows)
    left = max(_LEFT, 0.12 + _LETTER * max((len(line) for label in labels for line in label.split("\n")), default=0))
    wide = 1 - (left + _RIGHT) / width_in
    axes = figure.add_axes((left / width_in, bottom / height, wide, plot / height))
    end = _end(rows)
    for y, row in enumerate(rows):
        _draw_bar(axes, row, y, colours, end=end, least=(0.09 if is_narrow(width_in) else 0.045) * end)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_xlim(0, end)
    axes.set_yticks(range(len(rows)), labels)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("mean time of a page read, µs")
    handles = [Patch(facecolor=colour, label=short(_said(stage), limit=18)) for stage, colour in colours.items()]
    if handles:
        figure.legend(
            handles=handles, ncol=across, loc="lower left", bbox_to_anchor=(0.02, 0), frameon=False, fontsize=8,
            handlelength=1.4, columnspacing=1.4,
        )  # fmt: skip
    return figure, title, _alternative(rows)


def _colours(rows: Sequence[Row]) -> dict[str, str]:
    found = dict.fromkeys(stage for row in rows for stage, took in row.page_read_us.items() if took > 0)
    unknown = [stage for stage in found if stage not in _STAGES]
    known = {stage: colour for stage, colour in _STAGES.items() if stage in found}
    return known | {stage: _SPARE[i % len(_SPARE)] for i, stage in enumerate(unknown)}


def _end(rows: Sequence[Row]) -> float:
    """Return where the axis ends: at the longest bar, or before where waits dwarf all work."""
    longest = max((sum(row.page_read_us.values()) for row in rows), default=1.0)
    work = max((sum(t for s, t in row.page_read_us.items() if not _is_wait(s)) for row in rows), default=0.0)
    return min(longest, _LONGEST * work) if work else longest


def _draw_bar(axes: Axes, row: Row, y: int, colours: Mapping[str, str], *, end: float, least: float) -> None:
    """Stack one row's stages up to ``end``; those longer than ``least`` have room for their number."""
    start, total = 0.0, sum(row.page_read_us.values())
    for stage, colour in colours.items():
        took = row.page_read_us.get(stage, 0.0)
        seen = max(min(took, end - start), 0.0)
        axes.barh(y, seen, left=start, height=0.62, color=colour, edgecolor=SURFACE, linewidth=0.5)
        if seen > least:
            shade = ON_PALE if _is_wait(stage) else ON_FULL
            axes.text(start + seen / 2, y, number(took, digits=3), ha="center", va="center", fontsize=8, color=shade)
        start += seen
    if total > 1.001 * end:
        _draw_cut(axes, y, end)
    axes.text(start + 0.2 * least, y, f"{number(total, digits=3)} µs", va="center", fontsize=8.5, fontweight="bold")


def _draw_cut(axes: Axes, y: int, end: float) -> None:
    for shift in (0.965, 0.98):
        axes.plot([(shift - 0.006) * end, (shift + 0.006) * end], [y + 0.36, y - 0.36], color=SURFACE, linewidth=2)


def _labels(rows: Sequence[Row]) -> list[str]:
    """Return how each row is read, a line a part, no two parts alike."""
    lines = [way(row).split(", ") for row in rows]
    shown = apart((line for some in lines for line in some), limit=11)
    return ["\n".join(shown[line] for line in some) for some in lines]


def _is_wait(stage: str) -> bool:
    return stage.endswith("_wait")


def _said(stage: str) -> str:
    return clean(stage).replace("_", " ")


def _alternative(rows: Sequence[Row]) -> str:
    modes = "; ".join(f"{way(row)} {_listed(row)}" for row in rows)
    return f"Stacked bars of a page read's mean time. {modes}."


def _listed(row: Row) -> str:
    stages = [(stage, took) for stage, took in row.page_read_us.items() if took > 0]
    return ", ".join(f"{_said(stage)} {number(took, digits=3)} µs" for stage, took in stages)
