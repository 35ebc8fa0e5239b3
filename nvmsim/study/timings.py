"""How fast a device reads in each mode, remembered in the store: the same question is simulated once."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

from nvmsim.accuracy.store import Store
from nvmsim.device.layout import PageLayout
from nvmsim.device.profile import Device
from nvmsim.device.rber import Rates
from nvmsim.timing.causes import SpeedCauses, speed_causes
from nvmsim.timing.in_turn import FileRead, causes_in_turn, timing_in_turn
from nvmsim.timing.modes import decoding_of
from nvmsim.timing.read_path import ReadTiming, read_timing

TIMING_VERSION = 1
# Keys that older names do not have.
_LATER = ("decode_growth_per_error", "decode_growth_limit", "soft", "output_latency_us")


@dataclass(frozen=True)
class ModeTiming:
    """Read timing of a mode and word width, or of files in several, and why it is faster than with ECC."""

    timing: ReadTiming
    causes: SpeedCauses


def mode_timing(store: Store, device: Device, rates: Rates, *, mode: str, width: float, model_bytes: int) -> ModeTiming:
    """Return the timing of ``mode`` for ``width`` stored bits a weight and a model of ``model_bytes`` stored bytes."""
    decoding = decoding_of(device, rates)
    tables = [table.tolist() for table in decoding.values() if table is not None]
    key = _key(device, *tables, mode, width, model_bytes)
    known = store.note(key)
    if known is None:
        found = ModeTiming(
            read_timing(device, mode, **decoding, model_bytes=model_bytes),
            speed_causes(device, mode, **decoding, weight_bits=width),
        )
        known = {"timing": asdict(found.timing), "causes": asdict(found.causes)}
        if not store.read_only:
            store.set_note(key, known)
    return ModeTiming(ReadTiming(**known["timing"]), SpeedCauses(**known["causes"]))


def read_in_turn(files: Sequence[FileRead]) -> ModeTiming:
    """Return the timing of files read one after the other, as one."""
    return ModeTiming(timing_in_turn(files), causes_in_turn(files))


def used_by(layout: PageLayout, pages: int, *, device: Device, rates: Rates) -> tuple[Device, Rates]:
    """Return the dies that ``pages`` pages placed by page type are read from, from the type on that they start with.

    As a device of its own, whose page types follow as they did, and its rates.

    >>> from nvmsim.device.layout import placed_layout
    >>> from nvmsim.device.profile import load_device
    >>> device, rates = load_device("tlc"), Rates(((3e-3, 3e-3), (1e-3, 1e-3), (2e-3, 2e-3)))
    >>> layout = placed_layout(device, "bypass", "bit-plane", rates.by_page_type)
    >>> few, turned = used_by(layout, 41, device=device, rates=rates)
    >>> few.geometry.channels, few.geometry.dies_per_channel, few.timing.read_us
    (3, 1, (46.0, 37.0, 37.0))
    """
    dies, first = layout.stripe_groups(pages), layout.first_type(pages)
    read_us = device.timing.read_us
    channels = min(dies, layout.channels)
    geometry = replace(device.geometry, channels=channels, dies_per_channel=dies // channels)
    timing = replace(device.timing, read_us=read_us[first:] + read_us[:first])
    by_page_type, *retries = (pairs[first:] + pairs[:first] for pairs in (rates.by_page_type, *rates.retries))
    turned = replace(rates, by_page_type=by_page_type, retries=tuple(retries))
    return replace(device, geometry=geometry, timing=timing), turned


@lru_cache(maxsize=1024)
def _figures(part: Any) -> dict[str, Any]:
    known = asdict(part)
    if known.get("cache_read"):
        del known["output_latency_us"]  # pipelined: no bandwidth depends on it
    return {key: value for key, value in known.items() if value is not None or key not in _LATER}


def _key(device: Device, *parts: Any) -> str:
    """Name what decides a timing: the device's figures, not its name or the sources of its numbers."""
    parts_of = {field.name: getattr(device, field.name) for field in fields(device)}
    sections = {name: _figures(part) for name, part in parts_of.items() if is_dataclass(part)}
    text = json.dumps([TIMING_VERSION, sections, *parts], sort_keys=True)
    return f"timing:{hashlib.sha256(text.encode()).hexdigest()}"
