"""What limits reading: how busy dies, buses, decoders and host link are, for each device and mode."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nvmsim.report.drawing import BLUE, GREY, GRID, INK, is_narrow
from nvmsim.report.formats import apart, clean, short, way
from nvmsim.report.study.findings import timing_title
from nvmsim.report.study.layout import SMALL, Frame, sheet
from nvmsim.report.study.names import AGES, resource_name, shown_keys, spoken, value_of
from nvmsim.report.study.panels import panels_of
from nvmsim.study.chosen import LAYERS
from nvmsim.study.grid.outcome import Setting, StudyOutcome
from nvmsim.study.tradeoff import Row

MOST_BARS = 24
_BAR_IN, _LETTER_IN = 0.24, 0.062


class Use(NamedTuple):
    """One bar of each resource: a device read in a mode, and the row that shows it."""

    device: str
    setting: Setting
    row: Row


def uses(outcome: StudyOutcome) -> tuple[Use, ...]:
    """Return one row a device and way to read it, at the last age measured, where reads are repeated most.

    How much of a network some layers are is the network's own.
    """
    keys = [key for key in shown_keys(outcome) if key not in (*AGES, "model", "range_scope", "grid")]
    found: dict[tuple[str, str], Use] = {}
    for setting in (panel.steps[-1].setting for panel in panels_of(outcome)):
        words = [spoken(key, value) for key in keys if (value := value_of(setting, key)) is not None]
        device = ", ".join(words) or clean(setting.result.device)
        for row in setting.result.rows:
            where = f"{device}, {clean(setting.result.model)}" if f"{LAYERS}=" in way(row) else device
            if row.utilisation:
                found.setdefault((where, way(row)), Use(where, setting, row))
    return tuple(found.values())


def resources(shown: Sequence[Use]) -> list[str]:
    """Return the resources that any of the rows uses, in order."""
    return list(dict.fromkeys(name for use in shown for name in use.row.utilisation))


def build(outcome: StudyOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    shown, title = uses(outcome)[:MOST_BARS], timing_title(outcome)
    whole = [f"{use.device}, {way(use.row)}" for use in shown]
    labels = apart(whole, limit=16 if is_narrow(width_in) else 34)
    names = [labels[name] for name in whole]
    left = max(map(len, names), default=0) * _LETTER_IN + 0.2
    frame = Frame(plot=_BAR_IN * max(len(shown), 1), left=left, below=0.45)
    made = sheet(width_in, title, names=[""], frame=frame)
    parts = _parted(made.axes[0], resources(shown))
    for i, (name, axes) in enumerate(parts):
        _draw(axes, shown, name, names=names if i == 0 else None)
    return made.figure, title, _alternative(shown)


def _parted(whole: Axes, names: Sequence[str]) -> list[tuple[str, Axes]]:
    """Put an axes for each resource side by side where one was."""
    box, figure = whole.get_position(), whole.figure
    whole.set_axis_off()
    wide = box.width / max(len(names), 1)
    return [(n, figure.add_axes((box.x0 + i * wide, box.y0, 0.86 * wide, box.height))) for i, n in enumerate(names)]


def _draw(axes: Axes, shown: Sequence[Use], name: str, *, names: Sequence[str] | None) -> None:
    busy = [100 * use.row.utilisation.get(name, 0.0) for use in shown]
    limits = [use.row.bottleneck == name for use in shown]
    axes.barh(range(len(shown)), busy, height=0.66, color=[BLUE if limit else GREY for limit in limits])
    for y, (share, limit) in enumerate(zip(busy, limits, strict=True)):
        axes.text(
            min(share, 100) + 4, y, f"{share:.0f}", va="center", fontsize=SMALL, color=INK,
            fontweight="bold" if limit else "normal",
        )  # fmt: skip
    axes.set_xlim(0, 128)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xticks([0, 100], ["0", "100 %"], fontsize=SMALL)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title(short(resource_name(name), limit=14), fontsize=SMALL, loc="left")
    axes.set_yticks(range(len(shown)) if names else [], names or [], fontsize=SMALL)
    axes.tick_params(axis="y", length=0)


def _alternative(shown: Sequence[Use]) -> str:
    said = "; ".join(f"{use.device}, {way(use.row)} {_shares(use.row)}" for use in shown)
    return f"Bars of how busy each resource is. {said}."


def _shares(row: Row) -> str:
    return ", ".join(f"{clean(name)} {100 * share:.0f} %" for name, share in row.utilisation.items())
