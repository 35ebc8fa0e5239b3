"""Keys that a profile or a setting states and nothing reads: they change nothing, and nobody would know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nvmsim.device.cross import OWN
from nvmsim.device.error_models.level_model import LevelModel
from nvmsim.device.extends import KEY, merged
from nvmsim.device.load import find_variant
from nvmsim.device.override import apply_settings
from nvmsim.device.plain import parse_file
from nvmsim.device.rber import error_model
from nvmsim.device.sections import SECTIONS
from nvmsim.device.variants import chosen
from nvmsim.resources import bundled

if TYPE_CHECKING:
    from nvmsim.device.parts import Device

_OF_NO_CODE = ("code", "uber_target", "source")


def unread(where: str | Path, settings: Sequence[str], device: Device) -> list[str]:
    """Return what the user's file, its variant or a setting says though ``device``, loaded from them, does not ask.

    Keys inherited from another profile are about that one's code, and a bundled profile's keys are nobody's mistake.
    Raises InputError if the file cannot be read.

    >>> from nvmsim.device.load import load_device
    >>> unread("tlc", ["ecc.t=40"], load_device("tlc", ["ecc.t=40"]))
    ['ecc.t: 40: code ldpc does not read it']
    """
    (path, variant), own = find_variant(where), {}
    data = parse_file(path, str(where))
    if path.parent != bundled("devices"):
        own = {key: dict(value) for key, value in data.items() if key in SECTIONS and isinstance(value, dict)}
        own = merged(own, chosen(data, variant, str(where)), str(where)) if variant else own
    keys = apply_settings(own, settings)
    changed = variant or KEY in data or "cell.gray_code" in keys or "cell" in keys
    return [*_of_code(own.get("ecc") or {}, device), *(_gray_code(own.get("cell") or {}, device) if changed else [])]


def _of_code(given: Mapping[str, Any], device: Device) -> list[str]:
    said = [key for key, value in given.items() if value is not None]
    if device.ecc.code == "none":
        idle = ", ".join(f"ecc.{key}" for key in said if key not in _OF_NO_CODE)
        return [f"{idle}: code none reads no such thing"] if idle else []
    idle = [key for key in said if key in OWN and getattr(device.ecc, key) is None]
    found = [f"ecc.{key}: {given[key]}: code {device.ecc.code} does not read it" for key in idle]
    return [*found, *_of_growth(given, device)]


def _of_growth(given: Mapping[str, Any], device: Device) -> list[str]:
    """Say where a limit of growth has none to limit; soft reads without one of their own take the hard one."""
    hard, soft = device.ecc, device.ecc.soft
    own = {"ecc": given, "ecc.soft": given.get("soft") or {}}
    soft_grows = bool(soft and soft.decode_growth_per_error)
    taken = soft_grows and own["ecc.soft"].get("decode_growth_limit") is None
    grows = {"ecc": bool(hard.decode_growth_per_error) or taken, "ecc.soft": soft_grows}
    stated = {section: values.get("decode_growth_limit") for section, values in own.items()}
    return [
        f"{section}.decode_growth_limit: {stated[section]}: limits nothing without decode_growth_per_error"
        for section, some in grows.items()
        if stated[section] is not None and not some
    ]


def _gray_code(given: Mapping[str, Any], device: Device) -> list[str]:
    code, model = given.get("gray_code"), device.rber["model"]
    if code is None or isinstance(error_model(device), LevelModel):
        return []
    stay = "timing.read_us and rber.page_type_factors do not follow from it"
    return [f"cell.gray_code: {code}: the error model {model} does not read it; {stay}"]
