"""Classes of pages: the factors of its block, its layer and its own that a page's rates have, multiplied."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nvmsim.device.block_variation import BlockVariation
from nvmsim.device.page_variation import page_factors

MOST_CLASSES = 128


@dataclass(frozen=True, eq=False)
class PageClasses:
    """The ``factors`` of all classes, rising, with mean 1, and which ``shares`` of the pages have them.

    ``by_part``, int64 (layers, classes of blocks, a page's own classes), names the class of each combination.
    """

    factors: tuple[float, ...]
    shares: tuple[float, ...]
    by_part: NDArray[np.int64]


@lru_cache(maxsize=256)
def combined_classes(page_sigma: float, blocks: BlockVariation | None = None) -> PageClasses:
    """Return the classes of pages whose own factor has ``page_sigma``, in ``blocks`` that differ (None: do not).

    A class is a product of factors; more than 128 products are joined in 128 steps of equal ratio from the smallest to
    the largest, each with the mean of its products: a page's factor is then off by less than a step, or 5 % where both
    sigmas are 0.5 and layers differ threefold, and the mean is 1 still.

    >>> classes = combined_classes(0.0, BlockVariation(layer_factors=(1.5, 0.5), word_lines=4))
    >>> classes.factors, classes.shares, classes.by_part.ravel().tolist()
    ((0.5, 1.5), (0.5, 0.5), [1, 0])
    """
    blocks = blocks or BlockVariation()
    (layers, shares), block, page = blocks.layers, page_factors(blocks.sigma), page_factors(page_sigma)
    products = layers[:, None, None] * np.array(block)[:, None] * np.array(page)
    weights = np.broadcast_to(shares[:, None, None] / (len(block) * len(page)), products.shape).ravel()
    by_part = _joined(products.ravel())
    mass = np.bincount(by_part, weights)
    factors = np.bincount(by_part, weights * products.ravel()) / mass
    shown = tuple(float(f"{factor:.12g}") for factor in factors)
    return PageClasses(shown, tuple(mass.tolist()), by_part.reshape(products.shape))


def _joined(products: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the class of each product, in rising order and without gaps."""
    distinct, classes = np.unique(products, return_inverse=True)
    if len(distinct) > MOST_CLASSES:
        edges = np.geomspace(distinct[0], distinct[-1], MOST_CLASSES + 1)[1:-1]
        _, classes = np.unique(np.searchsorted(edges, products, side="right"), return_inverse=True)
    return classes.astype(np.int64)
