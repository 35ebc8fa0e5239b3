"""The axis on which figures show accuracy."""

from collections.abc import Sequence
from math import asinh, sinh

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from nvmsim.report.drawing import GRID
from nvmsim.report.formats import percent

_MANY = (-10, -1, -0.1, 0, 0.1, 0.3, 1, 3, 10, 30)
_FEW = (-10, 0, 1, 10)
_LINEAR_POINTS = 0.1


class AccuracyScale:
    """An axis of accuracy on which the points lost below float32 are logarithmic, and linear within 0.1 points.

    It shows a loss of 0.1 points beside a collapse to chance.
    """

    def __init__(self, float32_accuracy: float, chance: float) -> None:
        self.float32 = float32_accuracy
        self.chance = chance

    def place(self, accuracy: float) -> float:
        """Return where an accuracy lies on the axis: 0 at float32, downwards with the loss.

        >>> AccuracyScale(0.99, 0.1).place(0.99)
        0.0
        """
        return asinh(100 * (accuracy - self.float32) / _LINEAR_POINTS)

    def accuracy(self, place: float) -> float:
        """Return the accuracy that lies at a place."""
        return self.float32 + sinh(place) * _LINEAR_POINTS / 100

    def label(self, axes: Axes, which: str, *, values: Sequence[float], narrow: bool) -> None:
        """Set limits, ticks and grid of the ``x`` or ``y`` axis so that it holds the values.

        A narrow figure gets the accuracies without the points lost, and on its x axis fewer of them.
        """
        low, high = self._limits(values)
        axis = getattr(axes, f"{which}axis")
        getattr(axes, f"set_{which}lim")(low, high)
        wanted = self._ticks(_FEW if narrow and which == "x" else _MANY)
        possible = [t for t in wanted if self.float32 - t / 100 <= 1]
        ticks = [t for t in possible if low <= self._of_drop(t) <= high]
        axis.set_major_locator(FixedLocator([self._of_drop(t) for t in ticks]))
        axis.set_minor_locator(NullLocator())
        join = "\n" if which == "x" else "  "
        remarks = ["" if narrow else join + self._remark(t) for t in ticks]
        axis.set_ticklabels(
            [f"{percent(self.float32 - t / 100)} %{said}" for t, said in zip(ticks, remarks, strict=True)]
        )
        axis.grid(color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)

    def _ticks(self, wanted: Sequence[float]) -> list[float]:
        """Return the points lost at the ticks: round numbers, and chance instead of one beside it."""
        return [t for t in wanted if t < self._chance_drop / 1.8] + [self._chance_drop]

    @property
    def _chance_drop(self) -> float:
        return 100 * (self.float32 - self.chance)

    def _remark(self, points: float) -> str:
        if points == 0:
            return "float32"
        return "chance" if points == self._chance_drop else f"({-points:+g})".replace("-", "−")

    def _of_drop(self, points: float) -> float:
        return self.place(self.float32 - points / 100)

    def _limits(self, values: Sequence[float]) -> tuple[float, float]:
        places = [self.place(value) for value in (*values, self.float32)]
        low, high = min(places), max(places)
        margin = 0.06 * max(high - low, 1.0)
        return low - margin, high + margin
