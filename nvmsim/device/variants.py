"""Variants of a profile: the best and the worst end of what its sources give, each as what differs from the rest.

``variants: {worst: {timing: {bus_mt_s: 533, source: ...}}}`` in a profile's file; ``tlc@worst`` names the device.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nvmsim.device.check import shown
from nvmsim.device.sections import CONDITION_NAME, SECTIONS
from nvmsim.errors import InputError
from nvmsim.suggest import or_near

KEY = "variants"
MARK = "@"
CHANGES = ("description", *(path for path in SECTIONS if "." not in path), "rber", "conditions")


def split_variant(where: str | Path) -> tuple[str, str | None]:
    """Split the name or path of a device from that of its variant, None if it names none.

    >>> split_variant("tlc@worst"), split_variant("devices/tlc.yaml")
    (('tlc', 'worst'), ('devices/tlc.yaml', None))
    """
    before, mark, variant = str(where).rpartition(MARK)
    return (before, variant) if mark and before else (str(where), None)


def variants_in(data: object) -> dict[str, Any]:
    """Return the variants of a profile's plain data by name; none if there are none or they are no mapping."""
    given = data.get(KEY) if isinstance(data, Mapping) else None
    return dict(given) if isinstance(given, Mapping) else {}


def variants_problems(data: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the ``variants`` of a profile before they are merged, one line a problem."""
    given = data.get(KEY)
    if given is None:
        return []
    if not isinstance(given, Mapping):
        return [f"{KEY}: {shown(given)}: must be a mapping from names, such as worst, to what differs"]
    return [problem for name, part in given.items() for problem in _problems(name, part)]


def _problems(name: str, part: object) -> list[str]:
    where = f"{KEY}.{name[:60]}"
    found = [] if _named_well(name) else [f"{KEY}: {shown(name)}: must be {CONDITION_NAME.allowed}"]
    if not isinstance(part, Mapping) or not part:
        return [*found, f"{where}: {shown(part)}: must be a mapping with some of {', '.join(CHANGES)}"]
    return found + [f"{where}.{key[:60]}: {or_near(key, CHANGES)}" for key in part if key not in CHANGES]


def _named_well(name: str) -> bool:
    try:
        return bool(CONDITION_NAME.read(name))
    except ValueError:
        return False


def chosen(data: Mapping[str, Any], variant: str, label: str) -> Mapping[str, Any]:
    """Return what a variant changes; raises InputError, naming ``label``, if the profile has none of this name."""
    every = variants_in(data)
    if variant not in every or not isinstance(every[variant], Mapping):
        known = or_near(variant, every) if every else "unknown; the profile has no variants"
        raise InputError(f"{label}: variant {variant!r}: {known}")
    return every[variant]
