"""How long ECC can be left out: a bar a scheme up to the last age at which it surely loses no more than wanted."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nvmsim.report.drawing import GREY, INK
from nvmsim.report.study.findings import lifetime_title, limit
from nvmsim.report.study.layout import SMALL, Frame, colours_of, series_labels, series_name, set_labels, sheet
from nvmsim.report.study.lifetime import Lifetime, lifetimes
from nvmsim.report.study.panels import Panel, shown_panels
from nvmsim.study.grid.outcome import StudyOutcome

_BAR_IN, _LABEL_IN, _LONGEST = 0.2, 0.062, 26


def build(outcome: StudyOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    panels, most = shown_panels(outcome), outcome.max_drop_points
    title = lifetime_title(outcome, panels)
    series = max(len(panel.series) for panel in panels)
    labels = series_labels(panels, limit=_LONGEST)
    longest = max(map(len, labels.values()))
    frame = Frame(plot=_BAR_IN * series, left=longest * _LABEL_IN + 0.22, right=0.62, below=0.55)
    handles = [
        Patch(facecolor=GREY, label=f"surely at most {limit(outcome)} lost"),
        Patch(facecolor=GREY, alpha=0.3, label="not yet sure"),
    ]
    made = sheet(width_in, title, names=[panel.name for panel in panels], frame=frame, handles=handles)
    for axes, panel in zip(made.axes, panels, strict=True):
        lives = lifetimes(panel, max_drop_points=most)
        _draw(axes, panel, lives, colours_of(outcome))
        axes.set_yticks(range(len(lives)), [labels[life.series] for life in lives], fontsize=SMALL)
    return made.figure, title, _alternative(panels, most)


def _draw(axes: Axes, panel: Panel, lives: Sequence[Lifetime], colours: Mapping[str, str]) -> None:
    for y, life in enumerate(lives):
        colour = colours[life.series[0]]
        sure, open_to = _rank(panel, life), _open(panel, life)
        axes.barh(y, sure, height=0.68, color=colour)
        axes.barh(y, max(open_to - sure, 0), left=sure, height=0.68, color=colour, alpha=0.3)
        axes.text(max(sure, open_to) + 0.06, y, said(panel, life), va="center", fontsize=SMALL, color=INK)
    axes.set_ylim(len(lives) - 0.4, -0.6)
    axes.set_xlim(0, len(panel.steps))
    set_labels(axes, [(i + 1, step.label) for i, step in enumerate(panel.steps)])
    axes.set_xlabel(panel.axis or "the only age", fontsize=SMALL)
    axes.tick_params(axis="y", length=0)


def _rank(panel: Panel, life: Lifetime) -> int:
    """Return at how many of the measured ages, from the first on, the drop surely stays within."""
    return 0 if life.last is None else panel.steps.index(life.last) + 1


def _open(panel: Panel, life: Lifetime) -> int:
    return len(panel.steps) if life.beyond is None else panel.steps.index(life.beyond)


def said(panel: Panel, life: Lifetime) -> str:
    """Return the last age as a bar's label, such as ``1,000``, ``all ages`` or ``none``."""
    if life.last is None:
        return "none"
    return "all ages" if life.last is panel.steps[-1] and len(panel.steps) > 1 else life.last.label or "yes"


def _alternative(panels: Sequence[Panel], most: float) -> str:
    listed = "; ".join(f"{panel.name}: {_listed(panel, most)}" for panel in panels)
    return f"Bars of the last age up to which the drop surely stays within what is wanted. {listed}."


def _listed(panel: Panel, most: float) -> str:
    lives = lifetimes(panel, max_drop_points=most)
    return ", ".join(f"{series_name(life.series)} {said(panel, life)}" for life in lives)
