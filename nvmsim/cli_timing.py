"""``nvmsim timing``: the read bandwidth of a device in every mode."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nvmsim.device.doubts import notes_at
from nvmsim.device.host_link import derivation, link_gb_s, queue_gb_s
from nvmsim.device.profile import Condition, Device, load_device


def timing_report(
    where: str | Path, settings: Sequence[str] = (), *, condition: str | None = None, fmt: str = "table"
) -> str:
    """Return what ``nvmsim timing`` prints, as a table or as JSON (``fmt`` "table" or "json"), with
    how the host's bandwidth comes about.

    ``where`` is a path or a bundled name, ``settings`` are "key.path=value", ``condition`` the device's age, which
    decides how often pages are read again (None: worn, or the last of a profile without it). Raises
    InputError on a bad profile, setting or condition.
    """
    device = load_device(where, settings)
    age = device.condition(condition)
    modes, notes = _timings(device, age)
    notes = [*notes_at(device, age), *notes]
    if fmt == "json":
        host = {"link_gb_s": link_gb_s(device.host), "queue_gb_s": queue_gb_s(device.host)}
        facts = {"device": device.name, "condition": age.name, "host": host, "notes": notes}
        return json.dumps({**facts, **modes}, indent=2)
    return _table(device, age, modes, notes)


def _timings(device: Device, condition: Condition) -> tuple[dict[str, dict[str, Any]], list[str]]:
    from nvmsim.timing.alone import alone_us, queue_note
    from nvmsim.timing.modes import mode_timings

    alone = alone_us(device, condition)
    found = {
        mode: {
            "read_bandwidth_mb_s": timing.read_bandwidth_mb_s,
            "bottleneck": timing.bottleneck,
            "utilisation": timing.utilisation,
            "page_read_us": timing.page_read_us,
            "alone_us": alone[mode],
            "relative_error": timing.relative_error,
        }
        for mode, timing in mode_timings(device, condition).items()
    }
    return found, queue_note(device, alone)


def _table(device: Device, condition: Condition, modes: dict[str, dict[str, Any]], notes: Sequence[str]) -> str:
    resources = list(next(iter(modes.values()))["utilisation"])
    lines = [f"{'mode':<9}{'MB/s':>10}  {'bottleneck':<11}" + "".join(f"{name:>{_width(name)}}" for name in resources)]
    for mode, row in modes.items():
        busy = "".join(f"{row['utilisation'][name]:>{_width(name)}.1%}" for name in resources)
        lines.append(f"{mode:<9}{_speed(row['read_bandwidth_mb_s']):>10}  {row['bottleneck']:<11}{busy}")
    error = max(row["relative_error"] for row in modes.values())
    known = "exact period found" if not error else f"95 % interval within {error:.2g} of the bandwidth"
    return "\n".join(
        [
            *lines,
            f"{device.name} at {condition.name}: 10^6 bytes of weights a second in the long run; {known}.",
            f"Columns to the right: share of time in which each resource works{_one_register(device)}.",
            f"One page read by itself, mean in us: {_alone(modes)}.",
            *derivation(device.host),
            *(f"note: {note}" for note in notes),
        ]
    )


def _speed(mb_s: float) -> str:
    return f"{mb_s:.1f}" if mb_s >= 100 else f"{mb_s:.4g}"


def _one_register(device: Device) -> str:
    return "" if device.timing.cache_read else "; a die's work counts its data out, as it has no cache read"


def _alone(modes: dict[str, dict[str, Any]]) -> str:
    """Write the times of the page types in each mode, modes with equal ones together."""
    by_times: dict[str, list[str]] = {}
    for mode, row in modes.items():
        by_times.setdefault(" / ".join(f"{time:.4g}" for time in row["alone_us"].values()), []).append(mode)
    types = " / ".join(next(iter(modes.values()))["alone_us"])
    said = "; ".join(f"{', '.join(names)} {times}" for times, names in by_times.items())
    return said if types == "lsb" else f"{said} ({types})"


def _width(name: str) -> int:
    return max(7, len(name) + 2)
