"""A device back as plain data, with every default filled in."""

import math
from dataclasses import asdict
from typing import Any

from nvmsim.device.parts import Device


def plain(device: Device) -> dict[str, Any]:
    """Return the profile as nested plain data, which loads again as the same device but for its sources.

    Numbers that mean nothing here (a link without a limit, the ``t`` of an LDPC code) are left out.
    """
    data = {key: _known(asdict(getattr(device, key))) for key in ("geometry", "page", "cell", "timing", "host", "ecc")}
    data["timing"]["read_us"] = dict(zip(device.page_types, device.timing.read_us, strict=True))
    if device.ecc.code == "none":
        data["ecc"] = {key: data["ecc"][key] for key in ("code", "uber_target")}
    conditions = {name: asdict(condition) for name, condition in device.conditions.items()}
    for values in conditions.values():
        del values["name"]
    top = {"name": device.name, "description": device.description}
    return {**top, **data, "rber": dict(device.rber), "conditions": conditions}


def leaves(device: Device) -> dict[str, Any]:
    """Return every value of a device by dotted key; a list, and numbers a page type, count as one value.

    >>> from nvmsim.device.profile import load_device
    >>> leaves(load_device("tlc"))["ecc.retry.max"]
    3
    """
    found: dict[str, Any] = {}
    for section, values in plain(device).items():
        if isinstance(values, dict):
            _collect(section, values, device.page_types, found)
    return found


def _collect(path: str, data: dict[str, Any], page_types: tuple[str, ...], found: dict[str, Any]) -> None:
    for name, value in data.items():
        key = f"{path}.{name}"
        if isinstance(value, dict) and set(value) != set(page_types):
            _collect(key, {inner: item for inner, item in value.items() if inner != "source"}, page_types, found)
        else:
            found[key] = value


def _known(values: dict[str, Any]) -> dict[str, Any]:
    found = {key: _known(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in found.items() if value is not None and value != math.inf}
