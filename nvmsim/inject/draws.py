"""Small draws beside the flips: where a trial starts, which pages and blocks are bad, decodability, order of images."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.inject.philox import (
    BLOCK_CLASS,
    DECODE,
    FILES,
    IMAGES,
    OFFSET,
    PAGE_CLASS,
    READS,
    WORD_LINE,
    multiply_shift,
    uniform64,
)

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: its multiples fill the circle evenly (Weyl)


def trial_offset(seed: int, trial: int, page_types: int) -> int:
    """Return the page-type offset of ``trial``, in [0, page_types): uniform over seeds, in turn over trials.

    A small model lies on one page type a trial; in turn, a run of trials meets all types equally often.

    >>> len({trial_offset(0, trial, 3) for trial in range(3)})
    3
    """
    word = uniform64(0, 0, trial=0, stream=OFFSET, seed=seed)
    return (int(multiply_shift(word, page_types)) + trial) % page_types


def first_word_line(seed: int, trial: int, word_lines: int) -> int:
    """Return the word line of its blocks on which a load of ``trial`` starts, in [0, word_lines).

    Uniform over seeds, and spread over trials: a small model lies on one layer a trial, a run of trials meets all.

    >>> sorted(first_word_line(0, trial, 384) // 96 for trial in range(4))
    [0, 1, 2, 3]
    """
    start = int(uniform64(0, 0, trial=0, stream=WORD_LINE, seed=seed))
    return (start + trial * _GOLDEN) % 2**64 * word_lines >> 64


def decode_uniforms(seed: int, trial: int, pages: ArrayLike, codewords: ArrayLike) -> NDArray[np.float64]:
    """Return one uniform in [0, 1), a multiple of 2^-53, for each (page, codeword in the page); the two broadcast.

    The same number serves all read retries of a codeword, so a codeword that decodes at one error count also
    decodes at every smaller one.

    >>> decode_uniforms(0, 3, np.arange(5), 2).shape
    (5,)
    """
    words = uniform64(codewords, pages, trial=trial, stream=DECODE, seed=seed)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def page_classes(device_seed: int, pages: int, classes: int) -> NDArray[np.int64]:
    """Return the class of each of ``pages`` pages, in [0, classes), int64: that of the page in every trial.

    >>> page_classes(0, 3, 64).tolist() == page_classes(0, 9, 64)[:3].tolist()
    True
    """
    words = uniform64(0, np.arange(pages), trial=0, stream=PAGE_CLASS, seed=device_seed)
    return multiply_shift(words, classes).astype(np.int64)


def block_classes(device_seed: int, *, blocks: int, planes: int, classes: int) -> NDArray[np.int64]:
    """Return the class of the first ``blocks`` blocks of each of ``planes`` planes, in [0, classes), in every trial.

    int64 (blocks, planes).

    >>> block_classes(0, blocks=2, planes=3, classes=64).shape
    (2, 3)
    """
    words = uniform64(np.arange(blocks)[:, None], np.arange(planes), trial=0, stream=BLOCK_CLASS, seed=device_seed)
    return multiply_shift(words, classes).astype(np.int64)


def read_seed(seed: int, trial: int, attempt: int) -> int:
    """Return the seed of what is drawn anew at each read of a trial, for one read attempt.

    >>> len({read_seed(0, trial, attempt) for trial in range(2) for attempt in range(2)})
    4
    """
    return int(uniform64(attempt, 0, trial=trial, stream=READS, seed=seed))


def file_seed(seed: int, file: int) -> int:
    """Return the seed of a file, 0 the first: the first one has ``seed`` itself, others lie on pages of their own.

    >>> file_seed(7, 0), file_seed(7, 1) == file_seed(8, 1)
    (7, False)
    """
    return int(uniform64(file, 0, trial=0, stream=FILES, seed=seed)) if file else seed


def image_order(seed: int, n: int) -> NDArray[np.int64]:
    """Return the permutation of ``n`` images that ``seed`` fixes.

    >>> sorted(image_order(7, 4).tolist())
    [0, 1, 2, 3]
    """
    keys = uniform64(np.arange(n), 0, trial=0, stream=IMAGES, seed=seed)
    return np.argsort(keys, kind="stable").astype(np.int64)


def net_flips(addresses: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return, sorted, the addresses that occur an odd number of times: the bits that are wrong in the end.

    >>> net_flips(np.array([9, 5, 9, 5, 5], np.uint64))
    array([5], dtype=uint64)
    """
    ordered = np.sort(np.asarray(addresses, np.uint64))
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if ordered.size else ordered
    if starts.size == ordered.size:
        return ordered
    counts = np.diff(np.append(starts, ordered.size))
    return ordered[starts[counts % 2 == 1]]
