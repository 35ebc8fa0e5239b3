"""The idx format of MNIST's files, gzip-compressed."""

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nvmsim.errors import InputError

_MAX_BYTES = 1 << 30
_UINT8 = 8


def read_pair(paths: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Read a file of images and one of labels, uint8, with :func:`read_idx`."""
    images, labels = (read_idx(path) for path in paths)
    return images, labels


def read_idx(path: Path) -> np.ndarray:
    """Read an array of bytes (uint8, any shape) from a gzip-compressed idx file.

    Source: the format's description on the publishers' page (big-endian: two zero bytes, type, number of
    dimensions, sizes, data). Raises InputError if the file is cut off, damaged, or of another type.
    """
    try:
        with gzip.open(path) as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    try:
        return parse_idx(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def parse_idx(content: bytes) -> np.ndarray:
    """Return the array that ``content`` (an uncompressed idx file) holds.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])).tolist()
    [7, 9]
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, _UINT8]):
        raise InputError("not an idx file of bytes")
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise InputError("cut off in its header")
    shape = struct.unpack(f">{content[3]}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise InputError(f"holds {len(content) - header} bytes of data where its header promises {math.prod(shape)}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
