"""Checks plain profile data against the schema and collects everything that is wrong."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from nvmsim.device.parts import ASSUMPTION, PAGE_TYPES
from nvmsim.device.schema import PerPageType, Text, Wrong
from nvmsim.device.sections import (
    CONDITION,
    CONDITION_NAME,
    DESCRIPTION,
    EVERY_MODEL,
    NAME,
    OPTIONAL,
    REQUIRED,
    SECTIONS,
    TOP,
    Key,
    places,
)
from nvmsim.suggest import near

DEFAULT_SOURCE = f"{ASSUMPTION}: default"
OTHERS = "others"
_SHOWN = 60


@dataclass
class Checked:
    """What was read so far: values and sources by dotted key, and the problems found.

    ``overridden`` names the keys that came from ``--set``, so that a problem is blamed on the right input; ``defaults``
    are what the error model takes for granted.
    """

    label: str
    overridden: Collection[str] = ()
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, dict[str, Any]] = field(default_factory=dict)
    rber: dict[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)

    def wrong(self, key: str, value: object, allowed: str) -> None:
        """Note a problem: where, which key, which value, what is allowed."""
        self.say(key, f"{shown(value)}: must be {allowed}")

    def say(self, key: str, what: str) -> None:
        """Note a problem in free words."""
        place = key.replace("[", ".") + "."
        given = any(place.startswith(f"{name}.") or name.startswith(f"{key}.") for name in self.overridden)
        self.problems.append(f"{'--set' if given else self.label}: {key}: {what}")
        self.bad.add(key)

    def get(self, *keys: str) -> tuple[Any, ...] | None:
        """Return the values at these keys, or None unless each of them is valid and not null."""
        found = tuple(self.values.get(key) for key in keys)
        return None if None in found else found


def shown(value: object) -> str:
    """Write a value for a message, cut to a readable length.

    >>> shown("1e-3x")
    "'1e-3x'"
    """
    words = {True: "true", False: "false", None: "null"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def check(data: object, *, label: str, stem: str, overridden: Collection[str] = ()) -> Checked:
    """Check the whole profile; ``stem`` is its name if it states none. Nothing is raised: see ``problems``."""
    found = Checked(label, overridden)
    if not isinstance(data, dict):
        what = "is empty" if data is None else f"holds {shown(data)}"
        found.problems.append(f"{label}: {what}: must be a mapping with the sections {', '.join(TOP)}")
        return found
    _unknown(found, "", data, TOP)
    _source(found, "", data)
    _one(found, "name", data.get("name", stem), Key(NAME))
    _one(found, "description", data.get("description", ""), Key(DESCRIPTION))
    for path, table in SECTIONS.items():
        parent, _, name = path.rpartition(".")
        around = data.get(parent) if parent else data
        given = around.get(name) if isinstance(around, dict) else None
        if given is not None or path not in OPTIONAL:
            _section(found, path, given, table)
    _rber(found, data.get("rber"))
    _conditions(found, data.get("conditions"))
    return found


def _section(found: Checked, path: str, data: object, table: Mapping[str, Key]) -> None:
    if data is not None and not isinstance(data, dict):
        found.wrong(path, data, f"a mapping with {', '.join(table)}")
        return
    data = data or {}
    inner = [name.rpartition(".")[2] for name in SECTIONS if name.startswith(f"{path}.")]
    _unknown(found, path, data, (*table, *inner, "source"))
    _source(found, path, data)
    for name, key in table.items():
        _key(found, f"{path}.{name}", data, key)


def _key(found: Checked, path: str, data: Mapping[str, Any], key: Key) -> None:
    name = path.rpartition(".")[2]
    if name in data:
        _one(found, path, data[name], key)
    elif key.default is REQUIRED:
        found.say(path, f"missing: must be {_allowed(key)}")
    else:
        _one(found, path, key.default, key)
        found.sources.setdefault(path, DEFAULT_SOURCE)


def _one(found: Checked, path: str, value: object, key: Key) -> None:
    try:
        if isinstance(key.kind, PerPageType):
            found.values[path] = key.kind.read(value, PAGE_TYPES.get(found.values.get("cell.bits", 0)))
        else:
            found.values[path] = key.kind.read(value)
    except Wrong as error:
        if error.inner:
            found.wrong(f"{path}.{error.inner}", value[error.inner], str(error))
        else:
            found.wrong(path, value, str(error))


def _allowed(key: Key) -> str:
    try:
        key.kind.read(object())
    except Wrong as error:
        return str(error)
    raise AssertionError("no kind reads a bare object")


def _rber(found: Checked, data: object) -> None:
    if not isinstance(data, dict) or not isinstance(data.get("model"), str):
        value = data.get("model") if isinstance(data, dict) else data
        found.say("rber.model", f"{'missing' if value is None else shown(value)}: must be the name of an error model")
        return
    _source(found, "rber", data)
    for name, value in data.items():
        if name != "source" and isinstance(value, dict):
            _source(found, f"rber.{name}", value)
    absent = [name for name in EVERY_MODEL if name in data and data[name] is None]
    found.rber = {name: value for name, value in data.items() if name not in ("source", *absent)}
    for name in absent:
        found.sources.pop(f"rber.{name}", None)


def _conditions(found: Checked, data: object) -> None:
    if not isinstance(data, dict) or not set(data) - {"source"}:
        what = "missing" if data in (None, {}) else shown(data)
        found.say("conditions", f"{what}: must be a mapping with at least one named age, such as fresh: {{}}")
        return
    _source(found, "conditions", data)
    for name, values in data.items():
        if name != "source":
            _condition(found, name, values)


def _condition(found: Checked, name: str, data: object) -> None:
    path = f"conditions.{name}"
    try:
        CONDITION_NAME.read(name)
    except Wrong as error:
        found.wrong(f"conditions.{shown(name)}", name, str(error))
        return
    _section(found, path, data, CONDITION)
    found.conditions[name] = {key: found.values.get(f"{path}.{key}") for key in CONDITION}


def _unknown(found: Checked, path: str, data: Mapping[str, Any], known: Collection[str]) -> None:
    for name in data:
        if name not in known:
            found.say(f"{path}.{name}".lstrip(".")[:_SHOWN], f"unknown key{_hint(path, name, known)}")


def _hint(path: str, name: str, known: Collection[str]) -> str:
    close = near(name, known)
    match = f"{path}.{close}".lstrip(".") if close else next(iter(places(name)), None)
    return f", did you mean {match}?" if match else f"; known are {', '.join(known)}"


def _source(found: Checked, path: str, data: Mapping[str, Any]) -> None:
    """Take the source text of a section, or of each of its keys; ``others`` is the text of the rest."""
    given = data.get("source")
    if given is None:
        return
    texts = given if isinstance(given, dict) else {OTHERS: given}
    for name, text in texts.items():
        key = path if name == OTHERS else f"{path}.{name}".lstrip(".")
        where = f"{path}.source" if texts is not given else f"{path}.source.{name}"
        _one_source(found, where.lstrip("."), key, text)
    keys = SECTIONS.get(path, CONDITION if path.startswith("conditions.") else ())
    known = dict.fromkeys(key for key in (*data, *keys, OTHERS) if key != "source")
    _unknown(found, f"{path}.source".lstrip("."), {name.partition(".")[0]: 0 for name in texts}, known)


def _one_source(found: Checked, where: str, key: str, text: object) -> None:
    try:
        line = " ".join(text.split()) if isinstance(text, str) else text
        found.sources[key] = Text(r".+", "text that says where the number comes from", most=1000).read(line)
    except Wrong as error:
        found.wrong(where, text, str(error))
