"""Throughput against accuracy: which schemes are worth having."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nvmsim.report.accuracy_scale import AccuracyScale
from nvmsim.report.drawing import INK, MARKERS, MUTED, SURFACE, is_narrow, scheme_colours, spread_out, titled
from nvmsim.report.findings import front_title
from nvmsim.report.formats import accuracy, apart, clean, number, row_name
from nvmsim.study.tradeoff import Result, Row, as_fast

_PLOT, _RIGHT, _BOTTOM, _TOP = 3.2, 0.12, 1.12, 0.25  # inch
_LABEL_SIZE, _LONGEST = 8, 22  # point, letters
_VERDICTS = {"yes": "Pareto-optimal", "undecided": "undecided", "no": "dominated"}
Point = tuple[Row, float]  # a row and its place on the x axis
_LABELLED_LEFT = ("ecc", "ecc+bypass", "bypass")
_STEP_IN = 0.105  # between markers of equal throughput


def build(result: Result, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    title, narrow = front_title(result), is_narrow(width_in)
    figure, axes = _axes(width_in, 0.75 if narrow else 1.28, title)
    scale = AccuracyScale(result.float32_accuracy, result.chance)
    values = [value for row in result.rows for value in (row.low, row.high, row.accuracy)]
    scale.label(axes, "y", values=values, narrow=narrow)
    points = list(zip(result.rows, _across(axes, result.rows, narrow), strict=True))
    axes.axhline(0, color=INK, linewidth=0.9, linestyle=(0, (5, 3)))
    draw_front(axes, scale, points)
    colours = scheme_colours(result.rows)
    for row, x in points:
        _draw_row(axes, scale, row, x, colours[row.scheme])
    for side, labelled in _sides(points, narrow).items():
        _draw_labels(axes, scale, labelled, colours, side)
    _legend(figure, result.rows, narrow)
    return figure, title, _alternative(result)


def _axes(width_in: float, left_in: float, title: str) -> tuple[Figure, Axes]:
    body = _BOTTOM + _PLOT + _TOP
    figure, top = titled(width_in, body, title=title)
    height, wide = body + top, width_in - left_in - _RIGHT
    axes = figure.add_axes((left_in / width_in, _BOTTOM / height, wide / width_in, _PLOT / height))
    axes.set_xlabel("throughput, GB/s of weights")
    axes.text(-0.75 * left_in / wide, 1.02, "accuracy (points from float32)", transform=axes.transAxes, va="bottom")
    return figure, axes


def _across(axes: Axes, rows: Sequence[Row], narrow: bool) -> list[float]:
    """Set the x axis, with room for labels beside the data, and return where each row's marker stands."""
    speeds = [row.bandwidth_gb_s for row in rows]
    low, high = min(speeds), max(speeds)
    inches = axes.get_position().width * axes.figure.get_size_inches()[0]
    step = 0.6 * _STEP_IN if narrow else _STEP_IN
    crowd = step * max(len(_tied(row, rows)) for row in rows) / 2 + 0.05
    label = min(
        min(max(len(row.scheme) for row in rows), _LONGEST) * 0.62 * _LABEL_SIZE / 72 + 0.1, 0.4 * inches - crowd
    )
    left, right = crowd + (0 if narrow else label), crowd + label
    span = max(high - low, 0.02 * high)
    per_inch = span / (inches - left - right)
    middle = (low + high) / 2
    axes.set_xlim(middle - span / 2 - left * per_inch, middle + span / 2 + right * per_inch)
    _ticks(axes, speeds)
    return [row.bandwidth_gb_s + _side_step(row, rows) * step * per_inch for row in rows]


def _ticks(axes: Axes, speeds: Sequence[float]) -> None:
    """Put a tick at each speed that rows have, less those too near to the one before."""
    gap = 0.07 * (axes.get_xlim()[1] - axes.get_xlim()[0])
    kept: list[float] = []
    for speed in sorted(set(speeds)):
        if not kept or speed - kept[-1] > gap:
            kept.append(speed)
    axes.set_xticks(kept, [number(speed) for speed in kept])


def _side_step(row: Row, rows: Sequence[Row]) -> float:
    """Return how many steps beside its true throughput a row stands, so that equally fast rows do not overlap."""
    tied = _tied(row, rows)
    return next(i for i, other in enumerate(tied) if other is row) - (len(tied) - 1) / 2


def _tied(row: Row, rows: Sequence[Row]) -> list[Row]:
    return [other for other in rows if as_fast(row, other) and as_fast(other, row)]


def draw_front(axes: Axes, scale: AccuracyScale, points: Sequence[Point], **line: object) -> None:
    """Draw the front of the measured means; the markers say which of its rows are surely on it."""
    best = [(x, scale.place(row.accuracy)) for row, x in points if not any(_beats(rival, row) for rival, _ in points)]
    best.sort(key=lambda place: (place[0], -place[1]))
    drawn = {"color": MUTED, "linewidth": 1.2, "zorder": 2} | line
    axes.plot(*zip(*best, strict=True), drawstyle="steps-pre", **drawn)


def _beats(rival: Row, row: Row) -> bool:
    """Tell whether a rival's mean is better, or as good at a higher speed."""
    if not as_fast(rival, row):
        return False
    return rival.accuracy > row.accuracy or (rival.accuracy == row.accuracy and not as_fast(row, rival))


def _draw_row(axes: Axes, scale: AccuracyScale, row: Row, x: float, colour: str) -> None:
    y, low, high = (scale.place(value) for value in (row.accuracy, row.low, row.high))
    axes.plot([x, x], [low, high], color=colour, linewidth=1.6, zorder=3, solid_capstyle="butt")
    face = SURFACE if row.pareto == "undecided" else colour
    edge = INK if row.pareto == "yes" else colour
    axes.plot(
        [x], [y], marker=MARKERS.get(row.mode, "D"), markersize=4.5 if row.pareto == "no" else 7, zorder=4,
        markerfacecolor=face, markeredgecolor=edge, markeredgewidth=1.4, linestyle="none",
    )  # fmt: skip


def _sides(points: Sequence[Point], narrow: bool) -> dict[str, list[Point]]:
    """Share the labels out to both sides; a narrow figure labels each scheme once, colour says the rest."""
    if narrow:
        return {"right": list({row.scheme: (row, x) for row, x in points}.values())}
    left = [(row, x) for row, x in points if row.mode in _LABELLED_LEFT]
    return {"left": left, "right": [(row, x) for row, x in points if row.mode not in _LABELLED_LEFT]}


def _draw_labels(
    axes: Axes, scale: AccuracyScale, points: Sequence[Point], colours: Mapping[str, str], side: str
) -> None:
    bottom, top = axes.get_ylim()
    step = 1.35 * _LABEL_SIZE / 72 / _PLOT
    labels = apart((clean(row.scheme) for row, _ in points), limit=_LONGEST)
    wanted = [(scale.place(row.accuracy) - bottom) / (top - bottom) for row, _ in points]
    at = 0.012 if side == "left" else 0.988
    for (row, x), height in zip(points, spread_out(wanted, apart=step, low=0.03, high=0.97), strict=True):
        axes.annotate(
            labels[clean(row.scheme)],
            xy=(x, scale.place(row.accuracy)), xytext=(at, height), textcoords="axes fraction",
            ha=side, va="center", fontsize=_LABEL_SIZE, color=INK, zorder=5,
            bbox={"facecolor": SURFACE, "edgecolor": "none", "pad": 0.8},
            arrowprops={"arrowstyle": "-", "color": colours[row.scheme], "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4},
        )  # fmt: skip


def _legend(figure: Figure, rows: Sequence[Row], narrow: bool) -> None:
    modes = [_sample(MARKERS.get(m, "D"), MUTED, MUTED, clean(m)) for m in dict.fromkeys(row.mode for row in rows)]
    faces = {"yes": (MUTED, INK, 7), "undecided": (SURFACE, MUTED, 7), "no": (MUTED, MUTED, 4.5)}
    verdicts = [_sample("o", *faces[v][:2], text, size=faces[v][2]) for v, text in _VERDICTS.items()]
    lines = [
        Line2D([], [], color=MUTED, linewidth=1.2, label="front of the means"),
        Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (5, 3)), label="float32 accuracy"),
        Line2D([], [], color=MUTED, linewidth=1.6, marker="|", markersize=0, label="95 % interval"),
    ]
    starts = (0.02, 0.27, 0.58) if narrow else (0.14, 0.40, 0.68)
    for handles, x in zip((modes, verdicts, lines), starts, strict=True):
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(x, 0.0), frameon=False, fontsize=8)


def _sample(marker: str, face: str, edge: str, label: str, *, size: float = 6) -> Line2D:
    return Line2D(
        [], [], marker=marker, markerfacecolor=face, markeredgecolor=edge, markeredgewidth=1.4, markersize=size,
        linestyle="none", label=label,
    )  # fmt: skip


def _alternative(result: Result) -> str:
    listed = "; ".join(
        f"{row_name(row)} {number(row.bandwidth_gb_s)} GB/s, {accuracy(row)} %, {_VERDICTS.get(row.pareto, row.pareto)}"
        for row in result.rows
    )
    return f"Scatter plot of throughput against accuracy with 95 % intervals. {listed}."
