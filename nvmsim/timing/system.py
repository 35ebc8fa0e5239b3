"""The read path of a device in one mode, reduced to the whole numbers that the simulation runs on.

Times are whole femtoseconds: sums of whole numbers are exact, so two events that meet on paper meet in the
simulation as well, and a state that recurs is recognised. The error against the profile's times is below 1e-15 s.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from nvmsim.device.host_link import link_gb_s, queue_gb_s
from nvmsim.device.layout import PageLayout
from nvmsim.device.parts import Device, EccSpec, Soft
from nvmsim.errors import InputError

FS_PER_US = 10**9
QUEUE = "queue depth"  # the resource of that name
BYTES_PER_US_OF_GB_S = 1000.0
MOST_BUFFERED_PAGES = 2**18  # what a simulation takes in memory and time; far above any controller
SURE = 1e-6  # a failure this unlikely (or this sure) is taken as never (or always); part of the stated error


class ReadCost(NamedTuple):
    """What one read of a page takes: sensings, transfers of a page, an engine's time, and the latency behind it."""

    senses: int
    transfers: int
    decode_fs: int
    latency_fs: int


@dataclass(frozen=True)
class ReadSystem:
    """What the read path consists of; every time is in whole femtoseconds (``_fs``).

    ``read_fs`` has one entry per page type; ``before_data_fs`` is what a die waits between array and bus, once a
    read. ``engines`` 0 means no decoder, ``host_fs`` 0 no host link and ``queue_fs`` 0 no queue depth that limits;
    else they are what a page takes of them. ``page_bytes`` counts the weights of one page. ``retries[type][r]`` is
    P(a page is read at least r + 2 times), and ``costs[type][r]`` what its read r takes, 0 the first, which has one
    sensing and one transfer; empty where all have these, ``decode_fs`` and ``decode_latency_fs``.
    """

    channels: int
    dies_per_channel: int
    planes: int
    read_fs: tuple[int, ...]
    command_fs: int
    transfer_fs: int
    cache_read: bool
    command_first: bool
    page_bytes: int
    before_data_fs: int = 0
    engines: int = 0
    decode_fs: int = 0
    decode_latency_fs: int = 0
    host_fs: int = 0
    queue_fs: int = 0
    retries: tuple[tuple[float, ...], ...] = ()
    costs: tuple[tuple[ReadCost, ...], ...] = ()

    def cost(self, kind: int, attempt: int) -> ReadCost:
        """Return what a read of a page of this type takes, its first at attempt 0."""
        return self.costs[kind][attempt] if self.costs else self._each

    @cached_property
    def _each(self) -> ReadCost:
        return ReadCost(1, 1, self.decode_fs, self.decode_latency_fs)

    @property
    def reads(self) -> tuple[tuple[tuple[float, ReadCost], ...], ...]:
        """Return (P(a page is read so often), what that read takes) for each page type, from the first read on."""
        made = [(1.0, *reached) for reached in self.retries] or [(1.0,)] * self.types
        return tuple(
            tuple((p, self.cost(kind, attempt)) for attempt, p in enumerate(row) if p > 0)
            for kind, row in enumerate(made)
        )

    @property
    def types(self) -> int:
        """Count the page types."""
        return len(self.read_fs)

    @property
    def dies(self) -> int:
        """Count the dies of all channels."""
        return self.channels * self.dies_per_channel

    @property
    def round_pages(self) -> int:
        """Count the pages of one group on every die."""
        return self.dies * self.planes

    @property
    def retried(self) -> bool:
        """Tell whether any page is ever read again."""
        return any(p > 0 for reached in self.retries for p in reached)

    @property
    def random(self) -> bool:
        """Tell whether chance decides how often a page is read."""
        return any(0 < p < 1 for reached in self.retries for p in reached)

    @property
    def extra_reads(self) -> tuple[float, ...]:
        """Return the mean number of reads beyond the first of a page of each type."""
        return tuple(float(sum(reached)) for reached in self.retries) or (0.0,) * self.types

    @property
    def delivery_fs(self) -> int:
        """Return the time between two pages that the host takes: its link's or that of its requests in flight."""
        return max(self.host_fs, self.queue_fs)

    @property
    def credit_groups(self) -> int:
        """Count the groups a die may have commanded and not yet delivered: its share of the controller's buffer.

        An assumption (the profile has no buffer size): room for two turns through the page types, for two groups
        in the die's registers, and for what is decoded and sent meanwhile, twice that where pages are read again.
        It binds where the decoders or the host link fall behind, and by a few percent where most pages are read softly.
        """
        interval = max(
            self.command_fs + min(self.read_fs) + self.before_data_fs,
            self.dies_per_channel * (self.command_fs + self.planes * self.transfer_fs),
        )
        decode = max(cost.decode_fs + cost.latency_fs for reads in self.reads for _, cost in reads)
        downstream = decode + self.delivery_fs
        groups = 2 * self.types + 2 + -(-downstream // max(interval, 1))
        return 2 * groups if self.retried else groups


def femtoseconds(time_us: float) -> int:
    """Round a time in microseconds to whole femtoseconds.

    >>> femtoseconds(0.29)
    290000000
    """
    return round(time_us * FS_PER_US)


def read_system(device: Device, mode: str, page_failures: Any = None, *, codeword_errors: Any = None) -> ReadSystem:
    """Reduce a device in one mode ("ecc", "bypass" or "reclaim") to its read path.

    ``page_failures`` is float64 (types, attempts): P(decoding a page fails at attempt r), as from
    :func:`nvmsim.device.ecc.page_failures`; None for no failures. ``codeword_errors`` is float64 of the same shape, as
    from :func:`nvmsim.device.ecc.codeword_errors`: what decoding takes longer by; None for no errors. Without a decoder
    neither is looked at.
    Raises InputError on an unknown mode, a table of the wrong shape, or times so far apart that keeping the dies busy
    would take a buffer of more than 2^18 pages.
    """
    geometry, timing, layout = device.geometry, device.timing, PageLayout.of(device, mode)
    page_bytes = layout.usable_bits // 8
    decoded = mode == "ecc" and device.ecc.code != "none"
    system = ReadSystem(
        channels=geometry.channels,
        dies_per_channel=geometry.dies_per_channel,
        planes=geometry.planes_per_die,
        read_fs=tuple(femtoseconds(read_us) for read_us in timing.read_us),
        command_fs=femtoseconds(timing.command_us),
        transfer_fs=femtoseconds(layout.read_bits // 8 / timing.bus_mt_s),
        cache_read=timing.cache_read,
        before_data_fs=0 if timing.cache_read else femtoseconds(timing.output_latency_us or 0.0),
        command_first=timing.arbitration == "fair",
        page_bytes=page_bytes,
        host_fs=_delivery_fs(link_gb_s(device.host), page_bytes),
        queue_fs=_delivery_fs(queue_gb_s(device.host), page_bytes),
        **(_decoder(device, page_failures, codeword_errors) if decoded else {}),
    )
    buffered = system.credit_groups * system.round_pages
    if buffered > MOST_BUFFERED_PAGES:
        raise InputError(
            f"{device.name}: {mode}: keeping all dies busy takes a buffer of {buffered:,} pages, more than the "
            f"{MOST_BUFFERED_PAGES:,} that are simulated: geometry has too many planes, or timing.read_us and "
            f"timing.bus_mt_s are too fast for {', '.join(_slow_keys(device.ecc))} or the host"
        )
    return system


def _slow_keys(ecc: EccSpec) -> list[str]:
    """Name the keys that say how long decoding takes."""
    names = [f"decode_{name}" for name in ("latency_us", "bandwidth_gb_s", "growth_per_error", "growth_limit")]
    return [f"{section}.{name}" for section in ("ecc", *(["ecc.soft"] if ecc.soft else [])) for name in names]


def _delivery_fs(limit_gb_s: float | None, page_bytes: int) -> int:
    return 0 if limit_gb_s is None else femtoseconds(page_bytes / (limit_gb_s * BYTES_PER_US_OF_GB_S))


def _decoder(device: Device, page_failures: Any, codeword_errors: Any) -> dict[str, Any]:
    ecc = device.ecc
    failures = np.zeros(_shape(device)) if page_failures is None else _table(device, "page_failures", page_failures)
    errors = failures * 0 if codeword_errors is None else _table(device, "codeword_errors", codeword_errors)
    retries = _retries(failures)
    each = _cost(device.page.user_bytes, ecc, errors=0.0)
    costs = _costs(device, errors, most=max((np.count_nonzero(reached) for reached in retries), default=0))
    return {
        "engines": ecc.engines,
        "decode_fs": each.decode_fs,
        "decode_latency_fs": each.latency_fs,
        "retries": retries,
        "costs": () if all(cost == each for row in costs for cost in row) else costs,
    }


def _costs(device: Device, errors: np.ndarray, *, most: int) -> tuple[tuple[ReadCost, ...], ...]:
    """Return what each read takes by page type, up to ``most`` after the first."""
    ecc, size = device.ecc, device.page.user_bytes
    decoders = [ecc if attempt <= ecc.retry.max else ecc.soft for attempt in range(most + 1)]
    return tuple(
        tuple(_cost(size, decoder, errors=wrong) for decoder, wrong in zip(decoders, row, strict=False))
        for row in errors
    )


def _cost(user_bytes: int, decoder: EccSpec | Soft, *, errors: float) -> ReadCost:
    longer = 1 + (decoder.decode_growth_per_error or 0.0) * float(errors)
    longer = min(longer, decoder.decode_growth_limit or math.inf)
    soft = isinstance(decoder, Soft)
    return ReadCost(
        senses=decoder.senses if soft else 1,
        transfers=decoder.transfers if soft else 1,
        decode_fs=femtoseconds(user_bytes / (decoder.decode_bandwidth_gb_s * BYTES_PER_US_OF_GB_S) * longer),
        latency_fs=femtoseconds(decoder.decode_latency_us * longer),
    )


def _shape(device: Device) -> tuple[int, int]:
    return len(device.page_types), device.ecc.attempts


def _table(device: Device, name: str, given: Any) -> np.ndarray:
    table, expected = np.asarray(given, dtype=np.float64), _shape(device)
    if table.shape != expected:
        raise InputError(f"{name}: shape {table.shape}: must be {expected}, (page types, reads of a page at most)")
    return table


def _retries(failures: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Turn P(attempt r fails) into P(attempt r + 1 is made): failures nest, and the last attempt has no successor."""
    reached = np.minimum.accumulate(failures[:, :-1], axis=1)
    reached = np.where(reached < SURE, 0.0, np.where(reached > 1 - SURE, 1.0, reached))
    return tuple(tuple(map(float, row)) for row in reached) if reached.any() else ()
