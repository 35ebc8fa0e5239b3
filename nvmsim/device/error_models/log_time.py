"""The time axis on which retention is interpolated."""

from collections.abc import Sequence

import numpy as np


def log_time(days: np.ndarray, knots: Sequence[float]) -> np.ndarray:
    """Return log(days / d), d the first of ``knots`` above 0; before d the axis goes on linearly, so 0 has a place.

    The two meet with equal slope. ``days`` is a float array of at least 0.

    >>> log_time(np.array([0, 0.5, 1, np.e]), [0, 1, 7]).round(12).tolist()
    [-1.0, -0.5, 0.0, 1.0]
    """
    first = min((knot for knot in knots if knot > 0), default=1.0)
    scaled = np.asarray(days, dtype=np.float64) / first
    return np.where(scaled < 1, scaled - 1, np.log(np.maximum(scaled, 1)))
