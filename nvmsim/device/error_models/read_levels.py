"""Where a cell is read, and how often it is read as another level than it stores."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr


@dataclass(frozen=True)
class Levels:
    """Mean and standard deviation of every level's threshold voltage or log10 resistance, the lowest level first."""

    mean: tuple[float, ...]
    sigma: tuple[float, ...]


def optimal_read_levels(levels: Levels) -> np.ndarray:
    """Return, for each pair of neighbours, the voltage that tells them apart with the fewest errors.

    That is where their densities cross between the means, or the mean of the wider one if they do not cross
    there. float64 of shape (levels - 1), rising.

    >>> optimal_read_levels(Levels((0.0, 2.0), (1.0, 1.0))).tolist()
    [1.0]
    """
    mean, sigma = np.array(levels.mean), np.array(levels.sigma)
    gap, low, high = np.diff(mean), sigma[:-1], sigma[1:]
    # Densities are equal at x above the lower mean where (x/low)^2 - ((x-gap)/high)^2 = 2 log(high/low);
    # written for the root between the means so that equal sigmas need no case of their own.
    a, b = 1 / low**2 - 1 / high**2, gap / high**2
    c = -((gap / high) ** 2) - 2 * np.log(high / low)
    below = b + np.sqrt(np.maximum(b**2 - a * c, 0))
    root = np.divide(-c, below, out=np.zeros_like(gap), where=below > 0)  # 0: two equal levels in one place
    return np.minimum(mean[:-1] + np.clip(root, 0, gap), mean[1:])  # rising, whatever is rounded


def misread(levels: Levels, read_levels: np.ndarray) -> np.ndarray:
    """Return P(read as level j | stored level i), float64 (levels, levels); rows sum to 1; exact in the tails.

    >>> f"{misread(Levels((0.0, 20.0), (1.0, 1.0)), np.array([10.0]))[0, 1]:.12g}"
    '7.61985302416e-24'
    """
    mean, sigma = np.array(levels.mean)[:, None], np.array(levels.sigma)[:, None]
    edges = (np.concatenate([[-np.inf], read_levels, [np.inf]]) - mean) / sigma
    left, right = edges[:, :-1], edges[:, 1:]
    # Above the mean both ends have probabilities near 1, whose difference is lost: mirror them.
    mirrored = left > 0
    return np.where(mirrored, ndtr(-left) - ndtr(-right), ndtr(right) - ndtr(left))
