"""``nvmsim inference``: one network in one device, computed at the host, beside the controller, or in the dies."""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from textwrap import wrap

from nvmsim import defaults
from nvmsim.device.doubts import notes_at
from nvmsim.device.layout import MODES
from nvmsim.device.profile import Condition, Device, load_device
from nvmsim.device.show import WIDTH
from nvmsim.errors import InputError
from nvmsim.report.csv_text import csv_text
from nvmsim.report.formats import number, rate
from nvmsim.suggest import or_near
from nvmsim.text_table import aligned
from nvmsim.timing.inference import PLACES, Inference, Work, inferences
from nvmsim.timing.layers import LayerShape, one_layer, read_layers

_HEADING = ("computes at", "read", "weights GB/s", "load ms", "compute ms", "{per}/s", "stall", "limited by", "errors")
_LEAST, _MOST = 1e-9, 1e15
_TINY = 1e-99  # below it a rate is a figure of the model, not of a part


def inference_command(options: argparse.Namespace) -> str:
    """Return what ``nvmsim inference`` prints; raise InputError with everything that is wrong."""
    places, modes = _checked(options)
    given = {place: getattr(options, f"{place}_tflops") for place in places}
    device = load_device(options.device, options.set)
    name, layers = _network(options)
    tflops = {place: defaults.TFLOPS[place] if value is None else value for place, value in given.items()}
    work, age = Work(layers, options.bits, options.batch), device.condition(options.condition)
    rows = inferences(device, age, work, tflops=tflops, modes=modes)
    assumed = [place for place, value in given.items() if value is None and tflops[place] is not None]
    facts = {"device": device.name, "condition": age.name, "network": name, **_facts(work)}
    facts |= {
        "notes": notes_at(device, age),
        "tflops": tflops,
        "tflops_assumed": assumed,
        "rows": [asdict(row) for row in rows],
    }
    texts = {
        "csv": csv_text([field.name for field in fields(Inference)], map(asdict, rows)),
        "json": json.dumps(facts, indent=2, allow_nan=False),
        "table": _table(device, work, rows, said=(name, age), tflops=tflops, assumed=assumed),
    }
    if options.out is not None:
        _draw(options.out, rows, about=f"{name} on {device.name} at {age.name}", per=_per(work), texts=texts)
    return texts[options.format]


def _draw(folder: str, rows: Sequence[Inference], *, about: str, per: str, texts: dict[str, str]) -> None:
    from nvmsim.report.figure_folder import write_figure

    def build() -> object:
        from nvmsim.report.figure_inference import build

        return build(rows, about=about, per=per)

    write_figure("inference", folder, build=build, data=texts["csv"], everything=texts["json"])


def _per(work: Work) -> str:
    """Name what is counted: where each weight is used once, that is a token of a language model at batch 1."""
    return "tokens" if all(layer.macs == layer.weights for layer in work.layers) else "inferences"


def _checked(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return the places and modes; raise InputError with every option that is wrong."""
    problems: list[str] = []
    places = _chosen("--where", options.where, PLACES, problems)
    modes = _chosen("--modes", options.modes, MODES, problems)
    for name in ("weights", "model_size", "bits", "batch", *(f"{place}_tflops" for place in PLACES)):
        value = getattr(options, name)
        if value is not None and not _LEAST <= value <= _MOST:
            problems.append(f"--{name.replace('_', '-')}: {value!s:.40}: must be from {_LEAST:g} to {_MOST:g}")
    if problems:
        raise InputError(problems)
    return places, modes


def _chosen(option: str, text: str, known: Sequence[str], problems: list[str]) -> list[str]:
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    problems += [f"{option}: {name!r}: {or_near(name, known)}" for name in names if name not in known]
    if not names:
        problems.append(f"{option}: {text!r}: must be some of {', '.join(known)}")
    return names


def _network(options: argparse.Namespace) -> tuple[str, tuple[LayerShape, ...]]:
    if options.layers is not None:
        return Path(options.layers).name, read_layers(Path(options.layers))
    if options.weights is not None:
        return f"{options.weights:g} weights", one_layer(math.ceil(options.weights))
    if options.model_size is not None:
        weights = math.ceil(options.model_size * 8 / options.bits)
        return f"{weights:g} weights in {options.model_size:g} bytes", one_layer(weights)
    from nvmsim.zoo.card import load_card
    from nvmsim.zoo.layer_work import layer_work

    card = load_card(options.model or defaults.MODEL, trained=False)
    return card.name, tuple(LayerShape(*row) for row in layer_work(card))


def _facts(work: Work) -> dict[str, object]:
    return {
        "layers": len(work.layers),
        "weights": sum(layer.weights for layer in work.layers),
        "macs": sum(layer.macs for layer in work.layers),
        "bits": work.bits,
        "batch": work.batch,
    }


def _table(
    device: Device,
    work: Work,
    rows: Sequence[Inference],
    *,
    said: tuple[str, Condition],
    tflops: dict[str, float | None],
    assumed: Sequence[str],
) -> str:
    facts, (name, age) = _facts(work), said
    per, counted = _per(work), f"{facts['layers']} layer{'s' * (facts['layers'] != 1)}"
    heading = [cell.format(per=per) for cell in _HEADING]
    error = max(row.relative_error for row in rows)
    known = "exact periods" if not error else f"within {error:.2g} (95 % interval)"
    notes = [
        f"{name} on {device.name} at {age.name}: {counted}, {facts['weights']:,} weights of "
        f"{work.bits:g} bits, {facts['macs']:.3g} multiply-accumulates, batch {work.batch}",
        f"bandwidths in the long run: {known}; computers: {_computers(tflops, assumed)}",
        "(a): an assumption decides; load: weights once; compute: one batch, a layer while the next one loads",
        *(["a token uses each weight once; caches of keys and values are left out"] if per == "tokens" else []),
        *([_die_note(device)] if "die" in tflops else []),
        *(f"note: {note}" for note in notes_at(device, age)),
    ]
    rows_text = aligned([heading, *(_cells(row, row.where in assumed) for row in rows)])
    return "\n".join([*rows_text, "", *(line for note in notes for line in wrap(note, WIDTH, break_on_hyphens=False))])


def _die_note(device: Device) -> str:
    planes = device.geometry.dies * device.geometry.planes_per_die
    times = " / ".join(f"{read_us:g}" for read_us in device.timing.read_us)
    return (
        f"die (assumption): all {planes} planes sense a page each at once, in {times} us; one sensing serves all uses "
        "of a weight; results cost no time"
    )


def _computers(tflops: dict[str, float | None], assumed: Sequence[str]) -> str:
    said = []
    for place, value in tflops.items():
        mark = " (a)" if place in assumed else ""
        said.append(f"{place} {'as sensed (a)' if value is None else f'{value:g} Top/s{mark}'}")
    return ", ".join(said)


def _cells(row: Inference, assumed_rate: bool) -> list[str]:
    limited = row.limited_by
    unsure = row.assumed or (limited == "compute" and assumed_rate)
    return [
        row.where,
        row.mode,
        number(row.weights_gb_s),
        number(1e3 * row.load_s),
        number(1e3 * row.compute_s),
        number(row.per_s),
        "-" if row.stall is None else f"{row.stall:.0%}",
        limited + (" (a)" if unsure else ""),
        f"RBER {rate(row.rber)}"
        if row.uber is None
        else f"UBER {rate(row.uber) if row.uber >= _TINY else f'<{_TINY:g}'}",
    ]
