"""Where the words of a stored model lie: one stream of bits, laid page by page on channels and dies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nvmsim.device.placement import LINEAR, first_type, plane_order, stripe_groups
from nvmsim.errors import InputError

if TYPE_CHECKING:
    from nvmsim.device.profile import Device

MODES = ("ecc", "bypass", "reclaim")


@dataclass(frozen=True)
class PageLayout:
    """The map from the stream of stored bits to pages, page types, channels and dies.

    Pages are numbered in stream order from 0. A group is ``planes_per_die`` consecutive pages of one
    type; groups go round the channels, then round the dies of a channel; the k-th group of a die has
    page type (k + offset) mod ``page_types``. ``mode`` says what a page's bytes are for:

    - ``ecc``: user bytes hold weights, spare bytes hold parity.
    - ``bypass``: user bytes hold weights, spare bytes stay unread.
    - ``reclaim``: user and spare bytes hold weights, less ``metadata_bytes``.

    A physical address is ``page << 32 | bit in page``, user bytes first, then spare bytes.

    ``plane_order`` empty, words lie one after the other. Otherwise it names the page types from the most reliable on,
    and bits lie by page type (:class:`nvmsim.device.placement.ByPageType`), from one page type on in every trial: who
    places bits by page type knows the types.

    >>> layout = PageLayout(mode="reclaim", user_bytes=16, spare_bytes=4, metadata_bytes=1, channels=2,
    ...                     dies_per_channel=1, planes_per_die=2, page_types=3, scrambler=True)
    >>> layout.page_bits, layout.usable_bits
    (160, 152)
    """

    mode: str
    user_bytes: int
    spare_bytes: int
    metadata_bytes: int
    channels: int
    dies_per_channel: int
    planes_per_die: int
    page_types: int
    scrambler: bool
    plane_order: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            f"{key}: {getattr(self, key)}: must be at least {least}"
            for key, least in _LEAST.items()
            if getattr(self, key) < least
        ]
        if self.mode not in MODES:
            problems.append(f"mode: {self.mode!r}: must be one of {', '.join(MODES)}")
        if self.plane_order and sorted(self.plane_order) != list(range(self.page_types)):
            problems.append(f"plane_order: {self.plane_order}: must name each of the {self.page_types} page types once")
        if self.metadata_bytes > self.spare_bytes:
            problems.append(
                f"metadata_bytes: {self.metadata_bytes}: must be at most the {self.spare_bytes} spare bytes"
            )
        if problems:
            raise InputError(problems)

    @classmethod
    def of(cls, device: Device, mode: str) -> PageLayout:
        """Return the layout of a device's pages in a mode; InputError if the mode is unknown."""
        page, geometry = device.page, device.geometry
        return cls(
            mode=mode,
            user_bytes=page.user_bytes,
            spare_bytes=page.spare_bytes,
            metadata_bytes=page.metadata_bytes,
            channels=geometry.channels,
            dies_per_channel=geometry.dies_per_channel,
            planes_per_die=geometry.planes_per_die,
            page_types=device.cell.bits,
            scrambler=page.scrambler,
        )

    @property
    def page_bits(self) -> int:
        """Bits of a physical page, user and spare."""
        return 8 * (self.user_bytes + self.spare_bytes)

    @property
    def usable_bits(self) -> int:
        """Bits of a page that hold the stream; they are the page's first."""
        spare = self.spare_bytes - self.metadata_bytes if self.mode == "reclaim" else 0
        return 8 * (self.user_bytes + spare)

    @property
    def read_bits(self) -> int:
        """Bits of a page that a read moves: all of them in mode ecc, else those that hold the stream."""
        return self.page_bits if self.mode == "ecc" else self.usable_bits

    def pages_for(self, n_bits: int) -> int:
        """Return how many pages a stream of ``n_bits`` bits takes.

        >>> _example("bypass").pages_for(129)
        2
        """
        return -(-n_bits // self.usable_bits)

    def stripe_groups(self, pages: int) -> int:
        """Return how many groups follow each other with one page type: one a die, fewer for few pages placed by type.

        >>> _example("bypass").stripe_groups(100)
        2
        """
        dies = {"channels": self.channels, "dies_per_channel": self.dies_per_channel}
        if not self.plane_order:
            return self.channels * self.dies_per_channel
        return stripe_groups(pages, planes=self.planes_per_die, page_types=self.page_types, **dies)

    def first_type(self, pages: int) -> int:
        """Return the page type that a load placed by type starts on, which suits its number of ``pages``.

        >>> replace(_example("bypass"), plane_order=(2, 0, 1)).first_type(1)
        2
        """
        round_pages = self.stripe_groups(pages) * self.planes_per_die
        return first_type(pages, round_pages=round_pages, order=self.plane_order)

    def channel_of(self, pages: ArrayLike) -> NDArray[np.int64]:
        """Return the channel of each page, in [0, channels)."""
        return self._group(pages) % self.channels

    def die_of(self, pages: ArrayLike) -> NDArray[np.int64]:
        """Return the die within its channel of each page, in [0, dies_per_channel)."""
        return self._group(pages) // self.channels % self.dies_per_channel

    def page_type(self, pages: ArrayLike, offset: int = 0) -> NDArray[np.int64]:
        """Return the page type of each page, in [0, page_types); ``offset`` is the trial's starting type.

        >>> _example("bypass").page_type([0, 1, 2, 3, 4, 5, 8]).tolist()  # two planes, two channels
        [0, 0, 0, 0, 1, 1, 2]
        """
        round_of_die = self._group(pages) // (self.channels * self.dies_per_channel)
        return (round_of_die + offset) % self.page_types

    def to_physical(self, stream: ArrayLike) -> NDArray[np.uint64]:
        """Return the physical address (uint64) of each stream bit (at least 0)."""
        page, bit = np.divmod(np.asarray(stream, dtype=np.uint64), np.uint64(self.usable_bits))
        return page << np.uint64(32) | bit

    def to_stream(self, addresses: ArrayLike) -> NDArray[np.int64]:
        """Return the stream bit (int64) at each physical address, -1 where the page holds no part of the stream.

        >>> layout = _example("bypass")
        >>> layout.to_stream(layout.to_physical([0, 127, 128])).tolist()
        [0, 127, 128]
        >>> layout.to_stream([130]).tolist()  # a spare bit
        [-1]
        """
        page, bit = page_and_bit(addresses)
        return np.where(bit < self.usable_bits, page * self.usable_bits + bit, -1)

    def _group(self, pages: ArrayLike) -> NDArray[np.int64]:
        return np.asarray(pages, dtype=np.int64) // self.planes_per_die


def placed_layout(device: Device, mode: str, placement: str, rates: Sequence[tuple[float, float]]) -> PageLayout:
    """Return the layout of a device's pages with words placed as named, "linear" or by page type.

    ``rates`` a page type say which is reliable; where they are equal there is nothing to choose, and words lie linear.
    """
    layout = PageLayout.of(device, mode)
    return replace(layout, plane_order=plane_order(rates)) if placement != LINEAR else layout


def page_and_bit(addresses: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the page and the bit in it (int64 each) of physical addresses.

    >>> [part.tolist() for part in page_and_bit([3 << 32 | 7])]
    [[3], [7]]
    """
    addresses = np.asarray(addresses, dtype=np.uint64)
    return (addresses >> np.uint64(32)).astype(np.int64), (addresses & np.uint64(0xFFFFFFFF)).astype(np.int64)


_LEAST = {
    "user_bytes": 1,
    "spare_bytes": 0,
    "metadata_bytes": 0,
    "channels": 1,
    "dies_per_channel": 1,
    "planes_per_die": 1,
    "page_types": 1,
}


def _example(mode: str) -> PageLayout:
    """Return a small layout for the examples of this module: 128 user bits, 32 spare bits, 2 channels."""
    return PageLayout(
        mode=mode,
        user_bytes=16,
        spare_bytes=4,
        metadata_bytes=1,
        channels=2,
        dies_per_channel=1,
        planes_per_die=2,
        page_types=3,
        scrambler=True,
    )
