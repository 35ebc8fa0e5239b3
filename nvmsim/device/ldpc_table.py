"""How often an LDPC decoder was seen to fail: a table of counts, by wrong bits in the codeword."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from nvmsim.errors import InputError
from nvmsim.suggest import or_near

TABLES = Path(__file__).parent / "ldpc_tables"
LEAST_COUNT = 10
"""A point counts with at least so many failures and as many successes: within a third of the true rate."""


@dataclass(frozen=True)
class Points:
    """Measured points (wrong bits, frames decoded, frames failed) of a code of ``codeword_bits``.

    Between them P(fail) = Phi(a straight line in log10(errors)), made to rise; beyond them the line goes on through the
    last two, which is an assumption: no error floor. Raises InputError with fewer than two points that rise.

    >>> Points(9216, ((60, 1000, 23), (80, 1000, 977))).failure([0, 60, 69.282]).round(3).tolist()
    [0.0, 0.023, 0.5]
    """

    codeword_bits: int
    counts: tuple[tuple[int, int, int], ...]

    def __post_init__(self) -> None:
        errors, probits = self._curve
        if len(errors) < 2 or not (probits[1] > probits[0] and probits[-1] > probits[-2]):
            raise InputError("ecc.table: fewer than two points whose failure rates rise")

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, int]], codeword_bits: int) -> "Points":
        """Take the points from the rows of a table."""
        return cls(codeword_bits, tuple((row["errors"], row["frames"], row["failures"]) for row in rows))

    @property
    def checksum(self) -> str:
        """16 hexadecimal digits that change with any count."""
        return hashlib.sha256(json.dumps([self.codeword_bits, self.counts]).encode()).hexdigest()[:16]

    @property
    def _curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return log10 of the errors, and where their failure rates lie on the normal distribution."""
        sure = [c for c in sorted(self.counts) if c[2] >= LEAST_COUNT and c[1] - c[2] >= LEAST_COUNT]
        errors, frames, failures = np.array(sure, dtype=np.float64).reshape(-1, 3).T
        return np.log10(errors), np.maximum.accumulate(ndtri(failures / frames))

    def failure(self, errors: ArrayLike) -> np.ndarray:
        """Return P(decoding fails | this many wrong bits), float64."""
        known, probits = self._curve
        with np.errstate(divide="ignore"):
            asked = np.log10(np.asarray(errors, dtype=np.float64))
        slopes = np.diff(probits) / np.diff(known)
        below = probits[0] + slopes[0] * (asked - known[0])
        above = probits[-1] + slopes[-1] * (asked - known[-1])
        inside = np.interp(asked, known, probits)
        return ndtr(np.select([asked < known[0], asked > known[-1]], [below, above], inside))


def table_names() -> list[str]:
    """List the tables that came with nvmsim.

    >>> "qc-1024-128" in table_names()
    True
    """
    return sorted(path.stem for path in TABLES.glob("*.yaml"))


@lru_cache
def load_points(name: str, kind: str) -> tuple[Points, int]:
    """Return the points of a table for ``kind`` (hard or soft) input, and the most data bits of its codewords.

    Raises InputError on an unknown name or a table without such points.

    >>> load_points("qc-1024-128", "hard")[0].codeword_bits
    9216
    """
    if name not in table_names():
        raise InputError(f"ecc.table: {name!r}: {or_near(name, table_names())}")
    table = yaml.load((TABLES / f"{name}.yaml").read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if not table.get(kind):
        raise InputError(f"ecc.input: {kind!r}: table {name} has no such points")
    return Points.of(table[kind], table["code"]["codeword_bits"]), table["code"]["data_bits"]
