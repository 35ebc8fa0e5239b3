"""What a read with ECC and retries gives back of a page's bit errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nvmsim.device.codewords import CORRECTED, DETECTED, SILENT, Addresses, CodewordMap, Indices
from nvmsim.device.layout import page_and_bit
from nvmsim.inject.draws import net_flips

if TYPE_CHECKING:
    from nvmsim.device.ecc import Ecc
    from nvmsim.device.layout import PageLayout

Uniforms = Callable[[Indices, Indices], NDArray[np.float64]]


class Corrected(NamedTuple):
    """Sorted addresses of the user bits still wrong; codewords wrong after their last read; page re-reads.

    ``silent`` of the ``failed`` codewords are wrong without anybody's knowledge: miscorrected, or not seen at all.
    """

    addresses: Addresses
    failed: int
    retried: int
    silent: int


class _Left(NamedTuple):
    """What one read leaves: addresses of wrong user bits, keys of wrong codewords, and their outcomes."""

    addresses: Addresses
    words: Indices
    outcomes: NDArray[np.int8]


def correct(
    addresses_by_attempt: Callable[[int], Addresses],
    *,
    codes: Sequence[Ecc],
    layout: PageLayout,
    codeword_bytes: int,
    parity_bytes: int,
    uniforms: Uniforms,
) -> Corrected:
    """Read all pages with ECC; a page with a codeword known to fail is read again, as long as there are ``codes``.

    ``codes[r]`` decodes attempt r (`Ecc.codes`).
    ``addresses_by_attempt(r)`` gives the flips (physical addresses, uint64, any order; even repeats cancel) that
    attempt r reads; ``uniforms(pages, codewords)`` gives each codeword's u in [0, 1): where u < code.failure(errors),
    ``code.decode`` says what becomes of it. Only a failure that the decoder detects has the page read again. All
    codewords of a page come from its last read; those that fail there keep their raw errors, those decoded to another
    codeword have that one's bits. Time and memory grow with the flips of an attempt, not with the pages.

    >>> from nvmsim.device.ecc import make_ecc
    >>> from nvmsim.device.layout import PageLayout
    >>> from nvmsim.device.profile import load_device
    >>> slc = load_device("slc")  # corrects 8 errors in 512 bytes
    >>> correct(
    ...     lambda attempt: np.arange(10_000, 10_009, dtype=np.uint64),
    ...     codes=make_ecc(slc.ecc).codes, layout=PageLayout.of(slc, "ecc"), codeword_bytes=512, parity_bytes=13,
    ...     uniforms=lambda pages, codewords: np.zeros(len(pages)),
    ... ).failed
    1
    """
    words = CodewordMap.of(layout, codeword_bytes=codeword_bytes, parity_bytes=parity_bytes)
    retried, pages, done = 0, None, []
    for attempt, code in enumerate(codes):
        left = _read(_on_pages(net_flips(addresses_by_attempt(attempt)), pages), code, words, uniforms)
        known = left.words[left.outcomes == DETECTED] if attempt < len(codes) - 1 else left.words[:0]
        pages = _distinct(known // words.per_page)
        done.append(_elsewhere(left, pages, words.per_page))
        if not len(pages):
            break
        retried += len(pages)
    outcomes = np.concatenate([part.outcomes for part in done])
    addresses = np.sort(np.concatenate([part.addresses for part in done]))
    return Corrected(addresses, len(outcomes), retried, int(np.count_nonzero(outcomes == SILENT)))


def _read(flips: Addresses, ecc: Ecc, words: CodewordMap, uniforms: Uniforms) -> _Left:
    """Decode the codewords in which ``flips`` are wrong."""
    bits, keys = words.locate(flips)
    failing = _failing(ecc, words.per_page, keys, uniforms)
    if not len(failing):
        return _Left(flips[:0], failing, np.zeros(0, np.int8))
    here = _member(keys, failing)
    bits, keys = bits[here], keys[here]
    decoded = ecc.decode(words.patterns(bits, keys, failing))
    raw = bits[page_and_bit(bits)[1] < 8 * words.user_bytes]
    wrong = net_flips(np.concatenate([raw, words.user_addresses(failing[decoded.words], decoded.positions)]))
    bad = decoded.outcomes != CORRECTED
    return _Left(wrong, failing[bad], decoded.outcomes[bad])


def _elsewhere(left: _Left, pages: Indices, per_page: int) -> _Left:
    """Return what is left but for ``pages``, which are read again as a whole."""
    if not len(pages):
        return left
    bits = ~_member(page_and_bit(left.addresses)[0], pages)
    words = ~_member(left.words // per_page, pages)
    return _Left(left.addresses[bits], left.words[words], left.outcomes[words])


def _failing(ecc: Ecc, per_page: int, keys: Indices, uniforms: Uniforms) -> Indices:
    """Return the sorted keys of the codewords with more errors than are sure to be corrected, one entry a wrong bit."""
    # User bits and parity bits are each in order: the stable sort merges the two runs in linear time.
    keys = np.sort(keys, kind="stable")
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    hit, errors = keys[first], np.diff(first, append=len(keys))
    return hit[uniforms(hit // per_page, hit % per_page) < ecc.failure(errors)]


def _on_pages(addresses: Addresses, pages: Indices | None) -> Addresses:
    return addresses if pages is None else addresses[_member(page_and_bit(addresses)[0], pages)]


def _distinct(ordered: Indices) -> Indices:
    return ordered[np.diff(ordered, prepend=-1) != 0]


def _member(values: Indices, ordered: Indices) -> NDArray[np.bool_]:
    """Tell which values are in ``ordered``."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    return ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
