"""Finds a profile, reads it, applies settings, checks it and builds the device."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nvmsim.device.check import Checked, check
from nvmsim.device.cross import cross_check, ecc_spec
from nvmsim.device.cross_host import host_spec
from nvmsim.device.extends import whole_profile
from nvmsim.device.override import BY_USER, apply_settings
from nvmsim.device.parts import Cell, Condition, Device, Geometry, Page, Timing
from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.suggest import near


def device_names() -> list[str]:
    """List the names of the bundled profiles, sorted.

    >>> "tlc" in device_names()
    True
    """
    return sorted(path.stem for path in bundled("devices").glob("*.yaml"))


def find_profile(where: str | Path) -> Path:
    """Return the file of a profile, given its path or its bundled name.

    ``devices/NAME.yaml`` finds a bundled profile from any folder. Raises InputError with the bundled names.
    """
    path, names = Path(where), device_names()
    if str(where) in names:
        return bundled("devices") / f"{where}.yaml"
    if _is_file(path):
        return path
    if path.parent.name == "devices" and path.stem in names and path.suffix in (".yaml", ".yml"):
        return bundled("devices") / f"{path.stem}.yaml"
    match = near(path.stem, names)
    hint = f", did you mean {match}?" if match else ";"
    raise InputError(f"{where}: no such file or bundled profile{hint} bundled are {', '.join(names)}")


def load_device(where: str | Path, settings: Sequence[str] = ()) -> Device:
    """Load a device profile from a path or by bundled name.

    A profile may extend another one (:mod:`nvmsim.device.extends`). ``settings`` are ``key.path=value`` with YAML
    values; they replace what the file says. Raises InputError with everything that is wrong, each problem with file,
    key, value and what is allowed.

    >>> load_device("tlc", ["geometry.channels=16"]).geometry.channels
    16
    """
    path = find_profile(where)
    data = whole_profile(path, str(where), _beside)
    keys = apply_settings(data, settings) if isinstance(data, dict) else ()
    found = check(data, label=str(where), stem=path.stem, overridden=keys)
    cross_check(found)
    if found.problems:
        raise InputError(found.problems)
    _mark_settings(found.sources, keys)
    return _build(found)


def _beside(where: str, folder: Path) -> Path:
    """Find a profile that another one names: bundled, or seen from its folder."""
    near_it = folder / where
    return near_it if where not in device_names() and _is_file(near_it) else find_profile(where)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _mark_settings(sources: dict[str, str], keys: Sequence[str]) -> None:
    for key in keys:
        for inner in [name for name in sources if name.startswith(f"{key}.")]:
            del sources[inner]
        sources[key] = BY_USER


def _build(found: Checked) -> Device:
    conditions = {name: Condition(name=name, **values) for name, values in found.conditions.items()}
    return Device(
        name=found.values["name"],
        description=found.values["description"],
        geometry=Geometry(**_under(found, "geometry")),
        page=Page(**_under(found, "page")),
        cell=Cell(**_under(found, "cell")),
        timing=Timing(**_under(found, "timing")),
        host=host_spec(found),
        ecc=ecc_spec(found),
        rber=found.rber,
        conditions=conditions,
        sources=found.sources,
    )


def _under(found: Checked, section: str) -> dict[str, Any]:
    return {
        key.removeprefix(f"{section}."): value for key, value in found.values.items() if key.startswith(f"{section}.")
    }
