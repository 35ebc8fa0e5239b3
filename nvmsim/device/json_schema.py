"""The device profile's keys as JSON Schema, for editors that complete and check YAML."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nvmsim.device.parts import PAGE_TYPES
from nvmsim.device.schema import Choice, Flag, Kind, Number, Numbers, PerPageType, Text
from nvmsim.device.sections import (
    CONDITION,
    CONDITION_NAME,
    DESCRIPTION,
    EVERY_MODEL,
    NAME,
    OPTIONAL,
    REQUIRED,
    SECTIONS,
    Key,
)
from nvmsim.device.variants import CHANGES
from nvmsim.device.variants import KEY as VARIANTS
from nvmsim.plugins import lookup, names

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SOURCE = {
    "description": "where the numbers come from: a paper, a datasheet, or 'assumption: ...'; by key, or for the rest",
    "anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}],
}


def device_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a device profile.

    It knows the keys, their kinds and ranges; what keys demand of each other only ``nvmsim devices check`` does.

    >>> device_schema()["properties"]["timing"]["properties"]["bus_mt_s"]["description"]
    'MT/s'
    """
    parts = {
        "description": kind_schema(DESCRIPTION),
        **{path: _section(path) for path in SECTIONS if "." not in path},
        "rber": _rber(),
        "conditions": _conditions(),
    }
    named = {
        "extends": {"type": "string", "description": "the name or path of a profile to start from; tlc@worst too"},
        "name": kind_schema(NAME),
    }
    title = {"$schema": DRAFT, "title": "nvmsim device profile"}
    found = {**title, **_object({**named, **parts, VARIANTS: _variants(parts)})}
    whole = {"required": ["ecc", "rber", "conditions", "cell"]}
    return found | {"if": {"not": {"required": ["extends"]}}, "then": whole}


def kind_schema(kind: Kind) -> dict[str, Any]:
    """Return the schema of one value; raises TypeError for a kind that this module does not know.

    >>> kind_schema(Number("us", high=9, above=True))
    {'type': 'number', 'description': 'us', 'exclusiveMinimum': 0, 'maximum': 9}
    """
    match kind:
        case Number():
            return _number(kind)
        case Choice():
            unit = {"description": kind.unit} if kind.unit else {}
            return _or_null({"enum": list(kind.options), **unit}, kind.optional)
        case Numbers():
            return {"type": "array", "items": _number(kind.each), "minItems": kind.least, "maxItems": kind.most}
        case Flag():
            return {"type": "boolean"}
        case PerPageType():
            each = {name: _number(kind.each) for name in max(PAGE_TYPES.values(), key=len)}
            return {"anyOf": [_number(kind.each), _object(each, source=False)]}
        case Text():
            return _or_null(_text(kind), kind.optional)
    raise TypeError(f"no schema for {kind!r}")


def _number(kind: Number) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "integer" if kind.whole else "number"}
    if kind.unit:
        found["description"] = kind.unit
    if kind.low > -math.inf:
        found["exclusiveMinimum" if kind.above else "minimum"] = kind.low
    if kind.high < math.inf:
        found["maximum"] = kind.high
    return _or_null(found, kind.optional)


def _text(kind: Text) -> dict[str, Any]:
    """Whole numbers count as text where the pattern takes them, so that ``gray_code: 1`` works."""
    text = {"type": "string", "pattern": f"^(?:{kind.pattern})$", "maxLength": kind.most, "description": kind.allowed}
    least = next((number for number in (0, 1) if re.fullmatch(kind.pattern, str(number))), None)
    return text if least is None else {"anyOf": [text, {"type": "integer", "minimum": least}]}


def _or_null(schema: dict[str, Any], optional: bool) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]} if optional else schema


def _section(path: str) -> dict[str, Any]:
    inner = {name.rpartition(".")[2]: _section(name) for name in SECTIONS if name.rpartition(".")[0] == path}
    return _or_null(_object(_keys(SECTIONS[path]) | inner), path in OPTIONAL)


def _table(table: Mapping[str, Key]) -> dict[str, Any]:
    return _object(_keys(table))


def _keys(table: Mapping[str, Key]) -> dict[str, Any]:
    return {name: kind_schema(key.kind) | _default(key) for name, key in table.items()}


def _default(key: Key) -> dict[str, Any]:
    return {} if key.default is REQUIRED else {"default": key.default}


def _object(properties: Mapping[str, Any], *, source: bool = True) -> dict[str, Any]:
    every = dict(properties) | ({"source": SOURCE} if source else {})
    return {"type": "object", "properties": every, "additionalProperties": False}


def _rber() -> dict[str, Any]:
    """What stands beside any error model, and the parameters of those that say which they have; a plug-in need not."""
    model = {"type": "string", "examples": names("error_model")}
    beside = {"model": model, "source": SOURCE, **_every_model()}
    known = {name: keys for name in names("error_model") if (keys := _keys_of(name))}
    return {"type": "object", "properties": beside, "allOf": [_parameters(*one, beside) for one in known.items()]}


def _keys_of(name: str) -> tuple[str, ...]:
    try:
        return getattr(lookup("error_model", name), "keys", ())
    except ImportError:  # a plug-in's, whose own use will say so
        return ()


def _parameters(name: str, keys: Sequence[str], beside: Mapping[str, Any]) -> dict[str, Any]:
    """Let one error model have its own keys; each is checked by the model alone."""
    own = {"properties": {key: {} for key in keys}, "propertyNames": {"enum": [*keys, *beside]}}
    return {"if": {"properties": {"model": {"const": name}}, "required": ["model"]}, "then": own}


def _every_model() -> dict[str, Any]:
    found = {}
    for name, what in EVERY_MODEL.items():
        found |= _keys({name: what}) if isinstance(what, Key) else {name: _or_null(_table(what), True)}
    return found


def _conditions() -> dict[str, Any]:
    named = {f"^(?:{CONDITION_NAME.pattern})$": _or_null(_table(CONDITION), True)}
    return _object({}) | {"patternProperties": named}


def _variants(parts: Mapping[str, Any]) -> dict[str, Any]:
    """What a variant says itself; where another one is named it stands beside the name as NAME@VARIANT."""
    one = _object({key: parts[key] for key in CHANGES}, source=False) | {"minProperties": 1}
    named = {f"^(?:{CONDITION_NAME.pattern})$": one}
    return {"type": ["object", "null"], "patternProperties": named, "additionalProperties": False}
