"""The sections of a profile: every key with its unit, what is allowed, and its default.

A default is an assumption, and its source says so.
"""

from dataclasses import dataclass
from typing import Any

from nvmsim.device.host_link import LANE_GT_S, LANES, PAYLOADS
from nvmsim.device.schema import Choice, Flag, Kind, Number, Numbers, PerPageType, Text


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


@dataclass(frozen=True)
class Key:
    """What may stand at a key, and what holds if nothing does."""

    kind: Kind
    default: Any = REQUIRED


def _count(high: int, default: Any = REQUIRED, *, low: int = 1, unit: str = "") -> Key:
    return Key(Number(unit, low=low, high=high, whole=True, optional=default is None), default)


def _time_us(default: float) -> Key:
    return Key(Number("us", high=1e9), default)


CELL = {
    "bits": _count(4),
    "gray_code": Key(
        Text(r"[1-9]\d?(-[1-9]\d?){0,3}", "read boundaries of each page type, such as 2-3-2", optional=True), None
    ),
}
GEOMETRY = {
    "channels": _count(4096, 8),
    "dies_per_channel": _count(4096, 4),
    "planes_per_die": _count(4096, 4),
    "pages_per_block": _count(1 << 20, 1024),
    "blocks_per_plane": _count(1 << 24, 1024),
}
PAGE = {
    "user_bytes": _count(1 << 20, 16384, unit="bytes"),
    "spare_bytes": _count(1 << 20, 0, low=0, unit="bytes"),
    "metadata_bytes": _count(1 << 20, 0, low=0, unit="bytes"),
    "scrambler": Key(Flag(), True),
}
TIMING = {
    "read_us": Key(PerPageType(Number("us", high=1e9)), 50.0),
    "program_us": _time_us(500.0),
    "erase_us": _time_us(3500.0),
    "bus_mt_s": Key(Number("MT/s", low=1e-3, high=1e9), 1600.0),
    "command_us": _time_us(0.3),
    "arbitration": Key(Choice(("fair", "data_out_first")), "fair"),
    "cache_read": Key(Flag(), True),
    "output_latency_us": Key(Number("us", high=1e9, optional=True), None),
}
HOST = {
    "bandwidth_gb_s": Key(Number("GB/s", low=1e-6, high=1e9, optional=True), None),
    "link": Key(Choice(("pcie", "cxl", "on-package"), optional=True), None),
    "generation": Key(Choice(tuple(LANE_GT_S), optional=True), None),
    "lanes": Key(Choice(LANES, optional=True), None),
    "max_payload_bytes": Key(Choice(PAYLOADS, unit="bytes", optional=True), None),
    "dllp_bytes_per_packet": Key(Number("bytes", high=4096, optional=True), None),
    "queue_depth": _count(1 << 20, None),
    "request_bytes": _count(1 << 30, None, unit="bytes"),
    "latency_us": Key(Number("us", above=True, high=1e9, optional=True), None),
}
ECC = {
    "code": Key(Text(r"[\w.+-]+", "the name of a code", most=60)),
    "codeword_bytes": _count(1 << 16, None, unit="bytes"),
    "parity_bytes": _count(1 << 16, None, low=0, unit="bytes"),
    "t": _count(1 << 16, None, low=0, unit="bits"),
    "limit_rber": Key(Number(above=True, high=0.5, optional=True), None),
    "table": Key(Text(r"[\w.+-]+", "the name of a table of measured decoding failures", most=60, optional=True), None),
    "input": Key(Text("hard|soft", "hard or soft", optional=True), None),
    "waterfall_decades": Key(Number("decades", above=True, high=5, optional=True), None),
    "uber_target": Key(Number(low=1e-30, high=1), 1e-15),
    "engines": _count(1 << 16, 8),
    "decode_latency_us": _time_us(8.0),
    "decode_bandwidth_gb_s": Key(Number("GB/s", low=1e-6, high=1e9), 2.0),
    "decode_growth_per_error": Key(Number("per wrong bit", high=1e3, optional=True), None),
    "decode_growth_limit": Key(Number("times", low=1, high=1e6, optional=True), None),
}
SOFT = {
    "max": _count(64, 1, low=0),
    "senses": _count(64, 3),
    "transfers": _count(64, 2),
    "limit_rber": Key(Number(above=True, high=0.5, optional=True), None),
    "waterfall_decades": Key(Number("decades", above=True, high=5, optional=True), None),
    "decode_latency_us": Key(Number("us", high=1e9, optional=True), None),
    "decode_bandwidth_gb_s": Key(Number("GB/s", low=1e-6, high=1e9, optional=True), None),
    "decode_growth_per_error": Key(Number("per wrong bit", high=1e3, optional=True), None),
    "decode_growth_limit": Key(Number("times", low=1, high=1e6, optional=True), None),
}
"""What is null here is the hard decoder's, but for the limit."""
RETRY = {
    "max": _count(64, 0, low=0),
    "rber_factor": Key(Number(above=True, high=1), 1.0),
}
CONDITION = {
    "pe_cycles": Key(Number("cycles", high=1e15), 0.0),
    "retention_days": Key(Number("days", high=1e6), 0.0),
    "temperature_c": Key(Number("°C", low=-100, high=400), 40.0),
    "reads_per_page": Key(Number("reads", high=1e18), 0.0),
}
EVERY_MODEL = {
    "page_variation": {"sigma": Key(Number(above=True, high=2))},
    "block_variation": {"sigma": Key(Number(above=True, high=2))},
    "layer_variation": {"factors": Key(Numbers(Number(above=True, high=1000), least=2, most=16))},
    "per_read_fraction": Key(Number(high=1, optional=True), None),
    "stored_one_fraction": Key(Number(high=1, optional=True), None),
    "stuck_at": {"fraction": Key(Number(above=True, high=0.5)), "value_one_fraction": Key(Number(high=1))},
}
"""Keys of ``rber`` that any error model may have beside it; null takes away what an extended profile has."""
OF_A_QUEUE = ("queue_depth", "request_bytes", "latency_us")
"""Keys of ``host`` that any link may have beside it."""
SECTIONS = {
    "cell": CELL,
    "geometry": GEOMETRY,
    "page": PAGE,
    "timing": TIMING,
    "host": HOST,
    "ecc": ECC,
    "ecc.retry": RETRY,
    "ecc.soft": SOFT,
}
OPTIONAL = ("ecc.soft",)
"""Sections whose defaults hold only where they stand: without one (or with null) there is no such thing."""
NAME = Text(r"[\w][\w.+ @-]*", "letters, digits and any of _ . + @ -", most=60)
DESCRIPTION = Text()
CONDITION_NAME = Text(r"[A-Za-z0-9_-]+", "letters, digits, _ and -", most=60)
TOP = ("name", "description", "source", "geometry", "page", "cell", "timing", "host", "ecc", "rber", "conditions")


def describe(key: str) -> Key | None:
    """Return what is known of a dotted key of the schema, or None if there is no such key.

    >>> describe("timing.bus_mt_s").kind.unit
    'MT/s'
    """
    section, _, name = key.rpartition(".")
    table = CONDITION if section.startswith("conditions.") else SECTIONS.get(section, {})
    return table.get(name)


def places(name: str) -> list[str]:
    """List the dotted keys whose last part is ``name``, to say where a misplaced key belongs.

    >>> places("spare_bytes")
    ['page.spare_bytes']
    """
    return [f"{section}.{name}" for section, table in SECTIONS.items() if name in table]
