"""A network by its shape alone: layers with their weights and multiplications."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nvmsim.device.plain import parse_file
from nvmsim.device.schema import Number, Text, Wrong
from nvmsim.errors import InputError
from nvmsim.suggest import or_near

_NAME = Text(r".+", "the name of a layer", most=60)
MOST_WEIGHTS = 1e15
_SIZE = Number(low=1, high=MOST_WEIGHTS, whole=True)
_USES = Number(low=0, high=1e12)
_REPEAT = Number(low=1, high=100_000, whole=True)
_KEYS = ("name", "shape", "uses", "repeat")


@dataclass(frozen=True)
class LayerShape:
    """One layer: its stored weights, and its multiply-accumulates for one input."""

    name: str
    weights: int
    macs: float


def one_layer(weights: int) -> tuple[LayerShape, ...]:
    """Return a network of so many weights, each used once an inference, as in a language model's token at batch 1.

    Equal layers take as long as one: streamed, each loads while the one before it computes.

    >>> one_layer(7_000_000_000)[0].macs
    7000000000.0
    """
    return (LayerShape("all layers", weights, float(weights)),)


def read_layers(path: Path) -> tuple[LayerShape, ...]:
    """Read a YAML file with a list ``layers``; raise InputError with everything that is wrong in it.

    Each has a ``shape`` (the weights are its product), and may have a ``name``, ``uses`` (how often an inference uses
    each weight: output positions of a convolution, steps of a recurrent layer; 1), and ``repeat`` (so many alike; 1).
    """
    data = parse_file(path, str(path))
    rows = data.get("layers") if isinstance(data, Mapping) else None
    if not isinstance(rows, list) or not rows or set(data) != {"layers"}:
        raise InputError(
            f"{path}: must be a mapping with one key, layers: a list of layers, such as {{shape: [10, 20]}}"
        )
    problems: list[str] = []
    found = [layer for index, row in enumerate(rows) for layer in _layers(f"{path}: layers[{index}]", row, problems)]
    if problems:
        raise InputError(problems)
    return tuple(found)


def _layers(where: str, row: object, problems: list[str]) -> Sequence[LayerShape]:
    if not isinstance(row, Mapping):
        problems.append(f"{where}: {row!r:.60}: must be a mapping with {', '.join(_KEYS)}")
        return ()
    problems += [f"{where}.{key}: unknown key: {or_near(str(key), _KEYS)}" for key in row if key not in _KEYS]
    values = {
        "name": _read(_NAME, row.get("name", where.rpartition(": ")[2]), f"{where}.name", problems),
        "uses": _read(_USES, row.get("uses", 1), f"{where}.uses", problems),
        "repeat": _read(_REPEAT, row.get("repeat", 1), f"{where}.repeat", problems),
    }
    shape = row.get("shape")
    if not isinstance(shape, list) or not shape:
        problems.append(f"{where}.shape: {shape!r:.60}: must be a list of whole numbers, such as [4096, 11008]")
        return ()
    sizes = [_read(_SIZE, size, f"{where}.shape", problems) for size in shape]
    if None in (*values.values(), *sizes):
        return ()
    weights = math.prod(sizes)
    if weights > MOST_WEIGHTS:
        problems.append(f"{where}.shape: {shape!r:.60}: must hold at most {MOST_WEIGHTS:g} weights")
        return ()
    return [LayerShape(values["name"], weights, weights * values["uses"])] * values["repeat"]


def _read(kind: Number | Text, value: object, where: str, problems: list[str]) -> Any:
    try:
        return kind.read(value)
    except Wrong as error:
        problems.append(f"{where}: {value!r:.60}: must be {error}")
        return None
