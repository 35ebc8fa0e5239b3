"""Single-error-correcting, double-error-detecting code."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.device.codewords import CORRECTED, DETECTED, SILENT, Decoded, ErrorPatterns
from nvmsim.device.ecc import Ecc
from nvmsim.errors import InputError


@dataclass(frozen=True)
class HammingSecded(Ecc):
    """The extended Hamming code with odd-weight columns (Hsiao, IBM Journal, 1970), such as (72, 64).

    With c check bits, the columns of the parity-check matrix are numbers of c bits with an odd count of ones: 1, 2,
    4 .. for the parity bits, the rest by their count of ones and then by value for the user bits. One wrong bit is
    mended, two are noticed. Of three and more the decoder makes what their columns add up to: nothing, and it sees no
    error; a column, and it flips that bit (a miscorrection); anything else, and it knows that it failed.
    Parity bits beyond the c are unused. Raises InputError if the parity bytes do not hold c bits.
    """

    miscorrects = True
    decoder = "hamming-secded 1"

    def __post_init__(self) -> None:
        if 8 * self.spec.parity_bytes < self.check_bits:
            raise InputError(
                f"ecc.parity_bytes: {self.spec.parity_bytes}: hamming-secded takes {self.check_bits} bits to protect "
                f"{self.data_bits}; must be at least {-(-self.check_bits // 8)}"
            )

    @property
    def check_bits(self) -> int:
        """The least c for which 2^(c - 1) odd columns are enough for all bits."""
        checks = 2
        while 1 << (checks - 1) < self.data_bits + checks:
            checks += 1
        return checks

    @property
    def codeword_bits(self) -> int:
        """Data bits and check bits (n): what is unused may be wrong without harm."""
        return self.data_bits + self.check_bits

    def failure(self, errors: ArrayLike) -> np.ndarray:
        """Return 1 for more than one error, noticed or not."""
        return np.where(np.asarray(errors) > 1, 1.0, 0.0)

    def silent(self, errors: ArrayLike) -> np.ndarray:
        """Return 0 for two errors; of more, the share of all sums of as many columns that are 0 or one of a bit's.

        Even sums are no bit's column, so that only 0 passes; odd ones are a bit's or not, of a whole codeword's bits.
        """
        count, sums = np.asarray(errors), 2.0 ** (self.check_bits - 1)
        share = np.where(count % 2, self.codeword_bits / sums, 1 / sums)
        return np.where(count > 2, share, 0.0)

    def silent_most(self, errors: ArrayLike) -> np.ndarray:
        """Return 1 for more than two errors: of three, more than half may be miscorrected."""
        return np.where(np.asarray(errors) > 2, 1.0, 0.0)

    def decode(self, patterns: ErrorPatterns) -> Decoded:
        """Decode the codewords' error patterns by their syndromes."""
        used = patterns.without_unused(self.check_bits)
        columns = _columns(self.check_bits)
        parity = used.positions - used.data_bits[used.words]
        nth = np.where(parity < 0, self.check_bits + used.positions, parity)
        sums = np.concatenate([[0], np.bitwise_xor.accumulate(columns[nth])])
        syndromes = sums[used.starts[1:]] ^ sums[used.starts[:-1]]
        flip = self._flip(syndromes, used.data_bits)
        right = np.diff(used.starts) <= 1
        outcomes = np.select([(flip < 0) & (syndromes > 0), right], [DETECTED, CORRECTED], SILENT).astype(np.int8)
        flipped = np.flatnonzero(flip >= 0)
        return Decoded(outcomes, flipped, flip[flipped])

    def _flip(self, syndromes: NDArray[np.int64], data_bits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position whose column each syndrome is, -1 where no bit of the word has it."""
        columns = _columns(self.check_bits)
        nth_of = np.full(1 << self.check_bits, -1)
        nth_of[columns] = np.arange(len(columns))
        nth = nth_of[syndromes]
        user = nth - self.check_bits
        return np.select([nth < 0, user < 0, user < data_bits], [-1, data_bits + nth, user], -1)


@lru_cache(maxsize=8)
def _columns(check_bits: int) -> NDArray[np.int64]:
    """Return all odd columns: those of the parity bits, then those for user bits."""
    numbers = np.arange(1 << check_bits)
    ones = np.bitwise_count(numbers)
    odd = numbers[ones % 2 == 1]
    return odd[np.lexsort((odd, ones[odd]))]
