"""A heat map: accuracy lost by layer and bit position."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nvmsim.report.drawing import INK, MUTED, SURFACE, titled
from nvmsim.report.formats import clean, points, short
from nvmsim.report.sensitivity import ALL_BITS, ALL_LAYERS, finding
from nvmsim.study.sensitivity import Sensitivity

_CELL_IN, _ROW_IN, _RIGHT_IN, _BOTTOM_IN = 0.37, 0.29, 0.12, 0.86
_PLAIN_TOP_IN, _ROLES_TOP_IN = 0.42, 0.62
_APART = 0.35  # of a cell, between cells and the sums beside and below them
_LEAST_WIDE_IN, _LONGEST = 5.5, 24
_LINEAR_POINTS = 1.0
_TICKS = (0, 1, 3, 10, 30)
# Perceptually uniform (S. van der Walt and N. Smith, SciPy 2015) and dark where it hurts, on white paper.
_MAP = "magma_r"


class _Grid(NamedTuple):
    """Where cells lie: columns and rows by what they stand for, in units of a cell."""

    across: dict[int | None, float]
    down: dict[str | None, float]

    @classmethod
    def of(cls, result: Sensitivity) -> "_Grid":
        across = {bit: float(i) for i, bit in enumerate(result.bits)}
        down = {layer: float(i) for i, layer in enumerate(result.layers)}
        return cls(across | {None: len(across) + _APART}, down | {None: len(down) + _APART})

    @property
    def width(self) -> float:
        return self.across[None] + 1

    @property
    def height(self) -> float:
        return self.down[None] + 1


def build(result: Sensitivity) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    grid, title = _Grid.of(result), finding(result)
    names = [ALL_LAYERS if layer is None else short(clean(layer), limit=_LONGEST) for layer in grid.down]
    left_in = max(map(len, names)) * 0.085 + 0.16
    plot_in = (grid.width * _CELL_IN, grid.height * _ROW_IN)
    width = max(left_in + plot_in[0] + _RIGHT_IN, _LEAST_WIDE_IN)
    body_in = (_ROLES_TOP_IN if _has_roles(result) else _PLAIN_TOP_IN) + plot_in[1] + _BOTTOM_IN
    figure, top_in = titled(width, body_in, title=title)
    height = top_in + body_in
    axes = figure.add_axes((left_in / width, _BOTTOM_IN / height, plot_in[0] / width, plot_in[1] / height))
    axes.set(xlim=(0, grid.width), ylim=(grid.height, 0))
    scale = _scale(result)
    for cell in result.cells:
        _draw_cell(axes, scale, grid.across[cell.bit], grid.down[cell.layer], cell.drop_points)
    _label(axes, result, grid, names)
    bar = figure.add_axes((left_in / width, 0.42 / height, min(plot_in[0], 3.4) / width, 0.12 / height))
    _draw_bar(figure, bar, scale)
    return figure, title, _alternative(result)


def _scale(result: Sensitivity) -> ScalarMappable:
    """Return colours from nothing lost to chance, logarithmic in the points lost and linear within one."""
    collapse = 100 * (result.float32_accuracy - result.chance)
    return ScalarMappable(AsinhNorm(_LINEAR_POINTS, vmin=0, vmax=max(collapse, 1.0), clip=True), colormaps[_MAP])


def _draw_cell(axes: Axes, scale: ScalarMappable, x: float, y: float, drop: float) -> None:
    colour = scale.to_rgba(drop)
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor=SURFACE, linewidth=1.2))
    # Relative luminance (WCAG 2.1) at which black and white text contrast equally: 0.179.
    luminance = sum(weight * part**2.2 for weight, part in zip((0.2126, 0.7152, 0.0722), colour, strict=False))
    ink = INK if luminance > 0.179 else SURFACE
    axes.text(x + 0.5, y + 0.5, _value(drop), ha="center", va="center", fontsize=7, color=ink)


def _value(drop: float) -> str:
    """Write a drop in the room of a cell: two digits, or one behind the point.

    >>> _value(0.04), _value(-0.26), _value(3.04), _value(45.69)
    ('0', '-0.3', '3.0', '46')
    """
    if abs(drop) < 0.05:
        return "0"
    return f"{drop:.1f}" if abs(drop) < 9.95 else f"{drop:.0f}"


def _label(axes: Axes, result: Sensitivity, grid: _Grid, names: Sequence[str]) -> None:
    bits = [ALL_BITS.replace(" ", "\n") if bit is None else str(bit) for bit in grid.across]
    axes.xaxis.tick_top()
    axes.set_xticks([x + 0.5 for x in grid.across.values()], bits, fontsize=8)
    axes.set_yticks([y + 0.5 for y in grid.down.values()], names, fontsize=8.5)
    axes.tick_params(length=0, pad=2)
    for side in axes.spines.values():
        side.set_visible(False)
    height = -1.7 if _has_roles(result) else -0.95
    axes.text(0, height, "bit position, 0 the least significant", va="bottom", fontsize=8, color=MUTED)
    if _has_roles(result):
        _draw_roles(axes, result)


def _has_roles(result: Sensitivity) -> bool:
    return set(result.bit_roles) != {"value"}


def _draw_roles(axes: Axes, result: Sensitivity) -> None:
    """Name the parts of the word above their bit positions."""
    for role, run in groupby(enumerate(result.bit_roles), key=lambda item: item[1]):
        places = [place for place, _ in run]
        first, last = places[0] + 0.1, places[-1] + 0.9
        axes.plot([first, last], [-0.78, -0.78], color=MUTED, linewidth=0.9, clip_on=False)
        axes.text((first + last) / 2, -0.9, clean(role), ha="center", va="bottom", fontsize=7.5, clip_on=False)


def _draw_bar(figure: Figure, axes: Axes, scale: ScalarMappable) -> None:
    ticks = [tick for tick in _TICKS if tick < 0.7 * scale.norm.vmax] + [scale.norm.vmax]
    bar = figure.colorbar(scale, cax=axes, orientation="horizontal", ticks=ticks)
    bar.ax.minorticks_off()
    bar.ax.set_xticklabels([*(f"{tick:g}" for tick in ticks[:-1]), f"{ticks[-1]:.0f} (chance)"], fontsize=8)
    bar.outline.set_visible(False)
    bar.ax.set_xlabel("points of accuracy lost", fontsize=8, color=MUTED, labelpad=1, loc="left")


def _alternative(result: Sensitivity) -> str:
    rows = []
    for layer in (*result.layers, None):
        drops = [
            f"{ALL_BITS if bit is None else f'bit {bit}'} {points(result.cell(layer, bit).drop_points)}"
            for bit in (*result.bits, None)
        ]
        rows.append(f"{ALL_LAYERS if layer is None else clean(layer)}: {', '.join(drops)}")
    return f"Heat map of points of accuracy lost by layer and bit position. {'; '.join(rows)}."
