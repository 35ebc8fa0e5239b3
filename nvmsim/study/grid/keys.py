"""Every key of a study's file, with what is allowed and its default."""

import json
from dataclasses import dataclass

from nvmsim import defaults
from nvmsim.accuracy.ranges import SCOPES
from nvmsim.accuracy.stats import TASK, TEST_SET
from nvmsim.device.schema import Choice, Number, Text, Wrong
from nvmsim.device.sections import CONDITION, CONDITION_NAME, Key
from nvmsim.errors import InputError
from nvmsim.study.grid.axes import Values
from nvmsim.study.grid.spec import DECIDE
from nvmsim.study.read import LINE, RBER, Many
from nvmsim.study.scheme import parse_scheme


@dataclass(frozen=True)
class SchemeText:
    """The name of a scheme, as ``nvmsim run --schemes`` takes it."""

    unit: str = ""

    def read(self, value: object) -> str:
        """Return the name; it is that of a scheme."""
        text = Text().read(value)
        try:
            return parse_scheme(text).name
        except InputError as error:
            raise Wrong(f"a scheme such as ecc, raw or nulling ({'; '.join(error.problems)})") from None


@dataclass(frozen=True)
class Plain:
    """Any value of a device's key; the profile's own check says what is allowed. A mapping becomes flow YAML."""

    unit: str = ""

    def read(self, value: object) -> object:
        """Return the value, a mapping or a list as text."""
        return json.dumps(value) if isinstance(value, dict | list) else value


@dataclass(frozen=True)
class Variants:
    """Named sets of device keys that change together, such as a code's strength and its parity."""

    unit: str = ""

    def read(self, value: object) -> dict[str, dict[str, object]]:
        """Return the device keys by the variant's name."""
        if not isinstance(value, dict) or not value or not all(isinstance(one, dict) for one in value.values()):
            raise Wrong("a mapping from names to device keys, such as {weak: {ecc.t: 8, ecc.parity_bytes: 14}}")
        found = {CONDITION_NAME.read(name): part for name, part in value.items()}
        if wrong := [key for part in found.values() for key in part if "." not in key]:
            raise Wrong(f"device keys with a dot in them, such as ecc.t, not {wrong[0][:60]}")
        return {name: {key: Plain().read(one) for key, one in part.items()} for name, part in found.items()}


WHERE = Text(r"\S.*", "a path, or a bundled name", most=300)
TOP = {
    "title": Key(LINE),
    "question": Key(Text(r"(?s).*", "text", most=4000), ""),
    "seed": Key(Number(whole=True, high=2**64 - 1), 0),
}
EFFORT = {
    "trials": Key(Number(whole=True, low=1, high=1_000_000), defaults.TRIALS),
    "precision": Key(Number(above=True, high=0.5), defaults.PRECISION),
    "target": Key(Choice((TEST_SET, TASK)), TEST_SET),
    "decide": Key(Many(Choice(DECIDE)), DECIDE),
    "max_drop_points": Key(Number("points", high=100), 1.0),
}
GRID = {
    "device": Key(Values(WHERE)),
    "variant": Key(Variants(), {}),
    "model": Key(Values(WHERE), (defaults.MODEL,)),
    "scheme": Key(Values(SchemeText()), defaults.SCHEMES),
    "range_scope": Key(Values(Choice(tuple(SCOPES))), (defaults.RANGE_SCOPE,)),
    "condition": Key(Values(CONDITION_NAME), ()),
    **{name: Key(Values(key.kind), ()) for name, key in CONDITION.items()},
    "rber": Key(Values(RBER), ()),
    "reads_per_inference": Key(Values(Number(whole=True, high=1)), ()),
    "device_seed": Key(Values(Number(whole=True, high=2**64 - 1)), ()),
}
DEVICE_KEY = Key(Values(Plain()))
