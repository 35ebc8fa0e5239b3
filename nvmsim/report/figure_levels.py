"""What a cell stores: the distribution of every level, of voltage or resistance, and the read levels between them."""

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from nvmsim.device.error_models.level_model import LevelModel
from nvmsim.device.gray_codes import gray_labels
from nvmsim.device.parts import Device
from nvmsim.report.drawing import BLUE, MUTED
from nvmsim.report.formats import clean

COLOURS = {"lsb": BLUE, "csb": "#d55e00", "msb": "#009e73", "tsb": "#c4619b"}
_ROOM = 1.17  # above the tallest level, for its bits


def draw_levels(axes: Axes, device: Device, model: LevelModel) -> None:
    """Draw the levels at the default age, their bits, and each read level in the colour of the page it decides."""
    age = device.condition()
    levels = model.levels(model.fitted.equivalent_days(age))
    mean, sigma = np.array(levels.mean), np.array(levels.sigma)
    states = np.linspace(float((mean - 4 * sigma).min()), float((mean + 4 * sigma).max()), 800)
    labels = list(zip(*gray_labels(model.gray_code), strict=True))
    for label, centre, spread in zip(labels, mean, sigma, strict=True):
        density = np.exp(-0.5 * ((states - centre) / spread) ** 2) / spread
        axes.fill_between(states, density, color=MUTED, alpha=0.3, linewidth=0)
        axes.text(centre, 1.03 / spread, "".join(map(str, label)), ha="center", va="bottom", fontsize=6)
    for level, page_type in zip(model.read_levels(levels), decided(labels), strict=True):
        colour = COLOURS[device.page_types[page_type]]
        axes.axvline(level, color=colour, linewidth=1.1, linestyle=(0, (4, 2)))
    axes.set_ylim(0, _ROOM / sigma.min())
    axes.set_xlim(states[0], states[-1])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(
        f"{model.axis.format(age=clean(age.name))}; bits: {', '.join(device.page_types)}\n"
        "dashed: read levels, each in the colour of the page it decides",
        fontsize=8,
    )
    axes.tick_params(labelsize=8)


def decided(labels: list[tuple[int, ...]]) -> list[int]:
    """Return the page type whose bit changes between each level and the next, of a Gray code's labels by level.

    >>> decided([(1, 1), (1, 0), (0, 0), (0, 1)])
    [1, 0, 1]
    """
    return [
        next(kind for kind, (one, other) in enumerate(zip(*pair, strict=True)) if one != other)
        for pair in pairwise(labels)
    ]
