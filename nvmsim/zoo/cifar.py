"""The binary version of CIFAR-10: records of one label byte and 3,072 pixel bytes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nvmsim.errors import InputError

_PIXELS = (3, 32, 32)
_RECORD_BYTES = 1 + 3 * 32 * 32


def read_cifar(paths: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Read batches in order: pixels uint8 [n, 3, 32, 32] (planes red, green, blue) and labels uint8 [n].

    Source: the publishers' page (https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version"). Raises InputError
    if a file is cut off or has a label beyond 9.
    """
    records = np.concatenate([_records(path) for path in paths])
    return records[:, 1:].reshape(-1, *_PIXELS), records[:, 0]


def _records(path: Path) -> np.ndarray:
    content = np.frombuffer(path.read_bytes(), np.uint8)
    if content.size % _RECORD_BYTES:
        raise InputError(f"{path}: {content.size} bytes are not whole records of {_RECORD_BYTES} bytes")
    records = content.reshape(-1, _RECORD_BYTES)
    if records.size and records[:, 0].max() > 9:
        raise InputError(f"{path}: label {records[:, 0].max()}: must be 0 to 9")
    return records
