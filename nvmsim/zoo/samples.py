"""What a data set becomes: the inputs of a network, and their classes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class ByteImages:
    """Images kept as bytes, one a channel and pixel, that become float32 where they are indexed.

    ``values`` is uint8 [n, c, h, w]; ``images[index]`` is float32 (value / 255 − ``mean``) / ``std``, one mean and
    std a channel. At 224 × 224 pixels 10,000 images are 1.5 GB of bytes, and would be 6 GB of float32.

    >>> ByteImages(np.full((5, 1, 2, 2), 255, np.uint8), mean=[0.5], std=[0.25])[:2].ravel().tolist()
    [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    """

    def __init__(self, values: np.ndarray, *, mean: Sequence[float] = (0.0,), std: Sequence[float] = (1.0,)) -> None:
        self.values = values
        self._shift, self._scale = (np.asarray(part, np.float32).reshape(-1, 1, 1) for part in (mean, std))

    @property
    def shape(self) -> tuple[int, ...]:
        """[n, c, h, w]."""
        return self.values.shape

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int | slice | np.ndarray) -> np.ndarray:
        # In place: the training images of CIFAR-10 alone are 0.6 GB.
        pixels = self.values[index].astype(np.float32)
        pixels /= np.float32(255)
        pixels -= self._shift
        pixels /= self._scale
        return pixels


class Samples(NamedTuple):
    """Inputs and their classes, int64 [n].

    ``images`` is float32 [n, channels, height, width], :class:`ByteImages` of that shape where it would not fit the
    memory, or int64 [n, words] for text: rows of an embedding.
    """

    images: np.ndarray | ByteImages
    labels: np.ndarray
