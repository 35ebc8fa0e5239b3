"""An LDPC code by what its decoder was measured to do."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from nvmsim.device.ecc import Ecc
from nvmsim.device.ldpc_table import Points, load_points
from nvmsim.device.parts import EccSpec
from nvmsim.errors import InputError


@dataclass(frozen=True)
class LdpcTable(Ecc):
    """A code whose decoder was run on real frames: ``table`` names the counts, ``input`` (hard, soft) the kind of read.

    A failure is always detected: checks that do not hold tell. The tables count failures that look decoded apart.
    ``input: soft`` counts no more senses or transfers than the profile's read times and bandwidths hold; the section
    ``soft`` has soft reads only where hard ones fail, and counts them.
    Raises InputError if there is no such table or it is of codewords of another length.
    """

    def __post_init__(self) -> None:
        points, data_bits = load_points(self.spec.table or "", self.spec.input or "hard")
        if points.codeword_bits != self.codeword_bits or data_bits < self.data_bits:
            raise InputError(
                f"ecc.table: {self.spec.table!r}: holds codewords of {points.codeword_bits} bits, at most {data_bits} "
                f"of them data; must have {self.codeword_bits} bits, {self.data_bits} of them data"
            )

    @property
    def points(self) -> Points:
        """The measured points."""
        return load_points(self.spec.table, self.spec.input or "hard")[0]

    @property
    def decoder(self) -> str:
        """The checksum of the counts: more frames make it another decoder."""
        return f"table {self.points.checksum}"

    def soft_spec(self) -> EccSpec:
        """Return the same table's code with soft input."""
        if self.spec.input == "soft":
            raise InputError("ecc.soft: ecc.input is soft, so every read is; must be left out")
        return replace(self.spec, input="soft", soft=None)

    def failure(self, errors: ArrayLike) -> np.ndarray:
        """Return the failure rate at this many errors, from the table."""
        return self.points.failure(errors)
