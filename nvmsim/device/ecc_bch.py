"""BCH codes: decoded as real ones are, miscorrection included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nvmsim.device.bch import BchCode
from nvmsim.device.codewords import CORRECTED, SILENT, Decoded, ErrorPatterns
from nvmsim.device.ecc import Ecc
from nvmsim.device.shannon import SLACK, log2_sphere
from nvmsim.errors import InputError


@dataclass(frozen=True)
class Bch(Ecc):
    """A BCH code: up to ``t`` errors are corrected; t = 0 corrects nothing and notices nothing.

    More than t errors are decoded as a real decoder would (:class:`~nvmsim.device.bch.BchCode`): it gives up and
    flags the codeword, or flips at most t bits to another codeword, unknown to anybody. Parity bits beyond those of
    the BCH code (m for each corrected error), and all where t = 0, are unused, and may be wrong without harm. Where
    the parity is too small for a BCH code but not for every code of this ``t`` (the Hamming bound), the code is
    only known by t: more errors stay as they are, and all are flagged.
    Raises InputError if t is missing or no code of this parity corrects as many.
    """

    def __post_init__(self) -> None:
        if self.spec.t is None or self.spec.t < 0:
            raise InputError(f"ecc.t: {self.spec.t}: a bch code needs a whole number of at least 0")
        least = _least_parity_bytes(self.spec.codeword_bytes, self.spec.t, self.spec.parity_bytes)
        if self.spec.parity_bytes < least:
            raise InputError(
                f"ecc.parity_bytes: {self.spec.parity_bytes}: no code with so little parity corrects {self.spec.t} "
                f"errors in {super().codeword_bits} bits; must be at least {least} (sphere packing)"
            )

    @property
    def codeword_bits(self) -> int:
        """Data bits and those parity bits that the code uses."""
        if self.code is not None:
            return self.data_bits + self.code.parity_bits
        return super().codeword_bits if self.spec.t else self.data_bits

    @property
    def detects(self) -> bool:
        """Whether the decoder can know that it failed."""
        return self.spec.t > 0

    @property
    def miscorrects(self) -> bool:
        """Whether the decoder may take one codeword for another."""
        return self.code is not None

    @property
    def decoder(self) -> str:
        """The version of the decoder, empty where all that fails stays as it is."""
        ignored = not self.spec.t and self.spec.parity_bytes  # wrong parity was once a failure
        return "bch 1" if self.code or ignored else ""

    @property
    def code(self) -> BchCode | None:
        """The code that is decoded, None where there is none of this parity, or nothing to decode."""
        code = BchCode.least(self.data_bits, self.spec.t) if self.spec.t else None
        return code if code and code.parity_bits <= 8 * self.spec.parity_bytes else None

    def doubts(self, *, soft: bool = False) -> tuple[str, ...]:
        """Say where the parity is too small for a BCH code of this t."""
        if self.code is not None or not self.spec.t:
            return ()
        least = -(-BchCode.least(self.data_bits, self.spec.t).parity_bits // 8)
        return (
            f"ecc.t: {self.spec.t}: a BCH code that corrects as many takes {least} bytes of parity, not "
            f"{self.spec.parity_bytes}; taken for some code that does, and notices all else",
        )

    def failure(self, errors: ArrayLike) -> np.ndarray:
        """Return 1 for more than t errors."""
        return np.where(np.asarray(errors) > self.spec.t, 1.0, 0.0)

    def silent(self, errors: ArrayLike) -> np.ndarray:
        """Return the share of all words that lie within t bits of a codeword, for more than t errors.

        A random word is so near to one; few errors more than t, as a rule, are so somewhat more rarely.
        """
        if self.code is None:
            return super().silent(errors)
        share = 2.0 ** (log2_sphere(self.data_bits + self.code.parity_bits, self.spec.t) - self.code.parity_bits)
        return min(1.0, share) * self.failure(errors)

    def silent_most(self, errors: ArrayLike) -> np.ndarray:
        """Return twice that share, which real codes keep to (tests/test_bch.py), but 1 where most bits are wrong.

        Most bits wrong may be few bits from the codeword of all ones.
        """
        few = 2 * np.asarray(errors) <= self.codeword_bits
        return np.where(few, np.minimum(1.0, 2 * self.silent(errors)), self.failure(errors))

    def decode(self, patterns: ErrorPatterns) -> Decoded:
        """Decode the codewords' error patterns; some of more than t errors become other codewords."""
        if self.spec.t:
            return self.code.decode(patterns) if self.code else super().decode(patterns)
        wrong = np.diff(patterns.without_unused(0).starts) > 0
        outcomes = np.where(wrong, SILENT, CORRECTED).astype(np.int8)
        return Decoded.untouched(len(wrong), outcome=SILENT)._replace(outcomes=outcomes)


def _least_parity_bytes(data_bytes: int, errors: int, parity_bytes: int) -> int:
    """Return the fewest from ``parity_bytes`` up with which any code corrects as many errors (Hamming bound)."""
    while log2_sphere(8 * (data_bytes + parity_bytes), errors) - SLACK > 8 * parity_bytes:
        parity_bytes = int(np.ceil((log2_sphere(8 * (data_bytes + parity_bytes), errors) - SLACK) / 8))
    return parity_bytes
