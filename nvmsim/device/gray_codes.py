"""The Gray codes that map threshold-voltage levels to the bits of a cell's pages."""

import numpy as np

from nvmsim.errors import InputError

# For each page type, in the order lsb, csb, msb, tsb, the levels after which its bit changes. A name counts them:
# a page of type lsb of a 2-3-2 cell is read with two sensings.
_BOUNDARIES = {
    "1": ((0,),),
    "1-2": ((1,), (0, 2)),
    "1-2-4": ((3,), (1, 5), (0, 2, 4, 6)),
    "2-3-2": ((0, 4), (1, 3, 5), (2, 6)),
    "4-4-3-4": ((0, 2, 5, 11), (1, 7, 10, 12), (3, 9, 13), (4, 6, 8, 14)),
    "1-2-4-8": ((7,), (3, 11), (1, 5, 9, 13), (0, 2, 4, 6, 8, 10, 12, 14)),
}
GRAY_CODES = tuple(_BOUNDARIES)


def gray_labels(name: str) -> np.ndarray:
    """Return the stored bit of each page type at each level: uint8 (bits, 2^bits), the erased level (all 1) first.

    Raises InputError if there is no such code.

    >>> gray_labels("1-2").tolist()
    [[1, 1, 0, 0], [1, 0, 0, 1]]
    """
    if name not in _BOUNDARIES:
        raise InputError(f"cell.gray_code: {name!r}: must be one of {', '.join(GRAY_CODES)}")
    boundaries = _BOUNDARIES[name]
    levels = np.arange(2 ** len(boundaries))
    return np.array([1 ^ (np.searchsorted(after, levels) & 1) for after in boundaries], dtype=np.uint8)
