"""Blocks that differ: a factor of each word-line layer, the same in every block, and a log-normal one of each block."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.device.every_model import EveryModel
from nvmsim.device.parts import Geometry


@dataclass(frozen=True)
class BlockVariation:
    """How the pages of a block differ by height, and blocks from each other.

    ``sigma`` is the standard deviation of the natural logarithm of a block's factor, 0 for none; a block has
    ``pages_per_block`` pages. ``layer_factors``, empty for none, are from the bottom up, with mean 1 over the
    ``word_lines`` of a block, of which each layer has an equal part (as near as whole numbers come).
    """

    sigma: float = 0.0
    layer_factors: tuple[float, ...] = ()
    pages_per_block: int = 0
    word_lines: int = 0

    def layer_of(self, word_lines: ArrayLike) -> NDArray[np.int64]:
        """Return the layer (int64) of word lines, counted from 0 at the bottom and on round the block.

        >>> BlockVariation(layer_factors=(1.2, 0.8), word_lines=4).layer_of([0, 1, 2, 3, 4]).tolist()
        [0, 0, 1, 1, 0]
        """
        return np.asarray(word_lines, np.int64) % self.word_lines * len(self.layer_factors) // self.word_lines

    @property
    def layers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The factor of each layer, and its share of a block's word lines; one layer where there is no variation."""
        if not self.layer_factors:
            return np.ones(1), np.ones(1)
        word_lines = np.bincount(self.layer_of(np.arange(self.word_lines)))
        return np.array(self.layer_factors), word_lines / self.word_lines

    @property
    def identity(self) -> dict[str, Any]:
        """What of it changes results: a part that is not there leaves no trace."""
        return {key: value for key, value in asdict(self).items() if value}


def block_variation(keys: EveryModel, geometry: Geometry, bits_per_cell: int) -> BlockVariation | None:
    """Return what the keys of an ``rber`` section say of a device's blocks, None if nothing.

    A word line has a page of each of its cells' bits. Layer factors are divided by their mean over the word lines (to
    12 digits, so that every machine has the same), so that the mean RBER stays the error model's.

    >>> keys = EveryModel(layer_factors=(3.0, 1.0))
    >>> block_variation(keys, Geometry(1, 1, 1, pages_per_block=6, blocks_per_plane=1), 3).layer_factors
    (1.5, 0.5)
    """
    layers = _normalised(keys.layer_factors, word_lines_of(geometry.pages_per_block, bits_per_cell))
    if not layers and not keys.block_sigma:
        return None
    return BlockVariation(
        sigma=keys.block_sigma,
        layer_factors=layers,
        pages_per_block=geometry.pages_per_block if keys.block_sigma else 0,
        word_lines=word_lines_of(geometry.pages_per_block, bits_per_cell) if layers else 0,
    )


def _normalised(factors: tuple[float, ...], word_lines: int) -> tuple[float, ...]:
    if len(set(factors)) < 2:
        return ()
    each, shares = BlockVariation(layer_factors=factors, word_lines=word_lines).layers
    return tuple(float(f"{factor:.12g}") for factor in each / (each @ shares))


def word_lines_of(pages_per_block: int, bits_per_cell: int) -> int:
    """Return the word lines of a block; the last one may have fewer pages.

    >>> word_lines_of(1152, 3)
    384
    """
    return -(-pages_per_block // bits_per_cell)
