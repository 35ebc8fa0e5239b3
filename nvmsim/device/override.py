"""``key.path=value`` settings that replace parts of a profile before it is checked."""

from collections.abc import Sequence
from typing import Any

from nvmsim.device.extends import KINDS, of_any_kind
from nvmsim.device.plain import parse
from nvmsim.errors import InputError


def apply_settings(data: dict[str, Any], settings: Sequence[str]) -> tuple[str, ...]:
    """Replace values in the plain data of a profile, and return the dotted keys that were set.

    A value is a YAML scalar or a YAML flow collection. Another ``rber.model`` or ``host.link`` drops what
    the section said of the old one, which would mean nothing to it. Raises InputError naming every setting that
    cannot be applied.

    >>> data = {"ecc": {"t": 40}}
    >>> apply_settings(data, ["ecc.t=72", "timing.read_us={lsb: 37, msb: 46}"])
    ('ecc.t', 'timing.read_us')
    >>> data
    {'ecc': {'t': 72}, 'timing': {'read_us': {'lsb': 37, 'msb': 46}}}
    """
    problems: list[str] = []
    keys = [_apply(data, setting, problems) for setting in sorted(settings, key=_order)]
    if problems:
        raise InputError([f"--set {problem}" for problem in problems])
    return tuple(keys)


def _order(setting: str) -> bool:
    """Put what replaces a whole section first, so that it takes nothing away that was set beside it."""
    return setting.partition("=")[0].strip() not in {f"{section}.{name}" for section, name in KINDS.items()}


def _apply(data: dict[str, Any], setting: str, problems: list[str]) -> str:
    key, equals, text = setting.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        problems.append(f"{setting[:80]}: must be KEY.PATH=VALUE, such as timing.bus_mt_s=2400")
        return key
    value, wrong = parse(text)
    problems.extend(f"{key}: {text[:60]!r}: {what}" for what in wrong)
    if not wrong:
        _put(data, parts, value, problems)
    return ".".join(parts)


def _put(data: dict[str, Any], parts: Sequence[str], value: object, problems: list[str]) -> None:
    *path, last = parts
    place = data
    for depth, part in enumerate(path, 1):
        inner = place.get(part)
        if inner is None:
            inner = place[part] = {}
        if not isinstance(inner, dict):
            upper = ".".join(path[:depth])
            problems.append(f"{'.'.join(parts)}: {upper} is one value here; set {upper} itself")
            return
        place = inner
    section = ".".join(path)
    if KINDS.get(section) == last and value != place.get(last):
        kept = of_any_kind(section, place)
        place.clear()
        place.update(kept)
    place[last] = value
