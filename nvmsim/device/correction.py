"""What a read with ECC and retries gives back of a page's bit errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nvmsim.device.layout import page_and_bit
from nvmsim.inject.draws import net_flips

if TYPE_CHECKING:
    from nvmsim.device.ecc import Ecc
    from nvmsim.device.layout import PageLayout

Addresses = NDArray[np.uint64]


class Corrected(NamedTuple):
    """Sorted addresses of the user bits still wrong; codewords that failed every attempt; page re-reads."""

    addresses: Addresses
    failed: int
    retried: int


@dataclass(frozen=True)
class CodewordMap:
    """Which codeword of its page a bit lies in.

    Codeword j covers user bytes [j codeword_bytes, (j + 1) codeword_bytes), the last cut at the page's end, and the
    parity bytes [user + metadata + j parity_bytes, + parity_bytes) of the spare. Other spare bytes are in none.
    """

    user_bytes: int
    parity_from: int
    codeword_bytes: int
    parity_bytes: int

    @property
    def per_page(self) -> int:
        """Codewords of a page."""
        return -(-self.user_bytes // self.codeword_bytes)

    def user(self, addresses: Addresses) -> tuple[Addresses, NDArray[np.int64]]:
        """Return the addresses of user bits and their codewords' keys, page * per_page + codeword."""
        page, byte = _page_and_byte(addresses)
        here = byte < self.user_bytes
        return addresses[here], (page * self.per_page + byte // self.codeword_bytes)[here]

    def parity(self, addresses: Addresses) -> NDArray[np.int64]:
        """Return the codewords' keys of the parity bits among ``addresses``."""
        page, byte = _page_and_byte(addresses)
        byte -= self.parity_from
        here = (byte >= 0) & (byte < self.per_page * self.parity_bytes)
        return page[here] * self.per_page + byte[here] // max(self.parity_bytes, 1)


def correct(
    addresses_by_attempt: Callable[[int], Addresses],
    *,
    ecc: Ecc,
    layout: PageLayout,
    codeword_bytes: int,
    parity_bytes: int,
    retry_max: int,
    uniforms: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]],
) -> Corrected:
    """Read all pages with ECC; a page with a codeword that fails is read again, at most ``retry_max`` times.

    ``addresses_by_attempt(r)`` gives the flips (physical addresses, uint64, any order; even repeats cancel) that
    attempt r reads; ``uniforms(pages, codewords)`` gives each codeword's u in [0, 1): decoding fails where
    u < ecc.failure(errors). All codewords of a page come from its last read; those that fail there keep their raw
    errors. Without ``ecc.detects`` nothing is read again. Time and memory grow with the flips of
    an attempt, not with the pages.

    >>> from nvmsim.device.ecc import make_ecc
    >>> from nvmsim.device.layout import PageLayout
    >>> from nvmsim.device.profile import load_device
    >>> slc = load_device("slc")  # corrects 8 errors in 512 bytes
    >>> correct(
    ...     lambda attempt: np.arange(10_000, 10_009, dtype=np.uint64),
    ...     ecc=make_ecc(slc.ecc), layout=PageLayout.of(slc, "ecc"), codeword_bytes=512, parity_bytes=13,
    ...     retry_max=0, uniforms=lambda pages, codewords: np.zeros(len(pages)),
    ... ).failed
    1
    """
    words = CodewordMap(layout.user_bytes, layout.user_bytes + layout.metadata_bytes, codeword_bytes, parity_bytes)
    last = retry_max if ecc.detects else 0
    retried, pages = 0, None
    for attempt in range(last + 1):
        flips = _on_pages(net_flips(addresses_by_attempt(attempt)), pages)
        user, keys = words.user(flips)
        bad = _failing(ecc, words.per_page, np.concatenate([keys, words.parity(flips)]), uniforms)
        if attempt == last or not len(bad):
            break
        pages = _distinct(bad // words.per_page)
        retried += len(pages)
    return Corrected(user[_member(keys, bad)], len(bad), retried)


def _failing(ecc: Ecc, per_page: int, keys: NDArray[np.int64], uniforms: Callable) -> NDArray[np.int64]:
    """Return the sorted keys of the codewords that are not decoded; ``keys`` holds one entry a wrong bit."""
    # User bits and parity bits are each in order: the stable sort merges the two runs in linear time.
    keys = np.sort(keys, kind="stable")
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    hit, errors = keys[first], np.diff(first, append=len(keys))
    return hit[uniforms(hit // per_page, hit % per_page) < ecc.failure(errors)]


def _on_pages(addresses: Addresses, pages: NDArray[np.int64] | None) -> Addresses:
    return addresses if pages is None else addresses[_member(_page_and_byte(addresses)[0], pages)]


def _page_and_byte(addresses: Addresses) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    page, bit = page_and_bit(addresses)
    return page, bit >> 3


def _distinct(ordered: NDArray[np.int64]) -> NDArray[np.int64]:
    return ordered[np.diff(ordered, prepend=-1) != 0]


def _member(values: NDArray[np.int64], ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which values are in ``ordered``."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    return ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
