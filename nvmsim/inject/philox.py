"""The random numbers of nvmsim: Philox4x32-10, indexed by what is drawn (the readable reference).

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A draw is named by the
counter (draw, cell or page, trial, stream) under the key seed, so it is the same on any backend, worker or day.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FLIPS, SCRAMBLER, OFFSET, DECODE, IMAGES, TIMING, PAGE_CLASS, THIN, READS, STUCK = range(10)
BLOCK_CLASS, WORD_LINE, FILES = range(10, 13)

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def _round(counter: list[NDArray[np.uint64]], key: tuple[int, int]) -> list[NDArray[np.uint64]]:
    first = counter[0] * np.uint64(MULTIPLIERS[0])
    second = counter[2] * np.uint64(MULTIPLIERS[1])
    return [
        (second >> _32) ^ counter[1] ^ np.uint64(key[0]),
        second & _LOW,
        (first >> _32) ^ counter[3] ^ np.uint64(key[1]),
        first & _LOW,
    ]


def philox4x32(counter: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
    """Return the Philox4x32-10 blocks of ``counter`` (uint32, shape (..., 4)) under ``key`` (uint32, shape (2,)).

    >>> [hex(word) for word in philox4x32([0, 0, 0, 0], [0, 0])]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    lanes = np.asarray(counter, np.uint32).astype(np.uint64)
    words = [lanes[..., i] for i in range(4)]
    low, high = (int(word) for word in np.asarray(key, np.uint32))
    for step in range(ROUNDS):
        words = _round(words, ((low + step * WEYL[0]) & 0xFFFFFFFF, (high + step * WEYL[1]) & 0xFFFFFFFF))
    return np.stack(words, axis=-1).astype(np.uint32)


def blocks(
    draw: ArrayLike, cell: ArrayLike, *, trial: ArrayLike, stream: ArrayLike, seed: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the two 64-bit words of each block named by (draw, cell, trial, stream); the indices broadcast.

    Word 0 is lanes 0 (low) and 1 (high), word 1 is lanes 2 and 3. ``seed`` is 64 bits wide.

    >>> hex(blocks(0, 0, trial=0, stream=0, seed=0)[0].item())
    '0xe169c58d6627e8d5'
    """
    counter = np.stack(np.broadcast_arrays(draw, cell, trial, stream), axis=-1).astype(np.uint32)
    lanes = philox4x32(counter, [seed & 0xFFFFFFFF, seed >> 32]).astype(np.uint64)
    return lanes[..., 0] | lanes[..., 1] << _32, lanes[..., 2] | lanes[..., 3] << _32


def uniform64(
    draw: ArrayLike, cell: ArrayLike, *, trial: ArrayLike, stream: ArrayLike, seed: int
) -> NDArray[np.uint64]:
    """Return word 0 of each block: one uniform 64-bit integer an index.

    >>> uniform64([0, 1], 0, trial=0, stream=0, seed=0).shape
    (2,)
    """
    return blocks(draw, cell, trial=trial, stream=stream, seed=seed)[0]


def multiply_shift(words: NDArray[np.uint64], size: int) -> NDArray[np.uint64]:
    """Map 64-bit ``words`` to integers in [0, size), size < 2^32: the high 64 bits of words * size.

    The rate of any two values differs by less than 2^-32 of itself (Lemire 2019, without the rejection step).

    >>> multiply_shift(np.array([0, 2**63, 2**64 - 1], np.uint64), 10)
    array([0, 5, 9], dtype=uint64)
    """
    span = np.uint64(size)
    return ((words >> _32) * span + ((words & _LOW) * span >> _32)) >> _32
