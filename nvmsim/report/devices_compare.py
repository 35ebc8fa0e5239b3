"""Two or more profiles side by side: where they differ, and what comes of it."""

import json
from collections.abc import Sequence
from typing import Any

from nvmsim.device.ages import ages
from nvmsim.device.parts import Device
from nvmsim.device.resolve import leaves
from nvmsim.device.sections import describe
from nvmsim.device.show import LEGEND, key_text, mark
from nvmsim.text_table import aligned
from nvmsim.timing.modes import mode_timings

ABSENT = "-"


def differences(devices: Sequence[Device]) -> dict[str, tuple[Any, ...]]:
    """Return the dotted keys whose values differ, each with the values in order; None where a device lacks the key.

    >>> from nvmsim.device.load import load_device
    >>> found = differences([load_device("tlc"), load_device("tlc", ["timing.bus_mt_s=2400"])])
    >>> found
    {'timing.bus_mt_s': (1600.0, 2400.0)}
    """
    found = [leaves(device) for device in devices]
    keys = dict.fromkeys(key for one in found for key in one)
    values = {key: tuple(one.get(key) for one in found) for key in keys}
    return {key: row for key, row in values.items() if any(value != row[0] for value in row)}


def outcomes(devices: Sequence[Device]) -> dict[str, tuple[Any, ...]]:
    """Return what comes of the numbers: RBER and UBER verdict by age, and MB/s by mode at the default age."""
    columns = [_outcome(device) for device in devices]
    return {key: tuple(one.get(key) for one in columns) for key in dict.fromkeys(key for one in columns for key in one)}


def _outcome(device: Device) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for age in ages(device):
        found[f"RBER, {age.condition.name}"] = age.rates.mean
        found[f"UBER target, {age.condition.name}"] = age.verdict
    for mode, timing in mode_timings(device, device.condition()).items():
        found[f"MB/s, {mode}"] = round(timing.read_bandwidth_mb_s, 1)
        found[f"bottleneck, {mode}"] = timing.bottleneck
    return found


def as_table(devices: Sequence[Device]) -> str:
    """Write what differs, each value with its unit and the mark of its source, and what comes of it."""
    names = [device.name for device in devices]
    different = differences(devices)
    rows = [("key", *names), *((key, *_cells(devices, key, row)) for key, row in different.items())]
    results = [
        ("", *names),
        *((key, *(_shown(key, value, ()) for value in row)) for key, row in outcomes(devices).items()),
    ]
    differ = aligned(rows) if different else ["all values are equal"]
    return "\n".join(
        [
            *differ,
            f"marks: {LEGEND}",
            "",
            f"at {', '.join(device.condition().name for device in devices)}",
            *aligned(results),
        ]
    )


def as_json(devices: Sequence[Device]) -> str:
    """Write the same as JSON."""
    tables = {"differences": differences(devices), "outcomes": outcomes(devices)}
    return json.dumps({"devices": [device.name for device in devices], **tables}, indent=2)


def _cells(devices: Sequence[Device], key: str, values: Sequence[Any]) -> list[str]:
    known = describe(key)
    unit = known.kind.unit if known else ""
    return [_cell(device, key, value, unit) for device, value in zip(devices, values, strict=True)]


def _cell(device: Device, key: str, value: Any, unit: str) -> str:
    if value is None:
        return ABSENT
    return f"{_shown(key, value, device.page_types)} {unit}".rstrip() + f" [{mark(device.source(key))}]"


def _shown(key: str, value: Any, page_types: Sequence[str]) -> str:
    text = ABSENT if value is None else key_text(key, value, page_types)
    return text if len(text) <= 40 else f"{text[:37]}..."
