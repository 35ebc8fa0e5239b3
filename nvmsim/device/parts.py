"""What a device is made of, with the unit of every number in its name.

A profile file becomes a :class:`Device` in :mod:`nvmsim.device.profile`, which checks it first:
the classes here trust their values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nvmsim.defaults import CONDITION
from nvmsim.errors import InputError
from nvmsim.suggest import or_near

PAGE_TYPES = {1: ("lsb",), 2: ("lsb", "msb"), 3: ("lsb", "csb", "msb"), 4: ("lsb", "csb", "msb", "tsb")}
ASSUMPTION = "assumption"
NOWHERE = f"{ASSUMPTION}: no source given"
UNSOURCED = "given without a source in"
BY_USER = "set by the user"


@dataclass(frozen=True)
class Geometry:
    """How many of each unit there are; a channel is a bus that its dies share.

    >>> Geometry(channels=8, dies_per_channel=4, planes_per_die=4, pages_per_block=1152, blocks_per_plane=800).dies
    32
    """

    channels: int
    dies_per_channel: int
    planes_per_die: int
    pages_per_block: int
    blocks_per_plane: int

    @property
    def dies(self) -> int:
        """Count the dies of all channels."""
        return self.channels * self.dies_per_channel

    @property
    def pages(self) -> int:
        """Count the pages of the whole device."""
        return self.dies * self.planes_per_die * self.pages_per_block * self.blocks_per_plane


@dataclass(frozen=True)
class Page:
    """One physical page: user bytes first, then spare bytes, of which ``metadata_bytes`` are taken.

    >>> Page(user_bytes=16384, spare_bytes=2208).bits
    148736
    """

    user_bytes: int
    spare_bytes: int
    metadata_bytes: int = 0
    scrambler: bool = True

    @property
    def bits(self) -> int:
        """Count the bits of the physical page."""
        return 8 * (self.user_bytes + self.spare_bytes)


@dataclass(frozen=True)
class Cell:
    """Bits a cell (1 to 4) and its Gray code, named by the read boundaries of each page type ("2-3-2")."""

    bits: int
    gray_code: str | None = None


@dataclass(frozen=True)
class Timing:
    """Times of the array in microseconds and the bus in megatransfers (one byte each) a second.

    ``read_us`` has one entry per page type. ``arbitration`` is "fair" (a waiting command goes first)
    or "data_out_first". ``output_latency_us`` (None: none) passes between the array and the bus, as CAS latency does:
    with ``cache_read`` it is pipelined, takes no time of either, and only a page read by itself sees it; without, the
    array waits for it. No read needs ``program_us`` and ``erase_us``, and writing is not timed.
    """

    read_us: tuple[float, ...]
    program_us: float
    erase_us: float
    bus_mt_s: float
    command_us: float
    arbitration: str
    cache_read: bool
    output_latency_us: float | None = None


@dataclass(frozen=True)
class Host:
    """The host link: a bandwidth in 10^9 bytes a second (None: it never limits), or a ``link`` that it follows from.

    ``link`` is "pcie", "cxl" or "on-package". At most ``queue_depth`` requests of ``request_bytes`` are in flight, each
    for ``latency_us``; None: as many as it takes. :mod:`nvmsim.device.host_link` says what comes of them.
    """

    bandwidth_gb_s: float | None = None
    link: str | None = None
    generation: int | None = None
    lanes: int | None = None
    max_payload_bytes: int | None = None
    dllp_bytes_per_packet: float | None = None
    queue_depth: int | None = None
    request_bytes: int | None = None
    latency_us: float | None = None


@dataclass(frozen=True)
class Retry:
    """At most ``max`` read retries; each multiplies the RBER by ``rber_factor``."""

    max: int = 0
    rber_factor: float = 1.0


@dataclass(frozen=True)
class Soft:
    """At most ``max`` soft reads of a page that no retry could decode: several sensings, several bits a cell sent.

    Each has the errors of the last retry, senses the array ``senses`` times and sends the page ``transfers`` times;
    its decoder has figures of its own, as in :class:`EccSpec`. ``limit_rber`` and ``waterfall_decades`` belong to
    codes known by their limit; None elsewhere.
    """

    max: int
    senses: int
    transfers: int
    limit_rber: float | None
    waterfall_decades: float | None
    decode_latency_us: float
    decode_bandwidth_gb_s: float
    decode_growth_per_error: float | None = None
    decode_growth_limit: float | None = None


@dataclass(frozen=True)
class EccSpec:
    """An error-correcting code and its decoder.

    ``codeword_bytes`` counts data only. ``t`` belongs to bounded-distance codes, ``limit_rber`` and
    ``waterfall_decades`` to LDPC, the name of a ``table`` and its kind of ``input`` (hard, soft) to LDPC by measured
    failures; None elsewhere. Latency is per codeword, in microseconds and pipelined;
    bandwidth is 10^9 user bytes a second per engine. Both are those without errors where there is a
    ``decode_growth_per_error`` g: E wrong bits a codeword take 1 + g E times as long, ``decode_growth_limit`` times at
    most (None: without end). ``soft`` is None without soft reads.
    """

    code: str
    codeword_bytes: int
    parity_bytes: int
    t: int | None
    limit_rber: float | None
    waterfall_decades: float | None
    uber_target: float
    engines: int
    decode_latency_us: float
    decode_bandwidth_gb_s: float
    retry: Retry = Retry()
    table: str | None = None
    input: str | None = None
    decode_growth_per_error: float | None = None
    decode_growth_limit: float | None = None
    soft: Soft | None = None

    @property
    def attempts(self) -> int:
        """How often a page is read at most: once, by all retries, and softly."""
        return 1 + self.retry.max + (self.soft.max if self.soft else 0)

    @property
    def decode_grows(self) -> bool:
        """Whether decoding takes longer with more errors."""
        return bool(self.decode_growth_per_error or (self.soft and self.soft.decode_growth_per_error))

    def retry_of(self, attempt: int) -> int:
        """Return the retry whose errors an attempt sees (0: the first read): soft reads see those of the last one."""
        return min(attempt, self.retry.max)


@dataclass(frozen=True)
class Condition:
    """An age of the device: wear in program/erase cycles, retention in days at a temperature, reads of each page."""

    name: str = "custom"
    pe_cycles: float = 0
    retention_days: float = 0
    temperature_c: float = 40
    reads_per_page: float = 0


def nearest_source(sources: Mapping[str, str], key: str) -> str:
    """Return the source of a dotted key: its own, or that of the nearest section around it.

    >>> nearest_source({"ecc": "a paper"}, "ecc.retry.max")
    'a paper'
    """
    while key and key not in sources:
        key = key.rpartition(".")[0]
    return sources.get(key, NOWHERE)


@dataclass(frozen=True)
class Device:
    """A checked device profile; ``sources`` maps dotted keys to where their numbers come from."""

    name: str
    geometry: Geometry
    page: Page
    cell: Cell
    timing: Timing
    host: Host
    ecc: EccSpec
    rber: Mapping[str, Any]
    conditions: Mapping[str, Condition]
    sources: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    @property
    def page_types(self) -> tuple[str, ...]:
        """Name the page types, in the order in which a die's groups go through them."""
        return PAGE_TYPES[self.cell.bits]

    def source(self, key: str) -> str:
        """Return the source of a dotted key: its own, or that of the nearest section; the user's if a part was set."""
        inner = (source for name, source in self.sources.items() if name.startswith(f"{key}."))
        return BY_USER if BY_USER in inner else nearest_source(self.sources, key)

    def has_source(self, key: str) -> bool:
        """Tell whether the number at a dotted key says where it comes from, be it an assumption."""
        source = self.source(key)
        return not source.startswith(UNSOURCED) and source != NOWHERE

    def is_assumption(self, key: str) -> bool:
        """Tell whether the number at a dotted key is an assumption rather than a sourced value."""
        return self.source(key).startswith(ASSUMPTION)

    def condition(self, name: str | None = None) -> Condition:
        """Return the condition of this name; None is worn, or the last one of a profile without it.

        Raises InputError with the known names if there is none of this name.
        """
        if name is None:
            name = CONDITION if CONDITION in self.conditions else list(self.conditions)[-1]
        if name in self.conditions:
            return self.conditions[name]
        raise InputError(f"{self.name}: condition {name!r}: {or_near(name, self.conditions)}")
