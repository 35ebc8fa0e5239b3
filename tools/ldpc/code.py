"""A quasi-cyclic LDPC code from a seed: its parity-check matrix is made of circulant permutations (Fossorier 2004)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nvmsim.inject.philox import multiply_shift, uniform64

STREAM = 0x4C44


@dataclass(frozen=True, eq=False)
class QcCode:
    """``shifts`` (int64, block rows x block columns): block (j, l) is the identity of ``circulant`` rows, rotated.

    Check z of block row j meets bit (z + shifts[j, l]) mod circulant of each block column l.
    """

    circulant: int
    shifts: NDArray[np.int64]

    @property
    def bits(self) -> int:
        """Bits of a codeword."""
        return self.circulant * self.shifts.shape[1]

    @property
    def data_bits(self) -> int:
        """Bits that carry data: all but as many as the matrix has independent rows."""
        return self.bits - _rank(self.matrix())

    def matrix(self) -> NDArray[np.uint8]:
        """Return the parity-check matrix, 0 and 1 (checks, bits)."""
        size, z = self.circulant, np.arange(self.circulant)
        full = np.zeros((size * len(self.shifts), self.bits), np.uint8)
        for (j, column), shift in np.ndenumerate(self.shifts):
            full[j * size + z, column * size + (z + shift) % size] = 1
        return full


def qc_code(block_rows: int, block_columns: int, circulant: int, *, seed: int) -> QcCode:
    """Draw shifts column by column until no two bits share two checks (girth 6); raises ValueError if that fails.

    >>> qc_code(3, 12, 32, seed=1).bits
    384
    """
    shifts = np.zeros((block_rows, 0), np.int64)
    draw = 0
    while shifts.shape[1] < block_columns:
        if draw > 100 * block_columns:
            raise ValueError(f"no {block_rows} x {block_columns} circulants of {circulant} without short cycles")
        words = uniform64(np.arange(block_rows), draw, trial=0, stream=STREAM, seed=seed)
        more = np.column_stack([shifts, multiply_shift(words, circulant).astype(np.int64)])
        shifts, draw = more if _no_four_cycle(more, circulant) else shifts, draw + 1
    return QcCode(circulant, shifts)


def _no_four_cycle(shifts: NDArray[np.int64], circulant: int) -> bool:
    """Tell whether the last column's shift differs between each two rows as no other column's does."""
    gaps = (shifts[:, None, :] - shifts[None, :, :]) % circulant
    same = gaps[:, :, :-1] == gaps[:, :, -1:]
    return not same[np.triu_indices(len(shifts), 1)].any()


def _rank(matrix: NDArray[np.uint8]) -> int:
    """Return the rank over GF(2), by elimination of packed rows."""
    packed, rank = np.packbits(matrix, axis=1), 0
    for column in range(matrix.shape[1]):
        byte, mask = column // 8, 128 >> column % 8
        ones = np.flatnonzero(packed[rank:, byte] & mask) + rank
        if ones.size:
            packed[[rank, ones[0]]] = packed[[ones[0], rank]]
            below = np.flatnonzero(packed[rank + 1 :, byte] & mask) + rank + 1
            packed[below] ^= packed[rank]
            rank += 1
        if rank == len(packed):
            break
    return rank
