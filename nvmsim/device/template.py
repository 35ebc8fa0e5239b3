"""A profile to start from: a few lines that extend another one, with all of its numbers as comments."""

import json
from collections.abc import Mapping
from typing import Any

from nvmsim.device.parts import Device
from nvmsim.device.resolve import plain
from nvmsim.device.sections import SECTIONS, describe

_HEAD = """\
# {name}: a device profile that extends {base}. What stands here takes the place of what {base} says.
#
# Take the "# " off a line and of the section above it, change the number, and say where it comes from. Delete the rest.
#
#   nvmsim devices check {name}.yaml           what is wrong, and how much is assumed
#   nvmsim devices show {name}.yaml            every number with its source, and the error rates by age
#   nvmsim devices compare {base} {name}.yaml
#   nvmsim run {name}.yaml
extends: {base}
name: {name}
description: {description}
"""
_WIDTH = 46


def template(device: Device, *, name: str, base: str) -> str:
    """Return a commented profile of this name that extends ``device``, which is found as ``base``, and equals it.

    >>> from nvmsim.device.profile import load_device
    >>> template(load_device("tlc"), name="mine", base="tlc").splitlines()[8:10]
    ['extends: tlc', 'name: mine']
    """
    description = f"a part like {device.name}"
    lines = _HEAD.format(name=name, base=base, description=description).splitlines()
    for section, values in plain(device).items():
        if isinstance(values, dict):
            lines += ["", f"# {section}:", *_lines(section, values, "  ")]
            lines += [f"#   source: where the numbers of {section} come from"] if section in SECTIONS else []
    return "\n".join(lines) + "\n"


def _lines(path: str, values: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in values.items():
        key = f"{path}.{name}"
        if isinstance(value, dict) and (key in SECTIONS or path == "conditions"):
            lines += [f"# {indent}{name}:", *_lines(key, value, f"{indent}  ")]
        elif name != "source":
            lines.append(_line(key, f"# {indent}{name}: {_flow(value)}"))
    return lines


def _line(key: str, text: str) -> str:
    known = describe(key)
    if known is None:
        return text
    allowed = getattr(known.kind, "allowed", "")
    span = f"({allowed})" if allowed and isinstance(allowed, str) else ""
    said = f"{known.kind.unit} {span}".strip()
    return f"{text:{_WIDTH}} # {said}" if said else text


def _flow(value: Any) -> str:
    """Write a value in YAML's flow style, which JSON is."""
    return value if isinstance(value, str) else json.dumps(value)
