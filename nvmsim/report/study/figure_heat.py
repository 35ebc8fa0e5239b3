"""Points lost by scheme and age, a cell each, with its number."""

from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nvmsim.report.drawing import ON_FULL, ON_PALE, SURFACE, is_narrow
from nvmsim.report.formats import points
from nvmsim.report.study.findings import heat_title
from nvmsim.report.study.layout import SMALL, Frame, series_labels, series_name, set_labels, sheet
from nvmsim.report.study.lifetime import LINEAR_POINTS
from nvmsim.report.study.panels import Panel, Step, shown_panels
from nvmsim.study.grid.outcome import StudyOutcome
from nvmsim.study.tradeoff import Row, surely_fits

MOST_AGES = 12
_CELL_IN, _LABEL_IN, _LONGEST = 0.22, 0.062, 26
_NEEDED_IN = 0.42  # of width for a number
# Perceptually uniform (S. van der Walt and N. Smith, SciPy 2015) and dark where it hurts, on white paper.
_MAP, _DARK = colormaps["magma_r"], 0.45
_NORM = AsinhNorm(LINEAR_POINTS, vmin=0, vmax=100)


def build(outcome: StudyOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    panels = shown_panels(outcome)
    title = heat_title(outcome, panels)
    labels = series_labels(panels, limit=_LONGEST)
    longest = max(map(len, labels.values()))
    frame = Frame(plot=_CELL_IN * max(len(p.series) for p in panels), left=longest * _LABEL_IN + 0.22)
    ages = max(len(shown_steps(panel)) for panel in panels)
    across = 2 if width_in / 2 - frame.left > ages * _NEEDED_IN else 1
    made = sheet(width_in, title, names=[panel.name for panel in panels], frame=frame, most=across)
    room = (width_in / (1 if is_narrow(width_in) else across) - frame.left) / ages
    for axes, panel in zip(made.axes, panels, strict=True):
        _draw(axes, panel, outcome.max_drop_points, with_numbers=room > 0.8 * _NEEDED_IN)
        axes.set_yticks(range(len(panel.series)), [labels[one] for one in panel.series], fontsize=SMALL)
    return made.figure, title, _alternative(panels)


def shown_steps(panel: Panel) -> tuple[Step, ...]:
    """Return at most 12 of a panel's ages, the first and the last among them, evenly chosen."""
    count = len(panel.steps)
    if count <= MOST_AGES:
        return panel.steps
    return tuple(panel.steps[round(i * (count - 1) / (MOST_AGES - 1))] for i in range(MOST_AGES))


def _draw(axes: Axes, panel: Panel, most: float, *, with_numbers: bool) -> None:
    steps = shown_steps(panel)
    cells = [
        (x, y, row)
        for y, series in enumerate(panel.series)
        for x, step in enumerate(steps)
        if (row := step.row(series))
    ]
    areas = [Rectangle((x - 0.5, y - 0.5), 1, 1) for x, y, _ in cells]
    colours = [_MAP(_shade(row)) for *_, row in cells]
    axes.add_collection(PatchCollection(areas, facecolors=colours, edgecolors=SURFACE, linewidths=1))
    fit = [cell for cell in cells if surely_fits(cell[2], most)]
    frames = [Rectangle((x - 0.44, y - 0.4), 0.88, 0.8) for x, y, _ in fit]
    inks = [_ink(row) for *_, row in fit]
    axes.add_collection(PatchCollection(frames, facecolors="none", edgecolors=inks, linewidths=0.9))
    for x, y, row in cells if with_numbers else ():
        axes.text(x, y, _written(row.drop_points), ha="center", va="center", fontsize=7.5, color=_ink(row))
    _label(axes, panel, steps)


def _label(axes: Axes, panel: Panel, steps: Sequence[Step]) -> None:
    axes.set_xlim(-0.5, len(steps) - 0.5)
    axes.set_ylim(len(panel.series) - 0.5, -0.5)
    set_labels(axes, [(i, step.label) for i, step in enumerate(steps)])
    axes.set_xlabel(panel.axis)
    axes.xaxis.label.set_size(SMALL)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _shade(row: Row) -> float:
    return float(_NORM(max(row.drop_points, 0.0)))


def _ink(row: Row) -> str:
    return ON_FULL if _shade(row) > _DARK else ON_PALE


def _written(drop: float) -> str:
    return f"{drop:.1f}" if abs(drop) >= 9.995 else points(drop)


def _alternative(panels: Sequence[Panel]) -> str:
    return f"Heat maps of points lost by scheme and age. {'; '.join(map(_listed, panels))}."


def _listed(panel: Panel) -> str:
    steps = shown_steps(panel)
    said = [f"{series_name(one)} {' '.join(_spoken(step.row(one)) for step in steps)}" for one in panel.series]
    return f"{panel.name}, {panel.axis} {' '.join(step.label for step in steps)}: {', '.join(said)}"


def _spoken(row: Row | None) -> str:
    return "-" if row is None else points(row.drop_points)
