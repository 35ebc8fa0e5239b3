"""Finds a profile, reads it, applies settings, checks it and builds the device."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nvmsim.device.check import DEFAULT_SOURCE, Checked, check
from nvmsim.device.cross import cross_check, ecc_spec, take_soft_sources
from nvmsim.device.cross_host import host_spec
from nvmsim.device.extends import varied, whole_profile
from nvmsim.device.override import apply_settings
from nvmsim.device.parts import BY_USER, Cell, Condition, Device, Geometry, Page, Timing
from nvmsim.device.sections import SECTIONS
from nvmsim.device.variants import KEY, split_variant, variants_in, variants_problems
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
    found, names = _profile(where), device_names()
    if found is not None:
        return found
    if os.path.exists(where):  # a Path raises for some names
        raise InputError(f"{where}: must be a file or the name of a bundled profile: {', '.join(names)}")
    match = near(Path(where).stem, names)
    hint = f", did you mean {match}?" if match else ";"
    raise InputError(f"{where}: no such file or bundled profile{hint} bundled are {', '.join(names)}")


def _profile(where: str | Path) -> Path | None:
    path, names = Path(where), device_names()
    if str(where) in names:
        return bundled("devices") / f"{where}.yaml"
    if _is_file(path):
        return path
    if path.parent.name == "devices" and path.stem in names and path.suffix in (".yaml", ".yml"):
        return bundled("devices") / f"{path.stem}.yaml"
    return None


def find_variant(where: str | Path) -> tuple[Path, str | None]:
    """Return the file of a profile and the name of the variant that ``PROFILE@VARIANT`` names, None without one.

    >>> path, variant = find_variant("tlc@worst")
    >>> path.name, variant
    ('tlc.yaml', 'worst')
    """
    if (found := _profile(where)) is not None:
        return found, None
    before, variant = split_variant(where)
    return find_profile(before), variant


def variant_names(where: str | Path) -> list[str]:
    """List the variants of a profile, given its path or its bundled name, in the order of its file.

    >>> variant_names("tlc")
    ['best', 'worst', 'layers', 'soft', 'decoder']
    """
    path, _ = find_variant(where)
    return list(variants_in(whole_profile(path, str(where), _beside)))


def load_device(where: str | Path, settings: Sequence[str] = ()) -> Device:
    """Load a device profile from a path or by bundled name.

    ``tlc@worst`` is the profile's variant of that name (:mod:`nvmsim.device.variants`). A profile may extend another
    one (:mod:`nvmsim.device.extends`). ``settings`` are ``key.path=value`` with YAML
    values; they replace what the file says. Raises InputError with everything that is wrong, each problem with file,
    key, value and what is allowed.

    >>> load_device("tlc", ["geometry.channels=16"]).geometry.channels
    16
    """
    (path, variant), label = find_variant(where), str(where)
    data = whole_profile(path, label, _beside)
    problems = _variants_problems(data, label=split_variant(where)[0] if variant else label, stem=path.stem)
    keys: tuple[str, ...] = ()
    if isinstance(data, dict):
        data = varied(data, variant, label=label, stem=path.stem)
        keys = apply_settings(data, settings)
    found = _checked(data, label=label, stem=path.stem, overridden=keys)
    if found.problems or problems:
        raise InputError([*_by_settings(found, where, settings), *problems])
    _mark_settings(found.sources, [one for key in keys for one in _said(data, key)])
    take_soft_sources(found)
    _take_defaults(found)
    return _build(found)


def _by_settings(found: Checked, where: str | Path, settings: Sequence[str]) -> list[str]:
    """Return the problems; in those of the file that it has only with settings, with the settings that bring them."""
    own = f"{found.label}: "
    if not settings or not any(problem.startswith(own) for problem in found.problems):
        return found.problems
    alone, by_one = set(_problems(where)), {one: set(_problems(where, one)) for one in settings}
    said = []
    for problem in found.problems:
        with_one = [one for one in settings if problem in by_one[one]]
        keys = ", ".join(one.partition("=")[0].strip() for one in with_one or settings)
        mine = problem.startswith(own) and problem not in alone
        said.append(f"{found.label} with --set {keys}: {problem.removeprefix(own)}" if mine else problem)
    return said


def _problems(where: str | Path, *settings: str) -> list[str]:
    """Return what is wrong with a profile, told of the file."""
    (path, variant), label = find_variant(where), str(where)
    try:
        data = varied(whole_profile(path, label, _beside), variant, label=label, stem=path.stem)
        return _checked(data, label=label, stem=path.stem, overridden=apply_settings(data, settings)).problems
    except InputError as error:
        return list(error.problems)


def _checked(data: object, **about: Any) -> Checked:
    found = check(data, **about)
    cross_check(found)
    return found


def _variants_problems(data: object, *, label: str, stem: str) -> list[str]:
    """Return what is wrong with the variants of a profile, but for what is wrong without them too."""
    if not isinstance(data, dict) or KEY not in data:
        return []
    if problems := variants_problems(data):
        return [f"{label}: {problem}" for problem in problems]
    known = _checked(varied(data, None, label=label, stem=stem), label=label, stem=stem).problems
    found = []
    for name in variants_in(data):
        one = _checked(varied(data, name, label=label, stem=stem), label=f"{label}: {KEY}.{name}", stem=stem)
        found += [problem for problem in one.problems if problem.replace(f" {KEY}.{name}:", "", 1) not in known]
    return found


def _beside(where: str, folder: Path) -> tuple[Path, str | None]:
    """Find a profile that another one names, and its variant: bundled, or seen from its folder."""
    for name, variant in ((where, None), split_variant(where)):
        if name not in device_names() and _is_file(folder / name):
            return folder / name, variant
    return find_variant(where)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _said(data: dict[str, Any], key: str) -> Iterator[str]:
    """Yield what a setting says: of a whole section the keys that stand in it, as the others are defaults.

    Nothing of a setting that another one replaced.
    """
    value: Any = data
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return
        value = value[part]
    if not isinstance(value, dict) or not (key in SECTIONS or key.startswith("conditions.")):
        yield key
        return
    for name in value:
        yield from _said(data, f"{key}.{name}")


def _mark_settings(sources: dict[str, str], keys: Sequence[str]) -> None:
    for key in keys:
        for inner in [name for name in sources if name.startswith(f"{key}.")]:
            del sources[inner]
        sources[key] = BY_USER


def _take_defaults(found: Checked) -> None:
    """Fill in what the error model takes for granted, an assumption, where the profile does not say it."""
    for key, value in found.defaults.items():
        if key not in found.rber:
            found.rber[key] = value
            found.sources[f"rber.{key}"] = DEFAULT_SOURCE


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
