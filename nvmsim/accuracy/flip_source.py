"""Where a read's flips are drawn from: the sampler's tables, and what each page keeps of the draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.device.rber import MAX_RBER
from nvmsim.inject.sampler import FlipTables, flip_tables
from nvmsim.inject.thinning import keep_by_class, thin

if TYPE_CHECKING:
    from nvmsim.inject.backend import Backend, FlipTarget


@dataclass(frozen=True, eq=False)
class FlipSource:
    """Flips at given rates; ``keep`` is what pages of each class keep of the draw, None where pages do not differ."""

    tables: FlipTables
    keep: NDArray[np.uint64] | None = None

    @classmethod
    def of(cls, rates: ArrayLike, *, page_bits: int, rung_rber: float) -> "FlipSource":
        """Return the source for ``rates``, float64 (classes of pages, page types, 2 stored bits), rising by class."""
        rates = np.asarray(rates, np.float64)
        tables = flip_tables(rates[-1], page_bits=page_bits, rung_rber=rung_rber)
        if len(rates) == 1:
            return cls(tables)
        by_class = tuple(tuple(map(tuple, one)) for one in rates.tolist())
        return cls(tables, keep_by_class(by_class, tables.dense))

    def draw(
        self,
        backend: "Backend",
        target: "FlipTarget",
        *,
        classes: NDArray[np.int64],
        seed: int,
        trial: int,
        offset: int,
    ) -> NDArray[np.uint64]:
        """Return the addresses of a trial's events; repeats are possible and cancel. ``classes`` are the pages'."""
        drawn = backend.draw(self.tables, target, seed=seed, trial=trial, offset=offset)
        if self.keep is None:
            return drawn
        return thin(drawn, keep=self.keep, classes=classes, target=target, seed=seed, trial=trial, offset=offset)


def split(rates: NDArray[np.float64], per_read_fraction: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rates of stored errors and of those anew at each read, in the shape of ``rates``.

    Two flips cancel, so p = stored + anew - 2 stored anew: a read has ``rates`` whatever the fraction.

    >>> [part.tolist() for part in split(np.array([0.25, 0.5]), 0.5)]
    [[0.16666666666666666, 0.5], [0.125, 0.25]]
    """
    fresh = rates * per_read_fraction
    left = 1 - 2 * fresh
    return np.divide(rates - fresh, left, out=np.zeros_like(rates), where=left > 0), fresh


def rates_by_class(rates: ArrayLike, factors: Sequence[float]) -> NDArray[np.float64]:
    """Return the rates (types, 2) of each class of pages, at most 0.5, float64 (classes, types, 2).

    >>> rates_by_class([[0.25, 0.125]], (0.5, 4.0)).tolist()
    [[[0.125, 0.0625]], [[0.5, 0.5]]]
    """
    return np.minimum(np.multiply.outer(factors, np.asarray(rates, np.float64)), MAX_RBER)
